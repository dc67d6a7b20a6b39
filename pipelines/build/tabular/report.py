"""The plots of an evaluation."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from measures import metrics_of
from page import Draw

Vector = npt.NDArray[np.float64]

TOP_FEATURES = 15
CALIBRATION_BINS = 10
IMPORTANCE = "Feature importance: mean gain of the splits on a feature"


def plots(evaluation: dict[str, Any], labels: Vector, scores: Vector, importance: dict[str, float]) -> dict[str, Draw]:
    """Plots of an evaluation by caption: actual and predicted targets, and gains by feature, where they are known."""
    values = metrics_of(evaluation)
    found = regression_plots(labels, scores) if "r2" in values else classification_plots(values, labels, scores)
    return found | ({IMPORTANCE: lambda axes: draw_importance(axes, importance)} if importance else {})


def classification_plots(values: dict[str, Any], labels: Vector, scores: Vector) -> dict[str, Draw]:
    """Plots of a binary classifier by caption."""
    return {
        f"ROC curve, area {values['auc']['value']:.3f}": lambda axes: draw_roc(axes, values),
        "Calibration: how often a prediction comes true": lambda axes: draw_calibration(axes, labels, scores),
    }


def regression_plots(labels: Vector, scores: Vector) -> dict[str, Draw]:
    """Plots of a regression by caption."""
    return {"Residuals: actual less predicted": lambda axes: draw_residuals(axes, labels, scores)}


def draw_roc(axes: Axes, values: dict[str, Any]) -> None:
    """Draw the curve against chance."""
    curve = values["receiver_operating_characteristic_curve"]
    axes.plot(curve["false_positive_rates"], curve["true_positive_rates"])
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="false positive rate", ylabel="true positive rate")


def draw_calibration(axes: Axes, labels: Vector, scores: Vector) -> None:
    """Draw the share of positives against the mean prediction in bins of equal width."""
    bins = np.clip((scores * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    filled = np.unique(bins)
    predicted = [scores[bins == each].mean() for each in filled]
    actual = [labels[bins == each].mean() for each in filled]
    axes.plot(predicted, actual, marker="o")
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="mean predicted probability", ylabel="share of positives")


def draw_residuals(axes: Axes, labels: Vector, scores: Vector) -> None:
    """Draw residuals against predictions; points become pixels, so that a large test set stays a small page."""
    axes.scatter(scores, labels - scores, s=8, alpha=0.5, rasterized=True)
    axes.axhline(0, linestyle=":", color="grey")
    axes.set(xlabel="predicted", ylabel="residual")


def draw_importance(axes: Axes, importance: dict[str, float]) -> None:
    """Draw the features that matter most, the first on top."""
    top = sorted(importance, key=lambda name: (importance[name], name))[-TOP_FEATURES:]
    # A dollar sign would start a formula.
    axes.barh([name.replace("$", r"\$")[:40] for name in top], [importance[name] for name in top])
    axes.set(xlabel="gain")
