"""What may be set of a training on images. Only the standard library is imported here: it is read before training."""

from dataclasses import dataclass

from pytorch.hyperparameters import LoopHyperparameters


@dataclass(frozen=True)
class Hyperparameters(LoopHyperparameters):
    """Names, types and defaults, beside those of each training."""

    width: int = 32  # channels of the first block

    def __post_init__(self) -> None:
        super().__post_init__()
        self._demand_least(1, "width")
