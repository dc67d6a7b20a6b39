"""What a build from pictures is told: what every build that trains with PyTorch is."""

from pipelines.build.pytorch.settings import VARIABLES, Settings, from_environment

__all__ = ["VARIABLES", "Settings", "from_environment"]
