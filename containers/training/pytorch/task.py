"""What a use case gives the training loop: a network, and the examples that it learns from and is measured by."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

NOTHING = -100  # a label where there is nothing to learn, as cross_entropy knows it


class Examples(Protocol):
    """Examples by their numbers, the rows."""

    def __len__(self) -> int: ...

    def take(self, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return some rows' inputs and labels on the device, all of one shape; the copies need not have ended."""

    def weigh(self, rows: Tensor) -> int:
        """Number of labels that some rows have; a loss is their mean."""


@dataclass(frozen=True)
class Task:
    """A network that gives, for inputs, float scores [labels..., classes]; `unit` names what has a label.

    `decisive` are the files that decide, beside program and hyperparameters, what is learnt.
    """

    network: nn.Module
    train: Examples
    validation: Examples
    unit: str
    decisive: Sequence[Path]
