"""What may be set of an XGBoost training. Only the standard library is imported here: it is read before training."""

import os
from dataclasses import asdict, dataclass, field
from typing import Any

from entry import TrainingError

# XGBoost's names of what an image is made for, which its ACCELERATOR tells.
DEVICES = {"cpu": "cpu", "gpu": "cuda"}


def device_of_image() -> str:
    """Return the device that the image is made for; raises TrainingError where XGBoost knows none."""
    accelerator = os.environ.get("ACCELERATOR") or "cpu"
    if accelerator not in DEVICES:
        raise TrainingError(f"ACCELERATOR is {accelerator!r}. XGBoost trains on one of {', '.join(DEVICES)}.")
    return DEVICES[accelerator]


@dataclass(frozen=True)
class Hyperparameters:
    """Names, types and defaults; the names are XGBoost's own."""

    objective: str = "binary:logistic"
    eval_metric: str = "auc"
    num_round: int = 100
    early_stopping_rounds: int = 0  # 0: never stop early
    max_depth: int = 6
    eta: float = 0.3
    gamma: float = 0.0
    min_child_weight: float = 1.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    reg_alpha: float = 0.0
    reg_lambda: float = 1.0
    scale_pos_weight: float = 1.0
    seed: int = 0
    device: str = field(default_factory=device_of_image)

    def __post_init__(self) -> None:
        if self.num_round < 1:
            raise TrainingError(f"Hyperparameter num_round is {self.num_round}. It must be at least 1.")
        if self.early_stopping_rounds < 0:
            raise TrainingError(
                f"Hyperparameter early_stopping_rounds is {self.early_stopping_rounds}. It must be 0 (off) or more."
            )
        if self.device not in DEVICES.values():
            raise TrainingError(
                f"Hyperparameter device is {self.device!r}. It must be one of {', '.join(DEVICES.values())}."
            )

    def booster(self) -> dict[str, Any]:
        """Parameters of the booster, without those of the training loop."""
        loop = ("num_round", "early_stopping_rounds")
        return {name: value for name, value in asdict(self).items() if name not in loop}
