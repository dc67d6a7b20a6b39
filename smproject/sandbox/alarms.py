"""CloudWatch's metric alarms, which moto keeps but never evaluates: here they are, each second.

A data point stands for a whole period that ends with the evaluation. Actions of alarms are not performed. Source:
CloudWatch user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data".
"""

from __future__ import annotations

import json
import logging
import math
import operator
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from smproject.sandbox import moto_seam
from smproject.sandbox.moto_seam import MetricAlarm, Sample
from smproject.sandbox.service import now
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_EVALUATION_SECONDS = 1.0
_SPARE_PERIODS = 2  # looked at besides, when some of the evaluated ones have no data
_NOT_EVALUATED = "The sandbox evaluates alarms on one metric only: no metric math, no anomaly detection, no composites."
_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True)
class Rule:
    """What decides an alarm: `to_alarm` of `periods` points must breach the threshold."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int
    missing: str = "missing"

    def breaches(self, point: float) -> bool:
        """Tell whether a data point breaches the threshold."""
        return _COMPARISONS[self.comparison][0](point, self.threshold)


def watch(world: World) -> None:
    """Evaluate all alarms each second from now on."""
    world.background("alarms", _watch)


def _watch() -> None:
    while True:
        time.sleep(_EVALUATION_SECONDS)
        for alarm in moto_seam.metric_alarms():
            try:
                _evaluate(alarm)
            except Exception:  # one alarm's trouble must not end this for all
                LOG.exception("alarm %s was not evaluated", alarm.name)


def _evaluate(found: MetricAlarm) -> None:
    alarm, end = found.alarm, now()
    if not found.metric or alarm.comparison_operator not in _COMPARISONS:
        if found.unchecked:  # a state that somebody has set since stays
            found.set("INSUFFICIENT_DATA", _NOT_EVALUATED, "{}")
        return
    rule = Rule(
        alarm.comparison_operator,
        float(alarm.threshold),
        int(alarm.evaluation_periods),
        int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        alarm.treat_missing_data or "missing",
    )
    points = _points(found, rule.periods, end)
    state = decide(rule, points)
    if found.unchecked:  # a new alarm of AWS's has no state to keep yet
        state = state or "INSUFFICIENT_DATA"
    if state and (state != alarm.state_value or found.unchecked):
        found.set(state, _reason(rule, points, state), _data(found, points, end))


def decide(rule: Rule, points: Sequence[float | None]) -> str | None:
    """Return an alarm's state by its data points, oldest first, None where there is no data; None to keep the state.

    The points are those of the evaluation range: what exists among them is used before anything is filled in.
    """
    real = [point for point in points if point is not None]
    recent = real[-rule.periods :]
    breaching, filled = sum(map(rule.breaches, recent)), rule.periods - len(recent)
    if not real:
        return {"breaching": "ALARM", "notBreaching": "OK", "ignore": None}.get(rule.missing, "INSUFFICIENT_DATA")
    if rule.missing == "breaching":
        breaching += filled
    if breaching >= rule.to_alarm:
        return "ALARM"
    if filled and rule.missing in ("missing", "ignore") and all(map(rule.breaches, real)):
        oldest = len(points) - next(index for index, point in enumerate(points) if point is not None)
        return "ALARM" if oldest >= rule.to_alarm and rule.missing == "missing" else None
    return "OK"


def _points(found: MetricAlarm, periods: int, end: datetime) -> list[float | None]:
    """Return the data points of the evaluation range, oldest first."""
    count, period = periods + _SPARE_PERIODS, timedelta(seconds=int(found.alarm.period))
    samples = found.samples(end - count * period)
    starts = [end - age * period for age in range(count, 0, -1)]
    return [
        _statistic(_named(found), [sample for sample in samples if start < sample.time <= start + period])
        for start in starts
    ]


def _named(found: MetricAlarm) -> str:
    return str(found.alarm.extended_statistic or found.alarm.statistic)


def _statistic(name: str, samples: list[Sample]) -> float | None:
    """Return a statistic (`Average`, `p99.5`, ...) of samples; None when there are none."""
    if not samples:
        return None
    count, total = sum(sample.count for sample in samples), sum(sample.total for sample in samples)
    if name.startswith("p"):
        return _percentile(float(name[1:]), samples)
    values = {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count if count else 0.0,
        "Minimum": min(sample.least for sample in samples),
        "Maximum": max(sample.greatest for sample in samples),
    }
    return values[name]


def _percentile(percent: float, samples: list[Sample]) -> float:
    """Return the least value that so many percent of the samples do not exceed; a set of samples is at its mean."""
    means = sorted((sample.total / sample.count, sample.count) for sample in samples if sample.count)
    wanted = max(1, math.ceil(sum(count for _, count in means) * percent / 100))
    passed = 0.0
    for value, count in means:
        passed += count
        if passed >= wanted:
            return value
    return means[-1][0]


def _reason(rule: Rule, points: Sequence[float | None], state: str) -> str:
    """Tell why, in CloudWatch's words."""
    recent = [point for point in points if point is not None][-rule.periods :]
    if not recent:
        if state == "INSUFFICIENT_DATA":
            return f"Insufficient Data: {rule.periods} datapoint{_s(rule.periods)} {_were(rule.periods)} unknown."
        treated = "Breaching" if state == "ALARM" else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {rule.periods} period{_s(rule.periods)} and "
            f"{rule.periods} missing datapoint{_s(rule.periods)} {_were(rule.periods)} treated as [{treated}]."
        )
    words, crossed = _COMPARISONS[rule.comparison][1], [point for point in recent if rule.breaches(point)]
    shown = crossed if state == "ALARM" and crossed else [point for point in recent if not rule.breaches(point)]
    not_crossed = "" if shown is crossed else "not "
    return (
        f"Threshold Crossed: {len(shown)} out of the last {rule.periods} datapoints {shown} {_were(len(shown))} "
        f"{not_crossed}{words} the threshold ({rule.threshold})."
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _data(found: MetricAlarm, points: Sequence[float | None], end: datetime) -> str:
    told = {
        "version": "1.0",
        "queryDate": end.isoformat(timespec="milliseconds"),
        "statistic": _named(found),
        "period": int(found.alarm.period),
        "recentDatapoints": [point for point in points if point is not None],
        "threshold": float(found.alarm.threshold),
    }
    return json.dumps(told)
