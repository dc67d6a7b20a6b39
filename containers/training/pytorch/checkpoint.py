"""A training's state in one file that appears whole or not at all, and holds no code: safetensors.

https://huggingface.co/docs/safetensors
"""

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from entry import TrainingError
from hyperparameters import Hyperparameters
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

logger = logging.getLogger("train")

NAME = "checkpoint.safetensors"
# May differ between a run and the one that takes it up.
FREE = ("patience", "checkpoint_steps", "compile", "deterministic")

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


def save(folder: Path, given: Hyperparameters, progress: Progress, model: nn.Module, optimizer: Optimizer) -> None:
    """Write the state; all tensors go to the CPU."""
    tensors = {f"model.{name}": value for name, value in on_cpu(model.state_dict()).items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in on_cpu(state).items()}
    told = {name: value for name, value in asdict(progress).items() if name != "best"}
    write(folder / NAME, tensors, {"hyperparameters": asdict(given), "progress": told})


def load(folder: Path, given: Hyperparameters, model: nn.Module, optimizer: Optimizer) -> Progress:
    """Take up the state that `folder` holds, if any; raises TrainingError when it is of another training."""
    path = folder / NAME
    if not path.exists():
        return Progress()
    with safe_open(path, framework="pt") as file:
        told = {name: json.loads(text) for name, text in file.metadata().items()}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    refuse_another(told["hyperparameters"], asdict(given), path)
    progress = Progress(**told["progress"], best=under("best.", tensors))
    model.load_state_dict(under("model.", tensors))
    states: dict[int, Weights] = {}
    for name, value in under("optimizer.", tensors).items():
        number, _, key = name.partition(".")
        states.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
    logger.info("Goes on after step %d of %s", progress.step, path)
    return progress


def refuse_another(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Raise TrainingError when a hyperparameter differs that must not."""
    differ = [name for name in now if name not in FREE and before.get(name) != now[name]]
    if differ:
        found = ", ".join(f"{name} {before.get(name)}, not {now[name]}" for name in differ)
        raise TrainingError(f"{path} was made with {found}. Set them so, or name another S3Uri in CheckpointConfig.")


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
