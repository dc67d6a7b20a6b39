"""A training's state in one file that appears whole or not at all, and holds no code: safetensors.

It lies in a folder named by all that decides the result, so that trainings may share one S3Uri, as a step's cache key
demands, and none takes up another's. https://huggingface.co/docs/safetensors
"""

import hashlib
import inspect
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from entry import Job
from entry.model import sha256
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

from pytorch.hyperparameters import LoopHyperparameters

logger = logging.getLogger("train")

NAME = "checkpoint.safetensors"
# Hyperparameters that may differ between a run and the one that takes it up.
FREE = ("patience", "checkpoint_steps", "compile", "deterministic", "shard")
# A network that processes share is gathered by all of them and kept by the first.
GATHERED = StateDictOptions(full_state_dict=True, cpu_offload=True)
WHOLE = StateDictOptions(full_state_dict=True, strict=False)  # what is frozen is not kept

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


def place_of(job: Job, given: LoopHyperparameters, decisive: Sequence[Path]) -> Path:
    """The file of the training that hyperparameters, program and files, such as the data's description, make."""
    decides = {name: value for name, value in asdict(given).items() if name not in FREE}
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    folders = (Path(__file__).parent, Path(inspect.getfile(type(given))).parent)
    program = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    for path in [*decisive, *program]:
        digest.update(path.name.encode() + (sha256(path) if path.exists() else "").encode())
    return job.checkpoints / digest.hexdigest()[:16] / NAME


def learnt(network: nn.Module) -> Weights:
    """Copies of what is not frozen in a network, on the first process's CPU; all processes call it together."""
    frozen = {name for name, value in network.named_parameters(remove_duplicate=False) if not value.requires_grad}
    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state: dict[str, Any] = get_model_state_dict(network, options=options)
    return on_cpu({name: value for name, value in state.items() if name not in frozen})


def save(path: Path, progress: Progress, network: nn.Module, optimizer: Optimizer, *, is_first: bool) -> None:
    """Gather the state from all processes, which call it together; the first writes it."""
    tensors = {f"model.{name}": value for name, value in learnt(network).items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    gathered: dict[str, Any] = get_optimizer_state_dict(network, optimizer, options=GATHERED)
    for parameter, state in gathered.get("state", {}).items():
        tensors |= {f"optimizer.{parameter}.{name}": value for name, value in on_cpu(state).items()}
    told = {name: value for name, value in asdict(progress).items() if name != "best"}
    if is_first:
        write(path, tensors, told)


def load(path: Path, network: nn.Module, optimizer: Optimizer) -> Progress:
    """Take up the state that the file holds, if there is one."""
    if not path.exists() or not path.stat().st_size:
        return Progress()
    with safe_open(path, framework="pt") as file:
        told = {name: json.loads(text) for name, text in file.metadata().items()}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    progress = Progress(**told, best=under("best.", tensors))
    weights: dict[str, Any] = under("model.", tensors)
    set_model_state_dict(network, weights, options=WHOLE)
    states: dict[str, Any] = {}
    for name, value in under("optimizer.", tensors).items():
        parameter, _, key = name.rpartition(".")
        states.setdefault(parameter, {})[key] = value
    groups = get_optimizer_state_dict(network, optimizer)["param_groups"]
    set_optimizer_state_dict(network, optimizer, {"state": states, "param_groups": groups}, options=WHOLE)
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
