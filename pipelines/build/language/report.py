"""What the page of an evaluation shows beside its numbers: how losses spread, and what the model answers."""

from collections.abc import Sequence
from functools import partial
from itertools import islice

import numpy as np
from matplotlib.axes import Axes
from page import Draw, Table

SHOWN = 12  # records of each table
HEAD = ("Prompt", "Completion", "Answer")

Shown = tuple[str, str, str]  # as HEAD says


def plots(losses: Sequence[float], exact: Sequence[bool]) -> dict[str, Draw]:
    """Plots by caption."""
    return {"Loss a token, of records that are answered exactly and of others": partial(draw_losses, losses, exact)}


def tables(shown: Sequence[Shown], exact: Sequence[bool]) -> dict[str, Table]:
    """Tables by caption; one that would be empty is left out."""
    captions = {"Answers that are not the completion": False, "Answers that are the completion": True}
    found = {
        caption: list(islice((texts for texts, right in zip(shown, exact, strict=True) if right is wanted), SHOWN))
        for caption, wanted in captions.items()
    }
    return {caption: [HEAD, *rows] for caption, rows in found.items() if rows}


def draw_losses(losses: Sequence[float], exact: Sequence[bool], axes: Axes) -> None:
    """Draw how many records have which loss."""
    values, right = np.array(losses), np.array(exact)
    bins = np.linspace(0, max(float(values.max()), 1e-6), 30).tolist()
    axes.hist([values[right], values[~right]], bins, stacked=True, label=["exact", "other"])
    axes.set(xlabel="mean loss of a completion's tokens", ylabel="records")
    axes.legend()
