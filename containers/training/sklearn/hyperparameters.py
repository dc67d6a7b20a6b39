"""What may be set of a scikit-learn training. Only the standard library is imported: it is read before training."""

from dataclasses import dataclass

from entry import TrainingError

PROBLEMS = ("binary_classification", "regression")
MODELS = ("forest", "linear")


@dataclass(frozen=True)
class Hyperparameters:
    """Names, types and defaults; after `problem` and `model` the names are scikit-learn's own."""

    problem: str = "binary_classification"
    model: str = "forest"
    # Of a forest.
    n_estimators: int = 100
    max_depth: int = 0  # 0: no limit
    min_samples_leaf: int = 1
    max_features: float = 0.3  # share of the features that a split chooses among
    # Of a linear model: C of a classification, alpha of a regression.
    C: float = 1.0
    alpha: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        forms = {
            "problem": (self.problem in PROBLEMS, f"one of {', '.join(PROBLEMS)}"),
            "model": (self.model in MODELS, f"one of {', '.join(MODELS)}"),
            "n_estimators": (self.n_estimators >= 1, "at least 1"),
            "max_depth": (self.max_depth >= 0, "0 (no limit) or more"),
            "min_samples_leaf": (self.min_samples_leaf >= 1, "at least 1"),
            "max_features": (0 < self.max_features <= 1, "above 0, and at most 1"),
            "C": (self.C > 0, "above 0"),
            "alpha": (self.alpha > 0, "above 0"),
            "seed": (0 <= self.seed < 2**32, "from 0 to 4294967295"),
        }
        for name, (holds, form) in forms.items():
            if not holds:
                raise TrainingError(f"Hyperparameter {name} is {getattr(self, name)!r}. It must be {form}.")
