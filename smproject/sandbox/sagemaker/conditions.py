"""The conditions of condition steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from smproject.sandbox.sagemaker.expressions import Scope
from smproject.sandbox.service import ServiceError

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def holds(condition: dict[str, Any], scope: Scope) -> bool:
    """Evaluate one condition; raises ServiceError when its sides can't be compared."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"], scope)
    if kind == "Or":
        return any(holds(item, scope) for item in condition["Conditions"])
    if kind == "In":
        return scope.resolve(condition["QueryValue"]) in scope.resolve(condition["Values"])
    if kind not in _COMPARISONS:
        raise ServiceError("ClientError", f"Unknown condition type {kind}.")
    left, right = scope.resolve(condition["LeftValue"]), scope.resolve(condition["RightValue"])
    try:
        return _COMPARISONS[kind](left, right)
    except TypeError as error:
        raise ServiceError("ClientError", f"Cannot compare {left!r} and {right!r} ({kind}).") from error
