"""Metrics of a test set, and a model beside the champion, the version that is approved."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from job import JobError

RESAMPLES = 200  # bootstrap samples behind each standard deviation

Values = npt.NDArray[np.number[Any]]
Rows = npt.NDArray[np.int64]
Metric = Callable[..., float]


class ChampionError(ValueError):
    """There is no champion, or it can't be measured on this data; the message says why."""


def resamples(count: int) -> Iterator[Rows]:
    """Yield bootstrap samples of a test set, as numbers of its rows."""
    random = np.random.default_rng(0)
    return (random.integers(0, count, count) for _ in range(RESAMPLES))


def varied(labels: Values) -> list[Rows]:
    """Bootstrap samples of labels that differ: one class or one value only has no AUC and no R2."""
    samples = [rows for rows in resamples(len(labels)) if np.ptp(labels[rows]) > 0]
    if not samples:
        raise JobError(f"all {len(labels)} test rows have one and the same target. Add data.")
    return samples


def with_deviation(functions: Mapping[str, Metric], samples: Iterable[Rows], *measured: Values) -> dict[str, Any]:
    """Each metric of what was measured on the test set, and its standard deviation over samples of that set."""
    drawn = [[values[rows] for values in measured] for rows in samples]
    return {
        name: {
            "value": float(function(*measured)),
            "standard_deviation": float(np.std([function(*sample) for sample in drawn])),
        }
        for name, function in functions.items()
    }


def metrics_of(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of an evaluation by name."""
    (values,) = (group for name, group in evaluation.items() if name.endswith("_metrics"))
    return dict(values)


def summary(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Single numbers of an evaluation by name."""
    return {name: round(entry["value"], 6) for name, entry in metrics_of(evaluation).items() if "value" in entry}


def compare(metric: str, candidate: Mapping[str, Any], champion: Mapping[str, Any] | None, why: str) -> dict[str, Any]:
    """Return what the gate reads of two evaluations: by how much `metric`, of which more is better, improves.

    Without a champion `why` says so.
    """
    if champion is None:
        return {"version": 1, "metric": metric, "compared": 0, "improvement": 0.0, "summary": why}
    new, old = summary(candidate)[metric], summary(champion)[metric]
    improvement = round(new - old, 6)
    told = f"The approved version has {metric} {old:.4f} on the same rows, {improvement:+.4f} to this one"
    values = {"candidate": new, "champion": old, "improvement": improvement}
    return {"version": 1, "metric": metric, "compared": 1, **values, "summary": told}
