"""A folder laid out like /opt/ml with scikit-learn's digits, and the PyTorch image's program run on it."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from safetensors.numpy import load_file
from sklearn.datasets import load_digits

CONTAINER = Path(__file__).resolve().parents[2] / "containers" / "training" / "pytorch"
FAST = {"epochs": "4", "batch_size": "60", "width": "8", "learning_rate": "0.02"}
SPLIT = {"train": slice(0, 600), "validation": slice(600, 800)}
UNSEEN = slice(800, 1797)

Images = npt.NDArray[np.uint8]


def digits(rows: slice) -> tuple[Images, npt.NDArray[np.int64]]:
    """Images of 8 times 8 grey pixels, and the digits that they show."""
    found = load_digits()
    return (found.images[rows, :, :, None] * 15.9).astype(np.uint8), found.target[rows].astype(np.int64)


@dataclass(frozen=True)
class Job:
    """One host of a training job."""

    base: Path

    @classmethod
    def make(cls, base: Path) -> "Job":
        """Lay out the folder, its channels filled."""
        job = cls(base)
        for name, rows in SPLIT.items():
            job.fill(name, *digits(rows))
        schema = {"target": {"name": "class", "classes": [str(number) for number in range(10)]}}
        job.write("input/data/metadata/features.json", {"version": 1, **schema})
        job.write("input/config/inputdataconfig.json", {name: {} for name in (*SPLIT, "metadata")})
        return job

    def fill(self, channel: str, images: Images, labels: npt.NDArray[Any]) -> None:
        folder = self.base / "input" / "data" / channel
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "images.npy", images)
        np.save(folder / "labels.npy", labels)

    def write(self, name: str, content: dict[str, Any]) -> None:
        (self.base / name).parent.mkdir(parents=True, exist_ok=True)
        (self.base / name).write_text(json.dumps(content))

    def start(self, *before: str, variables: dict[str, str] | None = None, **given: str) -> subprocess.Popen[str]:
        """Start the program, a command before it if any; variables of its environment, hyperparameters by name."""
        self.write("input/config/hyperparameters.json", {**FAST, **given})
        places = {"PYTHONPATH": f"{CONTAINER.parent}{os.pathsep}{CONTAINER}", "SAGEMAKER_BASE_DIR": str(self.base)}
        environment = {**os.environ, "PROCESSES_PER_HOST": "1", "MASTER_PORT": free_port(), **places}
        return subprocess.Popen(
            [*before, sys.executable, "-u", "-m", "entry", "train"],
            env={**environment, **(variables or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *before: str, variables: dict[str, str] | None = None, **given: str) -> tuple[int, str]:
        """Run the program to its end; its exit status and log."""
        program = self.start(*before, variables=variables, **given)
        log, _ = program.communicate(timeout=300)
        return program.returncode, log

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    def files(self) -> list[str]:
        return sorted(path.name for path in (self.base / "model").glob("*"))

    def checkpoints(self) -> list[Path]:
        return sorted((self.base / "checkpoints").rglob("checkpoint.safetensors"))

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        return load_file(self.base / "model" / "model.safetensors")

    def probabilities(self, images: Images) -> npt.NDArray[np.float32]:
        """What ONNX Runtime makes of images."""
        session = onnxruntime.InferenceSession(self.base / "model" / "model.onnx")
        found: npt.NDArray[np.float32] = session.run(["probabilities"], {"image": images})[0]
        return found


def furthest(some: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]) -> float:
    """Largest difference between two models' weights."""
    assert some.keys() == other.keys()
    return max(float(np.abs(some[name] - other[name]).max()) for name in some)


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])
