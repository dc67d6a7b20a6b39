"""Where a process trains: its device, and its place among the job's processes.

The same lines serve a CPU, CUDA and Trainium, whose TorchNeuron is PyTorch's device `neuron`; no vendor's package is
imported. https://docs.pytorch.org/docs/stable/accelerator.html
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from entry import TrainingError

logger = logging.getLogger("train")

# What an image asks for by ACCELERATOR, and PyTorch's name for it.
DEVICES = {"cpu": "cpu", "gpu": "cuda", "trainium": "neuron"}


@dataclass(frozen=True)
class Place:
    """A process's device and its number among all; the first speaks for them."""

    device: torch.device
    rank: int
    world: int

    @property
    def is_first(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    def any_of(self, flag: bool) -> bool:
        """Tell whether the flag is up in any process: all must end in the same step. Waits for no device."""
        if self.world == 1:
            return flag
        raised = torch.tensor(int(flag))
        dist.all_reduce(raised, dist.ReduceOp.MAX, group=_talk())
        return bool(raised)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of each value over all processes."""
        if self.world > 1:
            dist.all_reduce(values)
        return values


@contextmanager
def taken() -> Iterator[Place]:
    """Take this process's place until the end of the block; the entry tells its number in the environment."""
    rank, world, local = (int(os.environ.get(name, default)) for name, default in _NUMBERS)
    device = find_device(os.environ.get("ACCELERATOR", ""), local)
    share_cores(int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if world == 1:
        yield Place(device, rank, world)
        return
    # Gloo beside the device's own backend: flags are talked about without waiting for the device.
    backend = dist.get_default_backend_for_device(device)
    dist.init_process_group("gloo" if device.type == "cpu" else f"cpu:gloo,{device.type}:{backend}")
    try:
        yield Place(device, rank, world)
    finally:
        # Kept to the process's end: were DistributedDataParallel the last to let go of it, that would wait, holding
        # Python's lock, for a thread of Gloo that waits for this lock.
        _ENDED.append(_talk())
        dist.destroy_process_group()


_ENDED: list[dist.ProcessGroup] = []
_NUMBERS = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))


def find_device(asked: str, local: int) -> torch.device:
    """Return the device of this process; raises TrainingError where it isn't, for another would be slow in silence."""
    found = torch.accelerator.current_accelerator(check_available=True)
    there = found.type if found else "cpu"
    if asked and asked not in DEVICES:
        raise TrainingError(f"ACCELERATOR is {asked!r}. Set it to one of {', '.join(DEVICES)}.")
    wanted = DEVICES[asked] if asked else there
    if wanted == "cpu":
        return torch.device("cpu")
    if wanted != there:
        raise TrainingError(
            f"The job asks for the accelerator {asked} ({wanted}), but PyTorch {torch.__version__} finds {there} only. "
            "Choose an instance type that has one and the image made for it, or ask for cpu."
        )
    count = torch.accelerator.device_count()
    if local >= count:
        raise TrainingError(f"The instance has {count} {wanted} devices. Set PROCESSES_PER_HOST to {count} at most.")
    torch.accelerator.set_device_index(local)
    return torch.device(wanted, local)


def share_cores(processes: int) -> None:
    """Give each of an instance's processes its share of the cores."""
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))


def describe(place: Place) -> str:
    """Name the device as its maker does, where PyTorch knows that name."""
    backend = getattr(torch, place.device.type, None)
    name = getattr(backend, "get_device_name", lambda _: "")(place.device) if place.device.type != "cpu" else ""
    kind = f"{place.device.type} ({name})" if name else place.device.type
    return f"{kind}, {place.world} process{'es' if place.world > 1 else ''}"


def _talk() -> dist.ProcessGroup:
    group = dist.group.WORLD
    assert group is not None  # noqa: S101  # there is one wherever there are several processes
    return group
