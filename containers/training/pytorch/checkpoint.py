"""A training's state in one file that appears whole or not at all, and holds no code: safetensors.

It lies in a folder named by all that decides the result, so that trainings may share one S3Uri, as a step's cache key
demands, and none takes up another's. https://huggingface.co/docs/safetensors
"""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from entry import Job
from hyperparameters import Hyperparameters
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

logger = logging.getLogger("train")

NAME = "checkpoint.safetensors"
# Hyperparameters that may differ between a run and the one that takes it up.
FREE = ("patience", "checkpoint_steps", "compile", "deterministic")
# By these channel metadata tells what the data are.
DATA = ("data.json", "features.json")

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """How far a training is, and the weights after its best epoch, on the CPU."""

    epoch: int = 0  # of those that have ended
    step: int = 0  # of those in all epochs
    loss_sum: float = 0.0  # of this process's steps in the epoch that has begun
    best_loss: float = float("inf")
    best_epoch: int = -1
    best: Weights = field(default_factory=dict)


def place_of(job: Job, given: Hyperparameters) -> Path:
    """The file of the training that hyperparameters, data and program make."""
    decides = {name: value for name, value in asdict(given).items() if name not in FREE}
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    program = sorted(Path(__file__).parent.glob("*.py"))
    for path in [*(job.channel("metadata") / name for name in DATA), *program]:
        content = path.read_bytes() if path.exists() else b""
        digest.update(path.name.encode() + hashlib.sha256(content).digest())
    return job.checkpoints / digest.hexdigest()[:16] / NAME


def save(path: Path, progress: Progress, model: nn.Module, optimizer: Optimizer) -> None:
    """Write the state; all tensors go to the CPU."""
    tensors = {f"model.{name}": value for name, value in on_cpu(model.state_dict()).items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in on_cpu(state).items()}
    told = {name: value for name, value in asdict(progress).items() if name != "best"}
    write(path, tensors, told)


def load(path: Path, model: nn.Module, optimizer: Optimizer) -> Progress:
    """Take up the state that the file holds, if there is one."""
    if not path.exists() or not path.stat().st_size:
        return Progress()
    with safe_open(path, framework="pt") as file:
        told = {name: json.loads(text) for name, text in file.metadata().items()}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    progress = Progress(**told, best=under("best.", tensors))
    model.load_state_dict(under("model.", tensors))
    states: dict[int, Weights] = {}
    for name, value in under("optimizer.", tensors).items():
        number, _, key = name.partition(".")
        states.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    logger.info("Goes on after step %d of %s", progress.step, path)
    return progress


def discard(path: Path) -> None:
    """Empty the file of a training that is done: each later one would copy it, and S3 keeps what is removed here."""
    if path.exists():
        path.write_bytes(b"")


def write(path: Path, tensors: Weights, told: dict[str, Any]) -> None:
    """Write a file under another name, then give it its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    save_file(tensors, partial, {name: json.dumps(value) for name, value in told.items()})
    partial.chmod(0o644)  # a server, which is not root, reads the model
    partial.replace(path)


def on_cpu(values: Weights) -> Weights:
    """Copies on the CPU, laid out plainly."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in values.items()}


def under(prefix: str, tensors: Weights) -> Weights:
    """Tensors whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
