"""`<image> train` with XGBoost, read by others: xgboost and onnxruntime of this machine."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import xgboost as xgb
from jobs import Job, training
from podman import podman

LONG = {"num_round": "1000000", "max_depth": "2"}


def test_model_is_complete_and_its_manifest_tells_each_file(trained: Job) -> None:
    assert trained.files("model") == ["features.json", "manifest.json", "model.onnx", "model.ubj"]
    told = json.loads((trained.base / "model" / "manifest.json").read_text())["files"]
    found = {name: (trained.base / "model" / name).read_bytes() for name in trained.files("model")}
    assert told == {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != "manifest.json"}
    assert trained.files("output") == ["data"]


def test_xgboost_and_onnxruntime_read_the_same_model(trained: Job, processed: Path) -> None:
    table = pd.read_csv(processed / "test" / "test.csv")
    booster = xgb.Booster(model_file=trained.base / "model" / "model.ubj")
    native = booster.predict(xgb.DMatrix(table.iloc[:, 1:]))
    session = onnxruntime.InferenceSession(trained.base / "model" / "model.onnx")
    rows = table.iloc[:, 1:].to_numpy(np.float32)
    onnx = session.run([session.get_outputs()[-1].name], {"input": rows})[0][:, -1]
    assert booster.num_boosted_rounds() == 12
    assert native == pytest.approx(onnx, abs=1e-4)
    # It has learnt something: scores follow the label.
    assert native[table.iloc[:, 0] == 1].mean() > native[table.iloc[:, 0] == 0].mean() + 0.1


def test_stop_keeps_what_was_trained_so_far(trainer: str, channels: dict[str, Path], tmp_path: Path) -> None:
    job = training(tmp_path / "ml", channels, LONG)
    with job.start(trainer, "train") as container:
        container.wait_for("validation:auc=")
        assert container.stop(120) == 0, container.log()
        assert "Stopped after" in container.log()
    rounds = xgb.Booster(model_file=job.base / "model" / "model.ubj").num_boosted_rounds()
    assert 0 < rounds < 1_000_000
    assert "manifest.json" in job.files("model")
    assert job.files("output") == ["data"]


def test_stop_before_anything_was_trained_is_told_in_the_log(
    trainer: str, channels: dict[str, Path], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", channels, LONG)
    # The training waits for its data: a pipe is read when somebody writes it.
    data = job.base / "input" / "data" / "train" / "train.csv"
    rows = data.read_text()
    data.unlink()
    os.mkfifo(data)
    with job.start(trainer, "train") as container:
        with data.open("w") as pipe:
            podman("kill", "--signal=TERM", container.id)
            pipe.write(rows)
        assert container.wait() == 0, container.log()
        assert "Stopped before the first round; there is no model to keep." in container.log()
    assert job.files("model") == []


def test_unknown_hyperparameter_is_the_reason_of_the_failure(
    trainer: str, channels: dict[str, Path], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", channels, {"num_rounds": "3"})
    assert job.run(trainer, "train")[0] == 1
    assert job.failure.startswith("Unknown hyperparameters: num_rounds.")


def test_missing_channel_is_the_reason_of_the_failure(trainer: str, channels: dict[str, Path], tmp_path: Path) -> None:
    job = training(tmp_path / "ml", {"train": channels["train"]}, {})
    assert job.run(trainer, "train")[0] == 1
    assert job.failure.startswith("Channel 'validation' is missing")
    assert job.files("model") == []


def test_process_killed_for_its_memory_is_the_reason_of_the_failure(
    trainer: str, channels: dict[str, Path], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", channels, {})
    status, log = job.run(trainer, "train", options=("--memory=80m", "--memory-swap=80m"))
    assert status == 137, log
    assert job.failure.startswith("Training process 0 was ended by SIGKILL. Probably memory ran out")


def test_image_does_nothing_but_train(trainer: str, tmp_path: Path) -> None:
    status, log = Job(tmp_path).run(trainer, "serve")
    assert status == 2
    assert "start it with `train`" in log
