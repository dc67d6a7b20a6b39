"""Draw an evaluation as one self-contained HTML page: its numbers, and plots as inline SVG."""

import html
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Vector = npt.NDArray[np.float64]
Draw = Callable[[Axes], None]

TOP_FEATURES = 15
CALIBRATION_BINS = 10

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .25rem 1rem .25rem 0; text-align: left; border-bottom: 1px solid #ddd; }}
figure {{ margin: 2rem 0; }}
svg {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{items} test rows. Standard deviations come from bootstrap samples of the test set.</p>
<p>{comparison}.</p>
<table>
<tr><th>Metric</th><th>Value</th><th>Standard deviation</th>{column}</tr>
{rows}
</table>
{figures}
</body>
</html>
"""


@dataclass(frozen=True)
class Results:
    """What a report shows: metrics, actual and predicted targets, gains by feature, metrics of the approved version."""

    target: str
    evaluation: dict[str, Any]
    labels: Vector
    scores: Vector
    importance: dict[str, float]
    champion: dict[str, Any] | None
    comparison: dict[str, Any]


def write_report(path: Path, results: Results) -> None:
    """Write the page; equal results give equal bytes."""
    values = metrics_of(results.evaluation)
    approved = metrics_of(results.champion) if results.champion else {}
    labels, scores = results.labels, results.scores
    plots = regression_plots(labels, scores) if "r2" in values else classification_plots(values, labels, scores)
    caption = "Feature importance: mean gain of the splits on a feature"
    plots[caption] = lambda axes: draw_importance(axes, results.importance)
    page = PAGE.format(
        title=html.escape(f"Evaluation: {results.target}"),
        items=results.evaluation["dataset"]["item_count"],
        comparison=html.escape(results.comparison["summary"]),
        column="<th>Approved version</th>" if approved else "",
        rows="\n".join(table_row(name, entry, approved) for name, entry in values.items() if "value" in entry),
        figures="\n".join(figure(caption, draw) for caption, draw in plots.items()),
    )
    path.write_text(page, encoding="utf-8")


def metrics_of(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of an evaluation by name."""
    (values,) = (group for name, group in evaluation.items() if name.endswith("_metrics"))
    return dict(values)


def table_row(name: str, entry: dict[str, float], approved: dict[str, Any]) -> str:
    """One metric as a row of the table, with the approved version's if it was measured."""
    cells = [entry["value"], entry["standard_deviation"], *([approved[name]["value"]] if approved else [])]
    return f"<tr><th>{html.escape(name)}</th>{''.join(f'<td>{cell:.4g}</td>' for cell in cells)}</tr>"


def figure(caption: str, draw: Draw) -> str:
    """Draw a plot as inline SVG below its caption."""
    # A fixed salt and no date: the same evaluation gives the same page.
    with mpl.rc_context({"svg.hashsalt": caption}):
        canvas, buffer = Figure(figsize=(7, 4.2), layout="constrained"), io.StringIO()
        draw(canvas.add_subplot())
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Title": caption})
    svg = buffer.getvalue()
    return f"<figure><figcaption>{html.escape(caption)}</figcaption>{svg[svg.index('<svg') :]}</figure>"


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
