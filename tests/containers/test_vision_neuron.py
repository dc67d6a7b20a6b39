"""The program that trains on images, unmodified, on the stand-in of a Trainium device that neuron_device/ holds."""

import signal
from pathlib import Path

import pytest
from neuron import Report, on_neuron
from safetensors.numpy import load_file
from training_job import TRAINING, furthest
from vision_job import SPLIT, Job

GIVEN = {"precision": "bfloat16", "epochs": "3", "batch_size": "24"}
EPOCH = SPLIT["train"].stop // 24  # steps; more than those after which processes agree whether to end


def trained(job: Job, report: Path | None = None, processes: int = 1, **given: str) -> str:
    """Run the program, on the device if there is to be a report; returns its log."""
    there = on_neuron(report, TRAINING, Job.container) if report else {}
    code, log = job.run(variables={**there, "PROCESSES_PER_HOST": str(processes)}, **{**GIVEN, **given})
    assert code == 0, log
    return log


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job.make(tmp_path_factory.mktemp("cpu"))
    trained(job)
    return job


@pytest.fixture(scope="module")
def neuron(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, str, Report]:
    """A job on the device, its log, and what it did there."""
    folder = tmp_path_factory.mktemp("neuron")
    job = Job.make(folder)
    log = trained(job, folder / "report")
    return job, log, Report.read(folder / "report")


def test_it_learns_what_it_learns_on_the_cpu_to_the_last_bit(cpu: Job, neuron: tuple[Job, str, Report]) -> None:
    job, log, report = neuron

    assert "Training on neuron, 1 process in bfloat16" in log
    assert report.steps == 3 * EPOCH
    assert furthest(cpu.weights(), job.weights()) == 0


def test_no_step_waits_for_the_device(neuron: tuple[Job, str, Report]) -> None:
    _, _, report = neuron

    assert report.waits(but_every=EPOCH) == []
    assert report.waits() != []  # an epoch's end reads the losses


def test_each_step_copies_its_images_and_labels_only(neuron: tuple[Job, str, Report]) -> None:
    _, _, report = neuron

    assert {step: count for step, count in report.copies().items() if step % EPOCH and count != 2} == {}


def test_nothing_of_another_shape_comes_after_the_first_epoch(neuron: tuple[Job, str, Report], tmp_path: Path) -> None:
    _, _, report = neuron
    trained(Job.make(tmp_path), tmp_path / "report", epochs="1")

    assert report.operators() == Report.read(tmp_path / "report").operators()


def test_training_that_began_on_the_device_ends_on_the_cpu_as_if_it_had_begun_there(cpu: Job, tmp_path: Path) -> None:
    job = Job.make(tmp_path)
    program = job.start(variables=on_neuron(tmp_path / "report", TRAINING, Job.container), **GIVEN)
    assert program.stdout
    next(line for line in program.stdout if line.startswith("[epoch 1"))
    program.send_signal(signal.SIGTERM)
    log, _ = program.communicate(timeout=600)
    assert program.returncode == 0, log
    (checkpoint,) = (job.base / "checkpoints").rglob("*.safetensors")
    assert {name.split(".")[0] for name in load_file(checkpoint)} == {"model", "best", "optimizer"}

    assert "Goes on after step" in trained(job)
    assert furthest(cpu.weights(), job.weights()) == 0


def test_two_processes_on_the_device_learn_what_two_on_the_cpu_learn(tmp_path: Path) -> None:
    jobs = [Job.make(tmp_path / name) for name in ("cpu", "neuron")]
    for job, report in zip(jobs, (None, tmp_path / "report"), strict=True):
        trained(job, report, processes=2, epochs="1")

    assert furthest(jobs[0].weights(), jobs[1].weights()) == 0
    # DistributedDataParallel itself reads in the first two steps in which order gradients come.
    reports = [Report.read(tmp_path / "report", rank) for rank in (0, 1)]
    assert [report.waits(after=2, but_every=EPOCH) for report in reports] == [[], []]
