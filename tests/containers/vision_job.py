"""A training job on scikit-learn's digits."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from sklearn.datasets import load_digits
from training_job import TRAINING, TrainingJob

SPLIT = {"train": slice(0, 600), "validation": slice(600, 800)}
UNSEEN = slice(800, 1797)

Images = npt.NDArray[np.uint8]


def digits(rows: slice) -> tuple[Images, npt.NDArray[np.int64]]:
    """Images of 8 times 8 grey pixels, and the digits that they show."""
    found = load_digits()
    return (found.images[rows, :, :, None] * 15.9).astype(np.uint8), found.target[rows].astype(np.int64)


class Job(TrainingJob):
    """A job whose channels hold images."""

    container = TRAINING / "vision"
    fast = {"epochs": "4", "batch_size": "60", "width": "8", "learning_rate": "0.02"}  # noqa: RUF012  # as declared

    @classmethod
    def make(cls, base: Path) -> "Job":
        """Lay out the folder, its channels filled."""
        job = cls(base)
        for name, rows in SPLIT.items():
            job.fill(name, *digits(rows))
        schema = {"target": {"name": "class", "classes": [str(number) for number in range(10)]}}
        job.write("input/data/metadata/features.json", {"version": 1, **schema})
        job.write("input/config/inputdataconfig.json", {name: {} for name in (*SPLIT, "metadata")})
        return job

    def fill(self, channel: str, images: Images, labels: npt.NDArray[Any]) -> None:
        folder = self.base / "input" / "data" / channel
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "images.npy", images)
        np.save(folder / "labels.npy", labels)

    def probabilities(self, images: Images) -> npt.NDArray[np.float32]:
        """What ONNX Runtime makes of images."""
        session = onnxruntime.InferenceSession(self.base / "model" / "model.onnx")
        found: npt.NDArray[np.float32] = session.run(["probabilities"], {"image": images})[0]
        return found
