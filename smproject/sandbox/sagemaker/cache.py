"""Step caching: which earlier run of a step had the same inputs.

Source: SageMaker developer guide, "Caching pipeline steps" (the attributes that make the key; ISO 8601 durations).
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import reduce
from typing import Any

from smproject.sandbox.service import ServiceError

_KEYS = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": ("AlgorithmSpecification", "CheckpointConfig", "Environment", "HyperParameters", "InputDataConfig"),
    "Tuning": (
        "HyperParameterTuningJobConfig",
        *(f"TrainingJobDefinition.{name}" for name in ("AlgorithmSpecification", "HyperParameterRanges")),
        *(f"TrainingJobDefinition.{name}" for name in ("InputDataConfig", "StaticHyperParameters", "TuningObjective")),
    ),
}
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?|(\d+)d")


def key(step: dict[str, Any], arguments: dict[str, Any]) -> str | None:
    """Return what a step's result depends on; None when the step isn't cached."""
    if step["Type"] not in _KEYS or not step.get("CacheConfig", {}).get("Enabled"):
        return None
    found = {name: reduce(_member, name.split("."), arguments) for name in _KEYS[step["Type"]]}
    return json.dumps(found, sort_keys=True, default=str)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def expires_after(step: dict[str, Any]) -> timedelta:
    """Return how long a result may be reused; raises ServiceError for what is no duration."""
    text = step.get("CacheConfig", {}).get("ExpireAfter")
    if text is None:
        return timedelta.max
    match = _DURATION.fullmatch(text)
    if match is None:
        message = f"ExpireAfter of step {step['Name']} is {text!r}, which is no ISO 8601 duration such as P30D."
        raise ServiceError("ValidationException", f"Unable to parse pipeline definition. {message}")
    years, months, weeks, days, hours, minutes, seconds, plain = (int(group or 0) for group in match.groups())
    days += years * 365 + months * 30 + plain
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
