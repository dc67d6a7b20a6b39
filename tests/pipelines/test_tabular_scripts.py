"""Processing, training and evaluation as jobs run them: one process after another, folders between them."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import xgboost as xgb

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "pipelines" / "build" / "tabular"
SHARED = str(ROOT / "pipelines" / "build" / "scripts")
TRAINING = ROOT / "containers" / "training"
OBJECTIVES = {
    "binary_classification": {"objective": "binary:logistic", "eval_metric": "auc"},
    "regression": {"objective": "reg:squarederror", "eval_metric": "rmse"},
}


def customers(rows: int = 900) -> pd.DataFrame:
    """Customers with gaps, categories and two targets: whether they left, and what they spent."""
    random = np.random.default_rng(3)
    age = random.integers(18, 80, rows).astype(float)
    plan = random.choice(["basic", "plus", "premium"], rows, p=[0.5, 0.3, 0.2])
    calls = random.poisson(2, rows)
    risk = -3 + 1.1 * calls - 0.02 * (age - 40) + 1.5 * (plan == "basic")
    left = np.where(random.random(rows) < 1 / (1 + np.exp(-risk)), "yes", "no")
    spent = 20 + 0.5 * age + 30 * (plan == "premium") + random.normal(0, 3, rows)
    age[random.random(rows) < 0.05] = np.nan
    town = np.array(["Ulm", "Köln, Süd", 'Bad "X"', None], dtype=object)[random.integers(0, 4, rows)]
    columns = {"age": age, "plan": plan, "calls": calls, "minutes": random.gamma(2, 60, rows).round(2), "town": town}
    return pd.DataFrame({**columns, "left": left, "spent": spent.round(2)})


def run(script: Path | str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": SHARED, **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def process(
    folder: Path, table: pd.DataFrame, target: str, problem: str, shares: int = 1
) -> subprocess.CompletedProcess[str]:
    (folder / "in").mkdir(exist_ok=True)
    table.to_csv(folder / "in" / "customers.csv", index=False)
    where = ["--input", folder / "in", "--output", folder / "out", "--data-uri", "s3://bucket/customers.csv"]
    what = ["--target", target, "--problem-type", problem, "--shares", shares]
    return run(SCRIPTS / "process.py", *what, *where)


def train(folder: Path, problem: str, **changes: str) -> subprocess.CompletedProcess[str]:
    settings = {"num_round": "40", "early_stopping_rounds": "10", "max_depth": "3"}
    return train_by("xgboost", folder, {**settings, **OBJECTIVES[problem], **changes})


def train_by(image: str, folder: Path, hyperparameters: dict[str, str]) -> subprocess.CompletedProcess[str]:
    base = folder / "ml"
    (base / "input" / "config").mkdir(parents=True)
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (base / "input" / "data").symlink_to(folder / "out")
    programs = f"{TRAINING}{os.pathsep}{TRAINING / image}"
    return run("-m", "entry", "train", PYTHONPATH=programs, SAGEMAKER_BASE_DIR=str(base))


def pack(folder: Path) -> None:
    (folder / "model").mkdir()
    with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(folder / "ml" / "model", arcname=".")


def evaluate(folder: Path, metric: str = "auc") -> subprocess.CompletedProcess[str]:
    where = [
        "--metric",
        metric,
        "--model",
        folder / "model",
        "--test",
        folder / "out" / "test",
        "--output",
        folder / "evaluation",
    ]
    return run(SCRIPTS / "evaluate.py", *where)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["binary_classification", "regression"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """All three jobs done on one problem; its type and folder."""
    problem, folder = request.param, tmp_path_factory.mktemp(request.param)
    target, other = ("left", "spent") if problem == "binary_classification" else ("spent", "left")
    jobs = [process(folder, customers().drop(columns=other), target, problem), train(folder, problem)]
    assert [job.returncode for job in jobs] == [0, 0], jobs
    pack(folder)
    evaluated = evaluate(folder, "auc" if problem == "binary_classification" else "r2")
    assert evaluated.returncode == 0, evaluated.stderr
    return problem, folder


def test_every_row_is_in_exactly_one_part(finished: tuple[str, Path]) -> None:
    _, folder = finished
    parts = [pd.read_csv(folder / "out" / name / f"{name}.csv") for name in ("train", "validation", "test")]

    assert sum(map(len, parts)) == len(customers())
    assert len(parts[0]) > 3 * len(parts[2]) > 0


def test_each_training_instance_gets_a_share_of_the_rows(finished: tuple[str, Path], tmp_path: Path) -> None:
    problem, folder = finished
    target, other = ("left", "spent") if problem == "binary_classification" else ("spent", "left")
    assert process(tmp_path, customers().drop(columns=other), target, problem, shares=3).returncode == 0
    header, *rows = (folder / "out" / "train" / "train.csv").read_text().splitlines()
    shares = [path.read_text().splitlines() for path in sorted((tmp_path / "out" / "train").iterdir())]

    assert [share[0] for share in shares] == [header] * 3
    assert [len(share) - 1 for share in shares] == [len(rows[number::3]) for number in range(3)]
    assert sorted(row for share in shares for row in share[1:]) == sorted(rows)
    assert [path.name for path in (tmp_path / "out" / "validation").iterdir()] == ["validation.csv"]


def test_manifest_identifies_the_data(finished: tuple[str, Path]) -> None:
    _, folder = finished
    manifest = read(folder / "out" / "metadata" / "data.json")
    checksum = subprocess.run(
        ["sha256sum", str(folder / "in" / "customers.csv")], capture_output=True, text=True, check=True
    ).stdout.split()[0]

    assert (manifest["uri"], manifest["sha256"], manifest["rows"]) == ("s3://bucket/customers.csv", checksum, 900)


def test_model_travels_with_its_schema(finished: tuple[str, Path]) -> None:
    _, folder = finished

    assert read(folder / "ml" / "model" / "features.json") == read(folder / "out" / "metadata" / "features.json")
    assert sorted(path.name for path in (folder / "ml" / "model").iterdir()) == [
        "features.json", "manifest.json", "model.onnx", "model.ubj",
    ]  # fmt: skip


def test_metrics_have_a_value_and_a_deviation_and_beat_chance(finished: tuple[str, Path]) -> None:
    problem, folder = finished
    metrics = read(folder / "evaluation" / "evaluation.json")[f"{problem}_metrics"]
    quality = metrics["auc" if problem == "binary_classification" else "r2"]

    assert 0.7 < quality["value"] < 1
    assert 0 < quality["standard_deviation"] < 0.2


def test_report_stands_alone(finished: tuple[str, Path]) -> None:
    problem, folder = finished
    page = (folder / "evaluation" / "evaluation.html").read_text(encoding="utf-8")

    assert page.count("<svg") == (3 if problem == "binary_classification" else 2)
    assert not re.findall(r"<(?:script|link|img)\b|(?:src|href)=\"http", page)


def test_the_same_data_gives_the_same_files(finished: tuple[str, Path], tmp_path: Path) -> None:
    problem, folder = finished
    target, other = ("left", "spent") if problem == "binary_classification" else ("spent", "left")
    process(tmp_path, customers().drop(columns=other), target, problem)

    written = sorted(path.relative_to(tmp_path) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert len(written) == 7
    assert [(tmp_path / name).read_bytes() for name in written] == [(folder / name).read_bytes() for name in written]


def test_golden_records_are_rows_of_the_data_as_a_client_would_send_them(finished: tuple[str, Path]) -> None:
    _, folder = finished
    golden, schema = read(folder / "evaluation" / "golden.json"), read(folder / "out" / "metadata" / "features.json")
    sent = pd.read_csv(folder / "in" / "customers.csv").drop(columns=schema["target"]["name"])
    rows = [tuple(None if pd.isna(value) else value for value in row) for row in sent.itertuples(index=False)]

    assert golden["columns"] == schema["columns"]
    assert len(golden["records"]) == len(golden["scores"]) == 20
    assert {tuple(record) for record in golden["records"]} == {tuple(sent.columns)}
    assert all(tuple(record.values()) in rows for record in golden["records"])
    assert any(None in record.values() for record in golden["records"])


def test_golden_scores_are_what_the_model_predicts_for_the_records(finished: tuple[str, Path]) -> None:
    _, folder = finished
    golden, model = read(folder / "evaluation" / "golden.json"), folder / "ml" / "model"
    encoded = [
        [
            number
            for column in golden["columns"]
            for number in (
                [np.nan if record[column["name"]] is None else record[column["name"]]]
                if column["kind"] == "numeric"
                else [float(record[column["name"]] == level) for level in column["levels"]]
            )
        ]
        for record in golden["records"]
    ]
    booster = xgb.Booster(model_file=model / "model.ubj")
    native = booster.predict(xgb.DMatrix(np.array(encoded), feature_names=booster.feature_names))
    session = onnxruntime.InferenceSession(model / "model.onnx")
    converted = session.run(None, {"input": np.array(encoded, np.float32)})[-1].reshape(len(encoded), -1)[:, -1]

    assert golden["scores"] == native.tolist()
    assert golden["scores"] == pytest.approx(converted.ravel(), rel=golden["tolerance"], abs=golden["tolerance"])


def test_a_row_with_a_gap_is_among_the_golden_records_though_it_comes_late(tmp_path: Path) -> None:
    table = customers().drop(columns="left").dropna()
    table.loc[table.index[-100:], "age"] = np.nan
    assert process(tmp_path, table, "spent", "regression").returncode == 0
    samples = read(tmp_path / "out" / "test" / "samples.json")
    test = pd.read_csv(tmp_path / "out" / "test" / "test.csv")

    assert [record["age"] is None for record in samples["records"]] == [False] * 19 + [True]
    assert [record["calls"] for record in samples["records"]] == test["calls"].iloc[samples["rows"]].tolist()


def test_categories_in_samples_are_text_and_numbers_are_numbers(tmp_path: Path) -> None:
    table = customers().drop(columns="left").assign(member=lambda rows: rows["age"] > 40)
    process(tmp_path, table, "spent", "regression")
    record = read(tmp_path / "out" / "test" / "samples.json")["records"][0]

    assert record["member"] in ("True", "False")
    assert (type(record["calls"]), type(record["minutes"])) == (int, float)


def test_the_measured_archive_is_told_by_its_sha256(finished: tuple[str, Path]) -> None:
    _, folder = finished
    archive = (folder / "model" / "model.tar.gz").read_bytes()

    assert read(folder / "evaluation" / "model.json")["sha256"] == hashlib.sha256(archive).hexdigest()


def test_rows_stay_in_their_part_when_others_come(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "large").mkdir()
    table = customers().drop(columns="left")
    process(tmp_path / "small", table.head(600), "spent", "regression")
    process(tmp_path / "large", table, "spent", "regression")
    few, many = (pd.read_csv(tmp_path / size / "out" / "test" / "test.csv") for size in ("small", "large"))

    assert len(few.merge(many, how="inner")) >= len(few) > 0


def test_duplicates_are_dropped(tmp_path: Path) -> None:
    table = customers().drop(columns="left")
    process(tmp_path, pd.concat([table, table.head(50)]), "spent", "regression")

    assert read(tmp_path / "out" / "metadata" / "data.json")["rows"] == len(table.drop_duplicates())


@pytest.mark.parametrize(
    ("classes", "positive"),
    [(("no", "yes"), "yes"), (("True", "False"), "True"), ((0, 1), "1"), (("stay", "go"), "go"), (("Y", "N"), "Y")],
)
def test_positive_class_is_the_one_so_named_else_the_rarer(
    classes: tuple[object, object], positive: str, tmp_path: Path
) -> None:
    table = customers().drop(columns=["left", "spent"])
    table["target"] = [classes[1] if row % 4 == 0 else classes[0] for row in range(len(table))]
    assert process(tmp_path, table, "target", "binary_classification").returncode == 0

    assert read(tmp_path / "out" / "metadata" / "features.json")["target"]["classes"][1] == positive


@pytest.mark.parametrize(
    ("target", "problem", "message"),
    [
        ("churn", "binary_classification", r"target column 'churn' is not in the data.*'left'.*Set TargetColumn"),
        ("plan", "binary_classification", r"target 'plan' has 3 classes.*needs 2"),
        ("plan", "regression", r"target 'plan' is not a number 900 times"),
    ],
)
def test_unusable_target_is_refused_before_anything_is_written(
    target: str, problem: str, message: str, tmp_path: Path
) -> None:
    refused = process(tmp_path, customers(), target, problem)

    assert refused.returncode == 1
    assert re.search(message, refused.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"name\nJos\xe9\n", b'a,b\n"1,2\n'], ids=["empty", "latin-1", "open quote"])
def test_what_is_no_csv_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "odd.csv").write_bytes(content)
    refused = run(
        SCRIPTS / "process.py", "--target", "b", "--problem-type", "regression", "--data-uri", "s3://data/odd.csv",
        "--input", tmp_path / "in", "--output", tmp_path / "out",
    )  # fmt: skip

    assert refused.returncode == 1
    assert "odd.csv is not CSV in UTF-8" in refused.stderr and "Traceback" not in refused.stderr


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    refused = process(tmp_path, customers(6), "left", "binary_classification")

    assert refused.returncode == 1
    assert "Add rows" in refused.stderr


def test_missing_data_names_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "customers.parquet").write_bytes(b"PAR1")
    what = ["--target", "a", "--problem-type", "regression", "--data-uri", "s3://b/k"]
    where = ["--input", tmp_path / "in", "--output", tmp_path / "out", "--message", tmp_path / "message"]
    refused = run(SCRIPTS / "process.py", *what, *where)

    assert refused.returncode == 1
    assert "customers.parquet" in refused.stderr
    assert "customers.parquet" in (tmp_path / "message").read_text()


def member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "info",
    [member("../model.ubj"), member("/tmp/model.ubj"), member("model.ubj", tarfile.SYMTYPE),  # noqa: S108
     member("model.ubj", tarfile.LNKTYPE), member("fifo", tarfile.FIFOTYPE)],
    ids=["traversal", "absolute", "symlink", "hardlink", "fifo"],
)  # fmt: skip
def test_dangerous_archive_is_refused(info: tarfile.TarInfo, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "out" / "test").mkdir(parents=True)
    with tarfile.open(tmp_path / "model" / "model.tar.gz", "w:gz") as archive:
        archive.addfile(info, io.BytesIO(b""))
    refused = evaluate(tmp_path)

    assert refused.returncode == 1
    assert "a link or a path outside" in refused.stderr
    assert not (tmp_path / "evaluation").exists()
