"""Images that are built once, and what runs in them is the chain of a project: process, train, serve."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hosts import Options, network
from images import ROOT, Image, build
from jobs import Job, entrypoint, processing, training
from podman import PODMAN

from pipelines.image import Container

BUILT: list[Image] = []
# All that a processing job may import; which of it each job gets is the pipeline's affair, and tested with that.
BUILD = ROOT / "pipelines" / "build"
SCRIPTS = [*(BUILD / "tabular").glob("*.py"), *(BUILD / "scripts").glob("*.py")]


def pytest_sessionstart() -> None:
    if not shutil.which(PODMAN[0]):
        pytest.exit(
            f"There is no {PODMAN[0]}. Install it (apt-get install podman), or name it in PODMAN.", returncode=1
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for image in BUILT:
        terminalreporter.write_line(str(image))


def built(folder: str, factory: pytest.TempPathFactory, file: Path | None = None, **how: Any) -> str:
    BUILT.append(build(Container(ROOT / "containers" / folder, file), factory.mktemp("build"), **how))
    return BUILT[-1].reference


@pytest.fixture(scope="session")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return built("training/xgboost", tmp_path_factory)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> str:
    return built("inference/xgboost", tmp_path_factory)


@pytest.fixture(scope="session")
def torch_trainer(tmp_path_factory: pytest.TempPathFactory) -> str:
    shared = ROOT / "containers" / "training" / "pytorch"
    # Only builds without CUDA are wanted, which is gigabytes. Where the base is a stand-in, PyTorch's index is out of
    # reach too, and wheels at hand are for the Python of Debian's bookworm.
    pins = [f"{line}+cpu" for line in (shared / "requirements-torch.txt").read_text().split()]
    return built("training/vision", tmp_path_factory, shared / "Dockerfile.cpu", release="bookworm", pins=pins)


@pytest.fixture
def addressed() -> Iterator[Options]:
    """Options of the containers of hosts that find each other."""
    with network() as options:
        yield options


def customers(folder: Path, rows: int = 600) -> Path:
    """Folder of a CSV file whose rows are numbers, categories and gaps."""
    random = np.random.default_rng(5)
    plans = random.choice(["basic", "pro"], rows)
    table = pd.DataFrame({"age": random.integers(18, 80, rows), "plan": plans, "spent": random.normal(size=rows)})
    table["left"] = np.where(table["age"] / 10 + random.normal(size=rows) > 4.9, "yes", "no")
    table["age"] = table["age"].mask(random.random(rows) < 0.1)
    folder.mkdir()
    table.to_csv(folder / "customers.csv", index=False)
    return folder


def process(trainer: str, folder: Path, target: str) -> tuple[Job, int, str]:
    """Run process.py as SageMaker's ProcessingJob does; returns the job, its exit status and its log."""
    job = processing(folder / "ml", SCRIPTS, {"data": customers(folder / "source")})
    entry = entrypoint("python", "/opt/ml/processing/input/code/process.py")
    words = f"--target {target} --problem-type binary_classification --data-uri s3://bucket/customers.csv"
    arguments = [*words.split(), "--message", "/opt/ml/output/message"]
    return job, *job.run(trainer, *arguments, options=(entry, "--network=none"))


@pytest.fixture(scope="session")
def processed(trainer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what a processing job left for the training, by channel."""
    job, status, log = process(trainer, tmp_path_factory.mktemp("processing"), "left")
    assert status == 0, log
    return job.base / "processing" / "output"


@pytest.fixture(scope="session")
def channels(processed: Path) -> dict[str, Path]:
    return {name: processed / name for name in ("train", "validation", "metadata")}


@pytest.fixture(scope="session")
def trained(trainer: str, channels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A training job that ended well, in network isolation."""
    job = training(tmp_path_factory.mktemp("training"), channels, {"num_round": "12", "max_depth": "3"})
    status, log = job.run(trainer, "train", options=("--network=none",))
    assert status == 0, log
    return job
