"""The training container's program under SageMaker's contract."""

import hashlib
import importlib.util
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from table_job import (
    TRAINING,
    Records,
    change,
    command,
    failure,
    files,
    onnx_scores,
    records_with_gaps,
    stopped_while_reading,
)

FAST = {"num_round": "15", "eval_metric": "auc"}
REGRESSION = {"objective": "reg:squarederror", "eval_metric": "rmse"}


def configure(base: Path, hyperparameters: dict[str, str]) -> dict[str, Any]:
    return command("xgboost", base, hyperparameters)


def train(base: Path, **hyperparameters: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        **configure(base, {**FAST, **hyperparameters}), capture_output=True, text=True, check=False
    )  # fmt: skip


def predictions(base: Path, records: Records) -> tuple[Any, Any]:
    """What XGBoost and what ONNX Runtime predict with a job's files."""
    booster = xgb.Booster(model_file=base / "model" / "model.ubj")
    matrix = xgb.DMatrix(records, feature_names=booster.feature_names)
    return booster.predict(matrix), onnx_scores(base, records)


def test_training_leaves_a_model_and_no_failure(base: Path) -> None:
    finished = train(base)

    assert finished.returncode == 0, finished.stderr
    assert files(base) == ["manifest.json", "model.onnx", "model.ubj"]
    assert not (base / "output" / "failure").exists()


def test_metrics_are_printed_as_the_metric_definitions_read_them(base: Path) -> None:
    log = train(base).stdout

    assert any(" validation:auc=0." in line for line in log.splitlines())


def test_early_stopping_ends_before_the_last_round(base: Path) -> None:
    log = train(base, num_round="2000", early_stopping_rounds="5").stdout

    assert "[1990]" not in log
    assert (base / "model" / "model.ubj").stat().st_size < 1_000_000


def test_json_quoted_values_are_understood(base: Path) -> None:
    assert train(base, eval_metric='"logloss"').returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rte", "0.1", "Unknown hyperparameters: learning_rte. Known ones: objective"),
        ("max_depth", "deep", "Hyperparameter max_depth is 'deep'. It must be of type int"),
        ("max_depth", "2.5", "Hyperparameter max_depth is '2.5'. It must be of type int"),
        ("eta", "true", "Hyperparameter eta is 'true'. It must be of type float"),
        ("num_round", "0", "Hyperparameter num_round is 0. It must be at least 1"),
        ("device", "tpu", "Hyperparameter device is 'tpu'. It must be one of cpu, cuda"),
    ],
)
def test_bad_hyperparameter_is_refused_by_name(name: str, value: str, message: str, base: Path) -> None:
    assert train(base, **{name: value}).returncode == 1
    assert message in failure(base)
    assert not (base / "model").exists()


@pytest.mark.parametrize(
    ("accelerator", "hyperparameters", "message"),
    [
        ("cpu", {"device": "cuda"}, "The job asks for the device cuda, but XGBoost has no CUDA in this image"),
        ("gpu", {}, "The job asks for the device cuda, but XGBoost has no CUDA in this image"),
        ("trainium", {}, "ACCELERATOR is 'trainium'. XGBoost trains on one of cpu, gpu."),
    ],
)
def test_no_device_is_taken_in_the_place_of_the_one_that_was_asked_for(
    accelerator: str, hyperparameters: dict[str, str], message: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATOR", accelerator)

    assert train(base, **hyperparameters).returncode == 1
    assert message in failure(base)
    assert not (base / "model").exists()


def test_an_image_for_gpus_trains_on_a_cpu_where_that_is_asked_for(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATOR", "gpu")

    assert train(base, device="cpu").returncode == 0
    assert files(base) == ["manifest.json", "model.onnx", "model.ubj"]


@pytest.mark.parametrize("channel", ["train", "validation"])
def test_missing_channel_is_named(channel: str, base: Path) -> None:
    (base / "input" / "data" / channel / "part.csv").unlink()

    assert train(base).returncode == 1
    assert f"Channel '{channel}' is missing" in failure(base)


def test_unforeseen_error_leaves_the_end_of_its_traceback(base: Path) -> None:
    (base / "input" / "data" / "train" / "part.csv").write_text("target,a,b,c\n1,x,y,z\n")

    assert train(base).returncode == 1
    reason = failure(base)
    assert "Error" in reason.splitlines()[-1] or "Error" in reason
    assert len(reason) <= 1024


def test_stop_keeps_the_model_so_far_and_exits_0(base: Path) -> None:
    with subprocess.Popen(
        **configure(base, {**FAST, "num_round": "1000000"}), stdout=subprocess.PIPE, text=True
    ) as job:  # fmt: skip
        assert job.stdout is not None
        assert "[0]" in job.stdout.readline()
        job.send_signal(signal.SIGTERM)
        rest = job.stdout.read()

    assert job.returncode == 0
    assert "Stopped after" in rest
    assert (base / "model" / "model.ubj").stat().st_size > 0
    assert files(base) == ["manifest.json", "model.ubj"]


def test_stop_before_the_first_round_exits_0_without_a_model(base: Path) -> None:
    code, output = stopped_while_reading("xgboost", base, FAST)

    assert code == 0
    assert "Stopped before the first round" in output
    assert not (base / "model").exists()


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {},
        {"gamma": "3", "max_depth": "8"},  # prunes: nodes are left behind in the trees
        {"gamma": "1e9"},  # trees of one leaf
        {"early_stopping_rounds": "3", "num_round": "200"},
        REGRESSION,
        {"objective": "count:poisson", "eval_metric": "rmse"},
    ],
    ids=str,
)
def test_onnx_predicts_like_xgboost_where_values_are_missing_too(hyperparameters: dict[str, str], base: Path) -> None:
    assert train(base, **hyperparameters).returncode == 0
    native, converted = predictions(base, records_with_gaps())

    assert converted.dtype == np.float32
    assert np.abs(converted - native).max() <= 1e-4


def test_regression_on_large_targets_has_onnx_too(base: Path) -> None:
    change(base, target=lambda table: 1e6 + 1e5 * table["target"])
    assert train(base, **REGRESSION).returncode == 0
    native, converted = predictions(base, records_with_gaps())

    assert np.abs(converted / native - 1).max() <= 1e-4


def test_onnx_that_predicts_otherwise_is_dropped_and_the_job_succeeds(base: Path) -> None:
    # Millions that cancel out to nearly nothing leave rounding errors, which differ.
    change(base, target=lambda table: 1e9 * table["target"])
    finished = train(base, **REGRESSION, num_round="150")

    assert finished.returncode == 0, finished.stderr
    assert "No model.onnx: its scores differ from the model's own by" in finished.stdout
    assert files(base) == ["manifest.json", "model.ubj"]


def test_objective_that_is_converted_wrongly_leaves_no_onnx_and_the_job_succeeds(base: Path) -> None:
    finished = train(base, objective="rank:pairwise")

    assert finished.returncode == 0, finished.stderr
    assert "No model.onnx: its scores differ from the model's own by" in finished.stdout
    assert files(base) == ["manifest.json", "model.ubj"]


@pytest.mark.parametrize(
    "parameters",
    [{"booster": "dart", "rate_drop": 0.5}, {"booster": "gblinear"}, {"objective": "multi:softmax", "num_class": 2}],
    ids=str,
)
def test_booster_without_an_equal_in_onnx_is_not_kept(
    parameters: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TRAINING)
    random = np.random.default_rng(1)
    records = random.normal(size=(200, 3)).astype(np.float32)
    data = xgb.DMatrix(records, label=records[:, 0] > 0)
    booster = xgb.train({"objective": "binary:logistic", **parameters}, data, 5)
    with caplog.at_level("INFO"):
        exporter().export(booster, records, tmp_path / "model.onnx")

    assert "No model.onnx: " in caplog.text
    assert list(tmp_path.iterdir()) == []


def exporter() -> Any:
    """The module that train.py uses: boosters of kinds that no hyperparameter asks for go to it directly."""
    spec = importlib.util.spec_from_file_location("export", TRAINING / "xgboost" / "export.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_manifest_tells_each_file_by_its_sha256(base: Path) -> None:
    (base / "input" / "data" / "metadata").mkdir()
    (base / "input" / "data" / "metadata" / "features.json").write_text("{}")
    train(base)
    told = json.loads((base / "model" / "manifest.json").read_text())["files"]

    assert sorted(told) == ["features.json", "model.onnx", "model.ubj"]
    for name, sha256 in told.items():
        assert hashlib.sha256((base / "model" / name).read_bytes()).hexdigest() == sha256
