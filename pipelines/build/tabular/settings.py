"""What a build from tables is told beside what every build is told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines import settings
from pipelines.settings import PINNED, PINNED_FORM
from pipelines.variables import SettingsError, Variable, read

ProblemType = Literal["binary_classification", "regression"]
Algorithm = Literal["xgboost", "sklearn"]

VARIABLES = {
    **settings.VARIABLES,
    "target_column": Variable(
        "TARGET_COLUMN", r"\S(.{0,254}\S)?", "the name of the column to predict", example="target"
    ),
    "problem_type": Variable(
        "PROBLEM_TYPE",
        "binary_classification|regression",
        "binary_classification or regression",
        example="binary_classification",
    ),
    "algorithm": Variable("ALGORITHM", "xgboost|sklearn", "xgboost or sklearn", example="xgboost"),
    "accelerator": Variable("ACCELERATOR", "cpu|gpu", "cpu or gpu", example="cpu"),
    # The image that processes and evaluates trains too, unless there is another.
    "training_image_uri": Variable("TRAINING_IMAGE_URI", PINNED, PINNED_FORM, default=""),
}


@dataclass(frozen=True)
class Settings(settings.Settings):
    """The project, what it learns from its tables, by what and on what."""

    target_column: str
    problem_type: ProblemType
    algorithm: Algorithm
    accelerator: str
    training_image_uri: str


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every variable; SettingsError lists all that are wrong at once."""
    found = Settings(**read(VARIABLES, environment))
    if found.algorithm == "sklearn" and found.accelerator != "cpu":
        raise SettingsError(
            f"ALGORITHM is sklearn and ACCELERATOR is {found.accelerator}: scikit-learn trains on CPUs. "
            "Set ACCELERATOR to cpu, or ALGORITHM to xgboost."
        )
    return found
