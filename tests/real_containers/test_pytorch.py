"""`<image> train` with PyTorch on a CPU, read by onnxruntime of this machine."""

import json
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from hosts import HOSTS, Options
from jobs import training
from script_mode import script_job
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

CLASSES = 3
SHORT = {"epochs": "4", "batch_size": "32", "width": "8"}
LONG = {**SHORT, "epochs": "100000"}
KEPT = ["features.json", "manifest.json", "model.onnx", "model.safetensors"]

Images = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


@pytest.fixture(scope="module")
def digits() -> dict[str, Images]:
    """Images of 0, 1 and 2, 16 pixels wide, and their classes, by channel."""
    found = load_digits(n_class=CLASSES)
    pixels = np.kron(found.images, np.ones((2, 2)))[..., np.newaxis] * 15
    parts = {"train": slice(0, 320), "validation": slice(320, 400), "test": slice(400, None)}
    return {name: (pixels[rows].astype(np.uint8), found.target[rows].astype(np.int64)) for name, rows in parts.items()}


@pytest.fixture(scope="module")
def channels(digits: dict[str, Images], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("digits")
    for name in ("train", "validation"):
        (folder / name).mkdir()
        images, labels = digits[name]
        np.save(folder / name / "images.npy", images)
        np.save(folder / name / "labels.npy", labels)
    (folder / "metadata").mkdir()
    schema = {"version": 1, "target": {"name": "class", "classes": [str(number) for number in range(CLASSES)]}}
    (folder / "metadata" / "features.json").write_text(json.dumps(schema))
    return {name: folder / name for name in ("train", "validation", "metadata")}


def accuracy(model: Path, images: Images) -> float:
    session = onnxruntime.InferenceSession(model / "model.onnx")
    (found,) = session.run(["probabilities"], {"image": images[0]})
    assert found.sum(1) == pytest.approx(1, abs=1e-4)
    return float(np.mean(found.argmax(1) == images[1]))


def tensors(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: https://huggingface.co/docs/safetensors"""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    assert (
        max(item["data_offsets"][1] for name, item in header.items() if name != "__metadata__") == len(data) - 8 - size
    )
    return header


def test_onnxruntime_reads_what_was_learnt_without_a_network(
    torch_trainer: str, channels: dict[str, Path], digits: dict[str, Images], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", channels, SHORT)
    status, log = job.run(torch_trainer, "train", options=("--network=none",))
    assert status == 0, log
    assert "Training on cpu, 1 process " in log
    assert job.files("model") == KEPT
    assert accuracy(job.base / "model", digits["test"]) > 0.8
    assert tensors(job.base / "model" / "model.safetensors")["head.bias"]["shape"] == [CLASSES]
    assert job.files("output") == ["data"]


def test_processes_of_one_host_find_each_other_without_a_network(
    torch_trainer: str, channels: dict[str, Path], digits: dict[str, Images], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", channels, SHORT)
    status, log = job.run(torch_trainer, "train", options=("--network=none", "--env=PROCESSES_PER_HOST=2"))
    assert status == 0, log
    assert "Training on cpu, 2 processes " in log
    assert accuracy(job.base / "model", digits["test"]) > 0.8


def test_two_hosts_train_one_model_that_the_first_keeps(
    torch_trainer: str, channels: dict[str, Path], digits: dict[str, Images], addressed: Options, tmp_path: Path
) -> None:
    jobs = {host: training(tmp_path / host, channels, SHORT, host, HOSTS) for host in HOSTS}
    with ExitStack() as stack:
        started = [
            stack.enter_context(jobs[host].start(torch_trainer, "train", options=addressed[host])) for host in HOSTS
        ]
        ended = [(container.wait(), container.log()) for container in started]
    assert [status for status, _ in ended] == [0, 0], ended
    assert accuracy(jobs["algo-1"].base / "model", digits["test"]) > 0.8
    assert jobs["algo-2"].files("model") == []


def test_stop_keeps_the_model_and_a_checkpoint_that_the_next_run_takes_up(
    torch_trainer: str, channels: dict[str, Path], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", channels, LONG)
    with job.start(torch_trainer, "train") as container:
        container.wait_for("validation:loss=")
        assert container.stop(120) == 0, container.log()
        assert "told to end; the next run goes on from here" in container.log()
    assert job.files("model") == KEPT
    assert job.files("output") == ["data"]
    with job.start(torch_trainer, "train") as container:
        container.wait_for("Goes on after step ")
        assert container.stop(120) == 0, container.log()


@pytest.mark.parametrize(
    "case",
    [
        ({"epoch": "1"}, (), "Unknown hyperparameters: epoch."),
        ({}, ("--env=ACCELERATOR=gpu",), "The job asks for the accelerator gpu (cuda), but PyTorch 2."),
        ({}, ("--memory=120m", "--memory-swap=120m"), "Training process 0 was ended by SIGKILL. Probably memory ran"),
    ],
    ids=["hyperparameter", "accelerator", "memory"],
)
def test_failure_tells_its_reason(
    case: tuple[dict[str, str], tuple[str, ...], str], torch_trainer: str, channels: dict[str, Path], tmp_path: Path
) -> None:
    given, options, reason = case
    job = training(tmp_path / "ml", channels, given)
    status, log = job.run(torch_trainer, "train", options=options)
    assert status == (137 if "SIGKILL" in reason else 1), log
    assert job.failure.startswith(reason)
    assert job.files("model") == []


def test_missing_channel_is_the_reason_of_the_failure(
    torch_trainer: str, channels: dict[str, Path], tmp_path: Path
) -> None:
    job = training(tmp_path / "ml", {name: channels[name] for name in ("train", "metadata")}, {})
    assert job.run(torch_trainer, "train")[0] == 1
    assert job.failure.startswith("Channel 'validation' is missing")


def test_script_of_ones_own_runs_by_the_driver_of_the_sdk(torch_trainer: str, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    script = tmp_path / "code" / "own.py"
    script.write_text("import os, torch\nprint('learnt', torch.ones(3).sum().item(), os.environ['SM_HP_EPOCHS'])\n")
    job, arguments, entry = script_job(tmp_path, script, {"epochs": 2})
    status, log = job.run(torch_trainer, *arguments, options=(entry,))
    assert status == 0, log
    assert "learnt 3.0 2" in log
