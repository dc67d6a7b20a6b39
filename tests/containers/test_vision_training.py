"""The program that trains on images under SageMaker's contract, on a CPU."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from training_job import TRAINING, await_line, furthest
from vision_job import UNSEEN, Job, digits


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, str]:
    """A job that ran to its end, and its log."""
    job = Job.make(tmp_path_factory.mktemp("plain"))
    code, log = job.run()
    assert code == 0, log
    return job, log


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job.make(tmp_path)


def test_it_leaves_a_model_that_knows_digits_it_has_not_seen(plain: tuple[Job, str]) -> None:
    job, _ = plain
    images, labels = digits(UNSEEN)

    assert job.files() == ["features.json", "manifest.json", "model.onnx", "model.safetensors"]
    assert np.mean(job.probabilities(images).argmax(1) == labels) > 0.8
    assert not (job.base / "output" / "failure").exists()


def test_the_model_can_be_read_by_who_is_not_root(plain: tuple[Job, str]) -> None:
    job, _ = plain

    assert all(path.stat().st_mode & 0o004 for path in (job.base / "model").iterdir())


def test_the_log_names_the_device_and_the_metrics(plain: tuple[Job, str]) -> None:
    _, log = plain

    assert "Training on cpu, 1 process in float32" in log
    assert " validation:accuracy=0." in log
    assert "images_per_second=" in log


def test_equal_seeds_give_equal_models(plain: tuple[Job, str], job: Job) -> None:
    assert job.run()[0] == 0
    assert furthest(plain[0].weights(), job.weights()) == 0


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job of one epoch. Later Adam, which divides a gradient by its usual size, makes of a rounding a step."""
    job = Job.make(tmp_path_factory.mktemp("brief"))
    assert job.run(epochs="1")[0] == 0
    return job


def test_two_processes_learn_what_one_learns(brief: Job, job: Job) -> None:
    code, log = job.run(epochs="1", variables={"PROCESSES_PER_HOST": "2"})

    assert code == 0, log
    assert "2 processes" in log
    assert furthest(brief.weights(), job.weights()) < 1e-5


def test_a_batch_in_parts_teaches_what_a_whole_one_teaches(brief: Job, job: Job) -> None:
    assert job.run(epochs="1", accumulate="3")[0] == 0
    assert furthest(brief.weights(), job.weights()) < 1e-5


def test_a_job_that_was_told_to_end_goes_on_as_if_it_had_not_been(plain: tuple[Job, str], job: Job) -> None:
    program = job.start()
    await_line(program, "[epoch 1")
    program.send_signal(signal.SIGTERM)
    log, _ = program.communicate(timeout=600)
    assert program.returncode == 0, log
    assert "told to end" in log

    code, log = job.run()

    assert code == 0, log
    assert "Goes on after step" in log
    assert furthest(plain[0].weights(), job.weights()) == 0


def test_a_job_that_was_killed_goes_on_from_its_last_checkpoint(plain: tuple[Job, str], job: Job) -> None:
    program = job.start(checkpoint_steps="3")
    await_line(program, "[epoch 1")
    os.killpg(program.pid, signal.SIGKILL)
    program.communicate(timeout=600)

    code, log = job.run(checkpoint_steps="4")

    assert code == 0, log
    assert furthest(plain[0].weights(), job.weights()) == 0


def test_a_job_that_is_told_to_end_at_once_keeps_no_model(job: Job) -> None:
    program = job.start(epochs="500", batch_size="600")
    await_line(program, "Training on")
    program.send_signal(signal.SIGTERM)
    log, _ = program.communicate(timeout=600)

    assert program.returncode == 0, log
    assert job.files() in ([], ["features.json", "manifest.json", "model.onnx", "model.safetensors"])
    assert job.files() or "there is no model to keep" in log


def test_bfloat16_learns_as_well(job: Job) -> None:
    code, log = job.run(precision="bfloat16")
    images, labels = digits(UNSEEN)

    assert code == 0, log
    assert np.mean(job.probabilities(images).argmax(1) == labels) > 0.8


def test_patience_ends_a_training_that_stalls(job: Job) -> None:
    code, log = job.run(epochs="60", patience="1", learning_rate="0.2")

    assert code == 0, log
    assert "[epoch 60" not in log


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rte": "0.1"}, "Unknown hyperparameters: learning_rte. Known ones: epochs"),
        ({"epochs": "0"}, "Hyperparameter epochs is 0. It must be at least 1"),
        ({"precision": "float8"}, "Hyperparameter precision is float8. It must be one of float32, bfloat16"),
        ({"batch_size": "7", "accumulate": "2"}, "batch_size is 7. It must be a multiple of 1 processes times 2 parts"),
        ({"batch_size": "601"}, "Channel train has 600 examples, fewer than batch_size 601"),
        ({"learning_rate": "1e30"}, "Lower learning_rate"),
    ],
)
def test_what_can_not_be_trained_is_told(given: dict[str, str], message: str, job: Job) -> None:
    code, log = job.run(**given)

    assert code == 1, log
    assert message in job.failure
    assert job.files() == []


@pytest.mark.parametrize("asked", ["gpu", "trainium"])
def test_an_accelerator_that_is_not_there_is_refused(asked: str, job: Job) -> None:
    code, _ = job.run(variables={"ACCELERATOR": asked})

    assert code == 1
    assert f"The job asks for the accelerator {asked}" in job.failure
    assert "finds cpu only" in job.failure


def test_a_missing_channel_is_named(job: Job) -> None:
    (job.base / "input" / "data" / "validation" / "images.npy").unlink()

    assert job.run()[0] == 1
    assert "Channel 'validation' is empty: no images.npy" in job.failure


def test_images_of_another_shape_are_refused(job: Job) -> None:
    job.fill("validation", np.zeros((5, 9, 9, 1), np.uint8), np.zeros(5, np.int64))

    assert job.run()[0] == 1
    assert "Channel train has images of [8, 8, 1], validation of [9, 9, 1]" in job.failure


def test_labels_without_a_class_are_refused(job: Job) -> None:
    images, labels = digits(slice(0, 100))
    job.fill("train", images, labels + 1)

    assert job.run()[0] == 1
    assert "labels from 1 to 10, but features.json names 10 classes" in job.failure


def test_the_checkpoint_of_another_training_is_left_alone(plain: tuple[Job, str], job: Job) -> None:
    interrupted = job.start(seed="5")
    await_line(interrupted, "[epoch 1")
    interrupted.send_signal(signal.SIGTERM)
    interrupted.communicate(timeout=600)
    (kept,) = job.checkpoints()
    content = kept.read_bytes()

    assert job.run()[0] == 0
    assert furthest(plain[0].weights(), job.weights()) == 0
    assert kept.read_bytes() == content


def test_a_training_that_is_done_leaves_nothing_to_be_copied_again(plain: tuple[Job, str]) -> None:
    assert [path.stat().st_size for path in plain[0].checkpoints()] == [0]


def test_a_process_that_dies_ends_the_job_with_the_cause(job: Job) -> None:
    program = job.start(epochs="500", variables={"PROCESSES_PER_HOST": "2"})
    await_line(program, "[epoch 1")
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    log, _ = program.communicate(timeout=600)

    assert program.returncode == 128 + signal.SIGKILL, log
    assert "Training process 1 was ended by SIGKILL" in job.failure


def test_a_full_disk_is_told_and_leaves_no_half_file(job: Job) -> None:
    code, log = job.run("prlimit", "--fsize=16000")

    assert code == 1, log
    assert "File too large" in job.failure
    assert job.files() == []
    assert job.checkpoints() == []


def test_the_manifest_lists_what_is_there(plain: tuple[Job, str]) -> None:
    job, _ = plain
    listed = json.loads((job.base / "model" / "manifest.json").read_text())["files"]

    assert sorted(listed) == ["features.json", "model.onnx", "model.safetensors"]


def test_the_smoke_test_of_an_image_says_what_it_trains_on_and_how_well() -> None:
    programs = f"{TRAINING}{os.pathsep}{Job.container}"
    done = subprocess.run(
        [sys.executable, Job.container / "smoke.py"],
        env={**os.environ, "PYTHONPATH": programs, "PROCESSES_PER_HOST": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Training on cpu" in done.stdout
    assert "of unseen pictures are told rightly" in done.stdout
