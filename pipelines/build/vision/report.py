"""The plots of an evaluation."""

from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from page import Draw

CONFIDENCE_BINS = 10
WORST = 12  # pictures that are shown

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def plots(images: Images, labels: Labels, found: Probabilities, classes: list[str]) -> dict[str, Draw]:
    """Plots by caption: what is taken for what, how sure it is and how right, and its worst errors."""
    drawn: dict[str, Draw] = {
        "Confusion: what is shown, and what it is taken for": partial(draw_confusion, labels, found, classes),
        "Calibration: how often it is right when it is so sure": partial(draw_calibration, labels, found),
    }
    wrong = np.flatnonzero(found.argmax(1) != labels)
    if len(wrong):
        worst = wrong[np.argsort(-found[wrong].max(1), kind="stable")][:WORST]
        titles = [f"{classes[found[row].argmax()][:12]}, not {classes[labels[row]][:12]}" for row in worst]
        drawn["The errors of which it is surest"] = partial(draw_pictures, images[worst], titles)
    return drawn


def draw_confusion(labels: Labels, found: Probabilities, classes: list[str], axes: Axes) -> None:
    """Draw the share of each class's pictures by what they are taken for."""
    counts = np.zeros((len(classes), len(classes)))
    np.add.at(counts, (labels, found.argmax(1)), 1)
    axes.imshow(counts / counts.sum(1, keepdims=True).clip(1), cmap="Blues", vmin=0, vmax=1)
    names = [name.replace("$", r"\$")[:20] for name in classes]
    axes.set_xticks(range(len(classes)), names, rotation=90)
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlabel="taken for", ylabel="shown")


def draw_calibration(labels: Labels, found: Probabilities, axes: Axes) -> None:
    """Draw the share that is right against the mean probability, in bins of equal width."""
    sure, right = found.max(1), found.argmax(1) == labels
    bins = np.clip((sure * CONFIDENCE_BINS).astype(int), 0, CONFIDENCE_BINS - 1)
    filled = np.unique(bins)
    axes.plot([sure[bins == each].mean() for each in filled], [right[bins == each].mean() for each in filled], "o-")
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="mean probability of what it is taken for", ylabel="share that is right")


def draw_pictures(pictures: Images, titles: list[str], axes: Axes) -> None:
    """Draw pictures side by side, each below its title."""
    axes.axis("off")
    for place, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        inset = axes.inset_axes((place % 6 / 6, 0.5 - place // 6 / 2, 0.14, 0.36))
        inset.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
        inset.axis("off")
        inset.set_title(title.replace("$", r"\$"), fontsize=8)
