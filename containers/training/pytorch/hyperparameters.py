"""What may be set of each training. Only the standard library is imported here: it is read before training."""

from dataclasses import dataclass

from entry import TrainingError

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class LoopHyperparameters:
    """Names, types and defaults; batch_size is that of all processes together."""

    epochs: int = 10
    batch_size: int = 64
    accumulate: int = 1  # parts into which each process divides its share of a batch, to save memory
    learning_rate: float = 1e-3
    warmup_share: float = 0.05  # of all steps
    weight_decay: float = 0.01
    clip_norm: float = 1.0  # of the gradient
    patience: int = 0  # epochs without a better validation loss before the training ends; 0: never
    precision: str = "float32"
    compile: bool = False
    shard: bool = False  # each process keeps a part of the network, for one that no device holds: FSDP2
    checkpoint_steps: int = 500  # also saved after each epoch, and when the job is told to end
    deterministic: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        self._demand_least(1, "epochs", "batch_size", "accumulate", "checkpoint_steps")
        self._demand_least(0, "weight_decay", "patience", "seed")
        for name in ("learning_rate", "clip_norm"):
            self._demand(name, "above 0", ok=getattr(self, name) > 0)
        self._demand("warmup_share", "from 0 to 1", ok=0 <= self.warmup_share <= 1)
        self._demand("precision", f"one of {', '.join(PRECISIONS)}", ok=self.precision in PRECISIONS)

    def _demand_least(self, least: int, *names: str) -> None:
        for name in names:
            self._demand(name, f"at least {least}", ok=getattr(self, name) >= least)

    def _demand(self, name: str, wanted: str, *, ok: bool) -> None:
        if not ok:
            raise TrainingError(f"Hyperparameter {name} is {getattr(self, name)}. It must be {wanted}.")

    def share(self, processes: int) -> int:
        """Examples that a process takes at once; raises TrainingError when a batch can't be divided so."""
        share, rest = divmod(self.batch_size, processes * self.accumulate)
        if rest:
            parts = f"{processes} processes times {self.accumulate} parts (accumulate)"
            raise TrainingError(f"Hyperparameter batch_size is {self.batch_size}. It must be a multiple of {parts}.")
        return share
