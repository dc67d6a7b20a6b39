"""What every training image starts as `<image> train`; README.md says what a training script offers to it."""

from entry.errors import TrainingError
from entry.job import Job, Stop

__all__ = ["Job", "Stop", "TrainingError"]
