"""What a build from pictures is told: what every build that trains with PyTorch is."""

from pipelines.build.pytorch.settings import Settings, from_environment

__all__ = ["Settings", "from_environment"]
