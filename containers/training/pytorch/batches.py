"""The order in which examples are learnt and measured, whatever the number of processes."""

from collections.abc import Iterator

import torch
from torch import Tensor

from pytorch.place import Place


def batches(count: int, size: int, epoch: int, seed: int) -> Iterator[Tensor]:
    """Yield the rows of an epoch's batches, in an order that seed and epoch decide; what fills none is left out.

    So all batches have one shape, for which an accelerator compiles once.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
    yield from order[: count - count % size].split(size)


def parts(batch: Tensor, place: Place, accumulate: int) -> Iterator[Tensor]:
    """Yield what this process takes of a batch, in as many parts: every so-many-th row, whatever their number."""
    yield from batch[place.rank :: place.world].chunk(accumulate)


def shares(count: int, size: int, place: Place) -> Iterator[Tensor]:
    """Yield the rows that this process measures, `size` at a time; numbers from `count` on only fill the last up.

    So all have one shape, and all processes as many of them.
    """
    for start in range(0, count, size * place.world):
        yield torch.arange(start + place.rank, start + size * place.world, place.world)
