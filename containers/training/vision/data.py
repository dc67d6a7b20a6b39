"""Images and labels as process.py wrote them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from entry import Job, TrainingError


@dataclass(frozen=True)
class Images:
    """Images, uint8 [n, height, width, channels], and their classes, int64 [n]; read from disk as they are needed."""

    pixels: npt.NDArray[np.uint8]
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: torch.Tensor, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Return some rows' images and classes on the device; the copy need not have ended."""
        pixels = torch.from_numpy(self.pixels[rows.numpy()])
        return pixels.to(device, non_blocking=True), self.labels[rows].to(device, non_blocking=True)

    def weigh(self, rows: torch.Tensor) -> int:
        """Number of some rows: each has one label."""
        return len(rows)


def read(job: Job, channel: str, classes: int) -> Images:
    """Read a channel; raises TrainingError for what doesn't fit together."""
    (images, *more), labels = job.files(channel, "images.npy"), job.files(channel, "labels.npy")[0]
    if more:
        raise TrainingError(f"Channel {channel!r} holds several images.npy. Give it the output of one run.")
    pixels, numbers = np.load(images, mmap_mode="r", allow_pickle=False), np.load(labels, allow_pickle=False)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or numbers.shape != pixels.shape[:1] or not len(numbers):
        found = f"images {pixels.dtype} {list(pixels.shape)}, labels {list(numbers.shape)}"
        wanted = "uint8 [n, height, width, channels] and as many labels"
        raise TrainingError(f"Channel {channel!r} holds {found}; wanted are {wanted}. Make both by process.py.")
    if numbers.min() < 0 or numbers.max() >= classes:
        raise TrainingError(
            f"Channel {channel!r} has labels from {numbers.min()} to {numbers.max()}, but features.json names "
            f"{classes} classes. Make both by one run of process.py."
        )
    return Images(pixels, torch.from_numpy(numbers.astype(np.int64)))
