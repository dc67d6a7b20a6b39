"""The program of the scikit-learn image under SageMaker's contract, and its models behind the server."""

import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from serving import Server
from sklearn.metrics import roc_auc_score
from table_job import change, command, failure, files, onnx_scores, records_with_gaps, stopped_while_reading
from tables import TARGET, make_model, numbers

FAST = {"n_estimators": "30", "min_samples_leaf": "5"}
REGRESSION = {"problem": "regression"}
LINEAR = {"model": "linear"}
MODELS = [{}, LINEAR, REGRESSION, REGRESSION | LINEAR]


def train(base: Path, **hyperparameters: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        **command("sklearn", base, {**FAST, **hyperparameters}), capture_output=True, text=True, check=False
    )


def validation(base: Path) -> pd.DataFrame:
    return pd.read_csv(base / "input" / "data" / "validation" / "part.csv")


@pytest.mark.parametrize("hyperparameters", MODELS, ids=str)
def test_it_learns_what_decides_and_keeps_data_alone(hyperparameters: dict[str, str], base: Path) -> None:
    finished = train(base, **hyperparameters)
    assert finished.returncode == 0, finished.stdout
    assert files(base) == ["manifest.json", "model.onnx"]
    table = validation(base)
    scores = onnx_scores(base, table.iloc[:, 1:].to_numpy(np.float32))
    assert roc_auc_score(table["target"], scores) > 0.75


@pytest.mark.parametrize(("hyperparameters", "metric"), [({}, "auc"), (REGRESSION, "rmse")], ids=str)
def test_metrics_are_printed_as_the_metric_definitions_read_them(
    hyperparameters: dict[str, str], metric: str, base: Path
) -> None:
    log = train(base, **hyperparameters).stdout
    assert f" train:{metric}=0." in log
    assert f" validation:{metric}=0." in log


@pytest.mark.parametrize("hyperparameters", MODELS, ids=str)
def test_the_same_job_leaves_the_same_bytes(hyperparameters: dict[str, str], base: Path) -> None:
    models = [
        (base / "model" / "model.onnx").read_bytes() for _ in range(2) if train(base, **hyperparameters).returncode == 0
    ]
    assert len(models) == 2
    assert models[0] == models[1]


@pytest.mark.parametrize("hyperparameters", MODELS, ids=str)
def test_a_missing_value_counts_as_the_mean_of_its_column(hyperparameters: dict[str, str], base: Path) -> None:
    change(base, b=lambda table: table["b"].mask(table["b"] > 1), c=np.nan)
    assert train(base, **hyperparameters).returncode == 0
    means = pd.read_csv(base / "input" / "data" / "train" / "part.csv")[["a", "b", "c"]].mean().fillna(0)
    records = records_with_gaps()
    filled = np.where(np.isnan(records), means.to_numpy(np.float32), records)
    assert onnx_scores(base, records) == pytest.approx(onnx_scores(base, filled), abs=1e-5)


@pytest.mark.parametrize("hyperparameters", MODELS, ids=str)
def test_columns_and_targets_far_from_zero_are_told_apart(hyperparameters: dict[str, str], base: Path) -> None:
    change(base, a=lambda table: 2000 + table["a"] / 8, b=lambda table: 1e9 + 1e6 * table["b"])
    if "problem" in hyperparameters:
        change(base, target=lambda table: 1e6 * (table["target"] - 0.5))
    finished = train(base, **hyperparameters)
    assert finished.returncode == 0, finished.stdout
    table = validation(base)
    scores = onnx_scores(base, table.iloc[:, 1:].to_numpy(np.float32))
    assert roc_auc_score(table["target"] > 0, scores) > 0.75


def test_a_model_whose_onnx_predicts_otherwise_fails_the_job(base: Path) -> None:
    # Two columns are nearly one: large weights that cancel out leave rounding errors of 32 bits.
    change(base, c=lambda table: table["a"] + 1e-5 * table["b"], target=lambda table: table["b"])
    change(base, b=0)
    finished = train(base, **REGRESSION, **LINEAR, alpha="1e-12")
    assert finished.returncode == 1, finished.stdout
    assert "No model.onnx: its scores differ from the model's own by" in failure(base)
    assert "a larger alpha" in failure(base)
    assert not (base / "model").exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("n_estimatros", "10", "Unknown hyperparameters: n_estimatros. Known ones: problem"),
        ("problem", "ranking", "Hyperparameter problem is 'ranking'. It must be one of binary_classification, regr"),
        ("model", "boosting", "Hyperparameter model is 'boosting'. It must be one of forest, linear"),
        ("n_estimators", "0", "Hyperparameter n_estimators is 0. It must be at least 1"),
        ("max_features", "sqrt", "Hyperparameter max_features is 'sqrt'. It must be of type float"),
        ("max_features", "1.5", "Hyperparameter max_features is 1.5. It must be above 0, and at most 1"),
        ("C", "0", "Hyperparameter C is 0.0. It must be above 0"),
    ],
)
def test_bad_hyperparameter_is_refused_by_name(name: str, value: str, message: str, base: Path) -> None:
    assert train(base, **{name: value}).returncode == 1
    assert message in failure(base)
    assert not (base / "model").exists()


def test_a_classification_of_one_class_or_of_many_is_refused(base: Path) -> None:
    change(base, target=lambda table: table["target"] + table.index % 2)
    assert train(base).returncode == 1
    assert "The targets of channel train are 0, 1, 2. A binary classification needs 0 and 1." in failure(base)


def test_several_instances_are_refused(base: Path) -> None:
    job = command("sklearn", base, FAST)
    hosts = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}
    (base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(hosts))
    assert subprocess.run(**job, capture_output=True, check=False).returncode == 1
    assert "The job has 2 instances; this training runs on one." in failure(base)


def test_stop_keeps_the_trees_so_far_and_exits_0(base: Path) -> None:
    job = command("sklearn", base, {**FAST, "n_estimators": "1000000"})
    with subprocess.Popen(**job, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert "of 1000000 trees" in program.stdout.readline()
        program.send_signal(signal.SIGTERM)
        rest = program.stdout.read()
    assert program.returncode == 0
    assert "Stopped: train:auc=" in rest
    assert files(base) == ["manifest.json", "model.onnx"]
    table = validation(base)
    assert roc_auc_score(table["target"], onnx_scores(base, table.iloc[:, 1:].to_numpy(np.float32))) > 0.6


def test_stop_before_the_first_tree_exits_0_without_a_model(base: Path) -> None:
    code, output = stopped_while_reading("sklearn", base, FAST)

    assert code == 0
    assert "Stopped before there was a model to keep" in output
    assert not (base / "model").exists()


@pytest.mark.parametrize("model", ["forest", "linear"])
def test_the_server_of_xgboost_s_models_serves_few_and_many_records(model: str, tmp_path: Path) -> None:
    folder = make_model(tmp_path, numbers(), "regression", "sklearn", {**FAST, **REGRESSION, "model": model})
    records = numbers().drop(columns=TARGET)
    expected = onnx_scores(tmp_path, records.to_numpy(np.float32))
    with Server(folder) as server:
        for count in (1, 7, 300):
            answer = server.invoke(records.head(count).to_csv(index=False, header=False))
            assert answer.status == 200, answer.body
            found = [float(line) for line in answer.body.decode().splitlines()]
            assert found == pytest.approx(expected[:count], abs=1e-4)
