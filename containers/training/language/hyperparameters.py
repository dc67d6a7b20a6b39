"""What may be set of a training on texts. Only the standard library is imported here: it is read before training."""

from dataclasses import dataclass

from pytorch.hyperparameters import LoopHyperparameters


@dataclass(frozen=True)
class Hyperparameters(LoopHyperparameters):
    """Names, types and defaults, beside those of each training."""

    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 2e-4
    max_length: int = 512  # tokens of a record: its prompt, its completion and the token that ends it
    rank: int = 16  # of the adapters' matrices
    alpha: float = 32.0  # adapters count alpha / rank times
    dropout: float = 0.0  # share of an adapter's inputs that a step leaves out

    def __post_init__(self) -> None:
        super().__post_init__()
        self._demand_least(1, "rank")
        self._demand_least(2, "max_length")
        self._demand("alpha", "above 0", ok=self.alpha > 0)
        self._demand("dropout", "from 0 to less than 1", ok=0 <= self.dropout < 1)
