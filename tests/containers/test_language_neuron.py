"""The program that adapts a language model on the stand-in of a Trainium device that neuron_device/ holds."""

from pathlib import Path

import pytest
from language_job import SPLIT, Job
from neuron import Report, on_neuron
from training_job import TRAINING, furthest

GIVEN = {"epochs": "2", "batch_size": "8", "learning_rate": "0.001"}
EPOCH = len(SPLIT["train"]) // 8  # steps; more than those after which processes agree whether to end


@pytest.fixture(scope="module")
def neuron(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, str, Report]:
    """A job on the device, its log, and what it did there."""
    folder = tmp_path_factory.mktemp("neuron")
    job = Job.make(folder)
    code, log = job.run(variables=on_neuron(folder / "report", TRAINING, Job.container), **GIVEN)
    assert code == 0, log
    return job, log, Report.read(folder / "report")


def test_it_learns_what_it_learns_on_the_cpu(neuron: tuple[Job, str, Report], tmp_path: Path) -> None:
    job, log, report = neuron
    cpu = Job.make(tmp_path)
    assert cpu.run(**GIVEN)[0] == 0

    assert "Training on neuron, 1 process in float32" in log
    assert report.steps == 2 * EPOCH
    # Not to the last bit: of attention, PyTorch has a kernel of its own for CPUs.
    assert furthest(cpu.weights(), job.weights()) < 1e-4


def test_a_step_waits_for_the_device_only_where_transformers_asks_whether_texts_are_packed(
    neuron: tuple[Job, str, Report],
) -> None:
    _, _, report = neuron

    assert [wait for wait in report.waits(but_every=EPOCH) if "masking_utils.py" not in wait] == []


def test_each_step_copies_its_tokens_and_labels_only(neuron: tuple[Job, str, Report]) -> None:
    _, _, report = neuron

    assert {step: count for step, count in report.copies().items() if step % EPOCH and count != 2} == {}


def test_nothing_of_another_shape_comes_after_the_first_epoch(neuron: tuple[Job, str, Report]) -> None:
    _, _, report = neuron

    assert report.operators(after=EPOCH + 1) == set()
