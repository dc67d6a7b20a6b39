"""What a build that trains with PyTorch is told beside what every build is told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines import settings
from pipelines.build.accelerators import NAMES
from pipelines.settings import PINNED, PINNED_FORM
from pipelines.variables import Variable, read

VARIABLES = {
    **settings.VARIABLES,
    "accelerator": Variable("ACCELERATOR", "|".join(NAMES), " or ".join(NAMES), example="cpu"),
    # Before the first image is built there is none: the pipeline then asks for it at each start.
    "training_image_uri": Variable("TRAINING_IMAGE_URI", PINNED, PINNED_FORM, default=""),
}


@dataclass(frozen=True)
class Settings(settings.Settings):
    """The project, and on what it trains."""

    accelerator: str
    training_image_uri: str


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every variable; SettingsError lists all that are wrong at once."""
    return Settings(**read(VARIABLES, environment))
