"""The hyperparameters that a tuning job searches: their ranges, and their values as training jobs get them.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.service import ServiceError

MOST = 30  # hyperparameters of one tuning job, in all its ranges together
_WIDE = 1000  # a range whose ends differ by this factor is searched on a logarithmic scale when the scale is Auto
_AROUND = 10  # the factor below and above an AutoParameter's hint


@dataclass(frozen=True)
class Range:
    """A hyperparameter: a number from `low` to `high` on a scale, or one of `values`."""

    name: str
    kind: str
    low: float = 0
    high: float = 0
    scale: str = "Linear"
    values: tuple[str, ...] = ()

    @property
    def size(self) -> float:
        """Return how many values there are; infinity for a continuous range."""
        if self.kind == "Categorical":
            return len(self.values)
        if self.kind == "Integer":
            return self.high - self.low + 1
        return math.inf if self.low < self.high else 1


def read(ranges: dict[str, Any]) -> tuple[Range, ...]:
    """Read ParameterRanges; raises ServiceError (ValidationException) for a range that can't be searched."""
    found = tuple(_all(ranges))
    names = [item.name for item in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise refused(f"The hyperparameter {twice[0]} has more than one range.")
    if not found:
        raise refused("A hyperparameter tuning job needs at least one hyperparameter range.")
    if len(found) > MOST:
        raise refused(f"The ranges have {len(found)} hyperparameters; a tuning job searches {MOST} at the most.")
    return found


def refused(message: str) -> ServiceError:
    """Return the error for a request that can't be met."""
    return ServiceError("ValidationException", message)


def _all(ranges: dict[str, Any]) -> Iterator[Range]:
    for kind in ("Integer", "Continuous"):
        for item in ranges.get(f"{kind}ParameterRanges", []):
            yield _number_range(kind, item)
    for item in ranges.get("CategoricalParameterRanges", []):
        yield Range(item["Name"], "Categorical", values=tuple(dict.fromkeys(item["Values"])))
    for item in ranges.get("AutoParameters", []):
        yield _around(item["Name"], item["ValueHint"])


def _number_range(kind: str, item: dict[str, Any]) -> Range:
    name, scale = item["Name"], item.get("ScalingType", "Auto")
    low, high = (_number(kind, name, item[end]) for end in ("MinValue", "MaxValue"))
    if low > high:
        raise refused(f"The MinValue [{item['MinValue']}] of {name} is greater than its MaxValue [{item['MaxValue']}].")
    if scale == "Auto":
        scale = "Logarithmic" if low > 0 and high / low >= _WIDE else "Linear"
    if scale == "Logarithmic" and low <= 0:
        raise refused(f"Logarithmic scaling works only for ranges that have only values greater than 0: {name}.")
    if scale == "ReverseLogarithmic" and (kind == "Integer" or low < 0 or high >= 1):
        limits = "continuous ranges that are entirely within the range 0<=x<1.0"
        raise refused(f"Reverse logarithmic scaling works only for {limits}: {name}.")
    return Range(name, kind, low, high, scale)


def _number(kind: str, name: str, text: str) -> float:
    try:
        value = int(text) if kind == "Integer" else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise refused(f"{text!r} is no {kind.lower()} value, as the range of the hyperparameter {name} needs.")
    return value


def _around(name: str, hint: str) -> Range:
    """Return the range around a positive number; whatever else a hint is, is not tuned.

    AWS does not say which ranges it chooses.
    """
    try:
        value = int(hint) if hint.isdigit() else float(hint)
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        return Range(name, "Categorical", values=(hint,))
    if isinstance(value, int):
        return Range(name, "Integer", max(value // _AROUND, 1), value * _AROUND, "Logarithmic")
    return Range(name, "Continuous", value / _AROUND, value * _AROUND, "Logarithmic")
