"""The training container's program under SageMaker's contract."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

TRAIN = Path(__file__).resolve().parents[2] / "containers" / "training" / "xgboost" / "train.py"
FAST = {"num_round": "15", "eval_metric": "auc"}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder laid out like /opt/ml, two channels filled."""
    random = np.random.default_rng(1)
    for name, rows in (("train", 400), ("validation", 150)):
        features = random.normal(size=(rows, 3))
        table = pd.DataFrame(features, columns=["a", "b", "c"])
        table.insert(0, "target", (features[:, 0] + random.normal(size=rows) > 0).astype(int))
        (tmp_path / "input" / "data" / name).mkdir(parents=True)
        table.to_csv(tmp_path / "input" / "data" / name / "part.csv", index=False)
    return tmp_path


def configure(base: Path, hyperparameters: dict[str, str]) -> dict[str, Any]:
    config = base / "input" / "config"
    config.mkdir(exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    return {"args": [sys.executable, "-u", str(TRAIN), "train"], "env": {**os.environ, "SAGEMAKER_BASE_DIR": str(base)}}


def train(base: Path, **hyperparameters: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        **configure(base, {**FAST, **hyperparameters}), capture_output=True, text=True, check=False
    )  # fmt: skip


def failure(base: Path) -> str:
    return (base / "output" / "failure").read_text()


def test_training_leaves_a_model_and_no_failure(base: Path) -> None:
    finished = train(base)

    assert finished.returncode == 0, finished.stderr
    assert [path.name for path in (base / "model").iterdir()] == ["model.ubj"]
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
    ],
)
def test_bad_hyperparameter_is_refused_by_name(name: str, value: str, message: str, base: Path) -> None:
    assert train(base, **{name: value}).returncode == 1
    assert message in failure(base)
    assert not (base / "model").exists()


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


def test_stop_before_the_first_round_exits_0_without_a_model(base: Path) -> None:
    # Opening a pipe blocks until there is a writer: the job waits in its first channel while the signal arrives.
    pipe = base / "input" / "data" / "train" / "part.csv"
    content = pipe.read_text()
    pipe.unlink()
    os.mkfifo(pipe)
    with subprocess.Popen(**configure(base, FAST), stdout=subprocess.PIPE, text=True) as job:
        with pipe.open("w") as writer:
            job.send_signal(signal.SIGTERM)
            writer.write(content)
        output = job.stdout.read() if job.stdout else ""

    assert job.returncode == 0
    assert "Stopped before the first round" in output
    assert not (base / "model").exists()
