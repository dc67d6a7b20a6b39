"""A new model beside the approved version, on the same test set."""

import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_tabular_scripts import SCRIPTS, SHARED, customers, process, run, train, train_by

NONE = "There is no approved version"


def trained(folder: Path, table: pd.DataFrame, **hyperparameters: str) -> Path:
    """Train on a table; return the folder of the archive."""
    folder.mkdir()
    assert process(folder, table, "left", "binary_classification").returncode == 0
    done = train(folder, "binary_classification", **hyperparameters)
    assert done.returncode == 0, done.stdout
    return packed(folder)


def packed(folder: Path, *without: str) -> Path:
    """Pack the trained model, some files left away; return the folder of the archive."""
    (folder / "model").mkdir(exist_ok=True)
    with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(
            folder / "ml" / "model", arcname=".", filter=lambda file: file if file.name not in without else None
        )
    return folder / "model"


def compared(folder: Path, model: Path, champion: Path, **variables: str) -> dict[str, Any]:
    """Evaluate a model on the folder's test set against a champion; return comparison.json."""
    where = ["--model", model, "--test", folder / "out" / "test", "--champion", champion, "--metric", "auc"]
    done = run(SCRIPTS / "evaluate.py", *where, "--output", folder / "evaluation", **variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "evaluation" / "comparison.json").read_text())
    assert found["summary"] in done.stdout
    return found


def page(folder: Path) -> str:
    return (folder / "evaluation" / "evaluation.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that learnt all that there is."""
    folder = tmp_path_factory.mktemp("good") / "work"
    trained(folder, customers().drop(columns="spent"))
    return folder


def test_a_model_is_as_good_as_itself(good: Path) -> None:
    found = compared(good, good / "model", good / "model")

    assert (found["compared"], found["improvement"]) == (1, 0.0)
    assert found["candidate"] == found["champion"] > 0.7
    assert "<th>Approved version</th>" in page(good)


def test_a_worse_model_falls_behind_by_the_difference_of_the_metric(good: Path, tmp_path: Path) -> None:
    weak = trained(tmp_path / "weak", customers().drop(columns="spent"), num_round="1", max_depth="1")
    found = compared(good, weak, good / "model")

    assert found["improvement"] == pytest.approx(found["candidate"] - found["champion"], abs=1e-6)
    assert found["improvement"] < 0


def test_the_champion_reads_the_test_set_by_its_own_encoding(good: Path, tmp_path: Path) -> None:
    # The same customers, without a column and with another town: the new model has other features.
    table = customers().drop(columns=["spent", "minutes"]).replace({"town": {"Ulm": "Bonn"}})
    old = trained(tmp_path / "old", table)
    found = compared(good, good / "model", old)

    assert found["compared"] == 1
    assert found["champion"] > 0.7


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that scikit-learn has learnt of the same customers."""
    folder = tmp_path_factory.mktemp("forest") / "work"
    folder.mkdir()
    assert process(folder, customers().drop(columns="spent"), "left", "binary_classification").returncode == 0
    done = train_by("sklearn", folder, {"n_estimators": "40", "min_samples_leaf": "5"})
    assert done.returncode == 0, done.stdout
    packed(folder)
    return folder


@pytest.fixture
def without_xgboost(tmp_path: Path) -> dict[str, str]:
    """Variables of an environment in which XGBoost can't be imported, as in scikit-learn's image."""
    (tmp_path / "missing").mkdir()
    (tmp_path / "missing" / "sitecustomize.py").write_text("import sys\nsys.modules['xgboost'] = None\n")
    return {"PYTHONPATH": f"{tmp_path / 'missing'}{os.pathsep}{SHARED}"}


def test_models_of_both_algorithms_are_compared_in_the_image_of_either(
    good: Path, forest: Path, without_xgboost: dict[str, str]
) -> None:
    trees = compared(good, good / "model", forest / "model")
    drawn = page(good)
    challenger = compared(forest, forest / "model", good / "model", **without_xgboost)

    assert trees["champion"] > 0.7
    assert (trees["compared"], challenger["compared"]) == (1, 1)
    assert challenger["champion"] == pytest.approx(trees["candidate"], abs=1e-4)  # read from model.onnx there
    assert challenger["improvement"] == pytest.approx(-trees["improvement"], abs=1e-4)
    assert ("Feature importance" in drawn, "Feature importance" in page(forest)) == (True, False)


def test_xgboost_s_own_format_without_xgboost_is_named_and_holds_nobody_back(
    good: Path, forest: Path, without_xgboost: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(good / "ml" / "model", tmp_path / "ml" / "model")
    found = compared(forest, forest / "model", packed(tmp_path, "./model.onnx"), **without_xgboost)

    assert found["compared"] == 0
    assert "holds model.ubj and no model.onnx, and this image has no XGBoost" in found["summary"]


def test_without_an_approved_version_there_is_nothing_to_beat(good: Path, tmp_path: Path) -> None:
    (tmp_path / "no_champion.md").write_text("None.\n")
    found = compared(good, good / "model", tmp_path)

    assert (found["compared"], found["summary"]) == (0, NONE)
    assert NONE in page(good)
    assert "Approved version</th>" not in page(good)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda table: table.assign(rank=np.arange(len(table))),
            "it takes the column 'rank', which the data no longer",
        ),
        (lambda table: table.replace({"left": {"yes": "gone"}}), "its target is"),
        (lambda table: table.assign(town=np.arange(len(table)) % 7), "Unable to parse string"),
    ],
    ids=["a column is gone", "another target", "a number became text"],
)
def test_a_champion_that_cannot_read_the_data_is_named_and_holds_nobody_back(
    good: Path, tmp_path: Path, change: Any, reason: str
) -> None:
    old = trained(tmp_path / "old", change(customers().drop(columns="spent")))
    found = compared(good, good / "model", old)

    assert found["compared"] == 0
    assert found["summary"].startswith("The approved version can't be measured on this data: ")
    assert reason in found["summary"]


def test_a_damaged_archive_is_no_champion(good: Path, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    found = compared(good, good / "model", tmp_path)

    assert found["compared"] == 0
    assert "is not a readable model.tar.gz" in found["summary"]
