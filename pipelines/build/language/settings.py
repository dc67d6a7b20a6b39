"""What a build of a language model is told beside what every build that trains with PyTorch is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.build.pytorch import settings
from pipelines.variables import Variable, read

VARIABLES = {
    **settings.VARIABLES,
    "base_model_uri": Variable(
        "BASE_MODEL_URI",
        r"s3://[^/]+/.+",
        "the S3 URI of a prefix that holds a base model",
        example="s3://example-data/base",
    ),
}


@dataclass(frozen=True)
class Settings(settings.Settings):
    """The project, on what it trains, and the model that it adapts."""

    base_model_uri: str


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every variable; SettingsError lists all that are wrong at once."""
    return Settings(**read(VARIABLES, environment))
