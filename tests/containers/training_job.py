"""A folder laid out like /opt/ml, and a program that trains with PyTorch run on it."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

TRAINING = Path(__file__).resolve().parents[2] / "containers" / "training"


@dataclass(frozen=True)
class TrainingJob:
    """One host of a training job; what is left open is the use case's."""

    base: Path
    container: ClassVar[Path]
    fast: ClassVar[dict[str, str]]  # hyperparameters that a test need not give

    def write(self, name: str, content: dict[str, Any]) -> None:
        (self.base / name).parent.mkdir(parents=True, exist_ok=True)
        (self.base / name).write_text(json.dumps(content))

    def start(self, *before: str, variables: dict[str, str] | None = None, **given: str) -> subprocess.Popen[str]:
        """Start the program, a command before it if any; variables of its environment, hyperparameters by name."""
        self.write("input/config/hyperparameters.json", {**self.fast, **given})
        places = {"PYTHONPATH": f"{TRAINING}{os.pathsep}{self.container}", "SAGEMAKER_BASE_DIR": str(self.base)}
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
        log, _ = program.communicate(timeout=600)
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


def await_line(program: subprocess.Popen[str], text: str) -> None:
    assert program.stdout
    seen = []
    for line in program.stdout:
        seen.append(line)
        if text in line:
            return
    raise AssertionError(f"no line with {text!r} in {seen}")


def furthest(some: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]) -> float:
    """Largest difference between two models' weights."""
    assert some.keys() == other.keys()
    return max(float(np.abs(some[name] - other[name]).max()) for name in some)


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])
