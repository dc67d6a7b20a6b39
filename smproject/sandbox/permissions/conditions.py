"""The Condition element of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import ipaddress
import logging
import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.permissions.document import listed
from smproject.sandbox.permissions.patterns import Resolve, arn_matches, literal, matches
from smproject.sandbox.permissions.request import Context

LOG = logging.getLogger(__name__)
Test = Callable[[str, str, Resolve | None], bool]  # the policy's value, the request's value
_ANY, _ALL, _IF_EXISTS = "ForAnyValue:", "ForAllValues:", "IfExists"


def hold(conditions: Mapping[str, Mapping[str, Any]], context: Context, resolve: Resolve | None) -> bool:
    """Tell whether every operator holds for every one of its keys."""
    return all(
        _holds(name, key, [_text(value) for value in listed(wanted)], context, resolve)
        for name, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(name: str, key: str, wanted: list[str], context: Context, resolve: Resolve | None) -> bool:
    found = context.get(key)
    if name == "Null":
        return any((value.lower() == "true") is (found is None) for value in wanted)
    plain = name.removeprefix(_ANY).removeprefix(_ALL)
    base = plain.removesuffix(_IF_EXISTS)
    negated = base in _NEGATED
    test = _TESTS.get(_NEGATED.get(base, base))
    if test is None:
        LOG.warning("The sandbox does not know the condition operator %s (of %s): the condition is false.", name, key)
        return False
    if not found:
        absent = plain.endswith(_IF_EXISTS) or name.startswith(_ALL)
        return absent or (negated and not name.startswith(_ANY))
    outcomes = (any(test(value, given, resolve) for value in wanted) is not negated for given in found)
    return all(outcomes) if name.startswith(_ALL) else any(outcomes)


def _text(value: Any) -> str:
    """Return a value as text: policies may write numbers and booleans without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _string_equals(wanted: str, given: str, resolve: Resolve | None) -> bool:
    return literal(wanted, resolve) == given


def _string_equals_ignoring_case(wanted: str, given: str, resolve: Resolve | None) -> bool:
    text = literal(wanted, resolve)
    return text is not None and text.lower() == given.lower()


def _bool(wanted: str, given: str, _: Resolve | None) -> bool:
    return wanted.lower() == given.lower()


def _ip_address(wanted: str, given: str, _: Resolve | None) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> float | None:
    """Return a date, in one of ISO 8601's forms or as epoch seconds, as epoch seconds; None for anything else."""
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _ordered(read: Callable[[str], float | None], compare: Callable[[float, float], bool]) -> Test:
    """Return a test that reads both values and compares the request's with the policy's."""

    def test(wanted: str, given: str, _: Resolve | None) -> bool:
        right, left = read(wanted), read(given)
        return left is not None and right is not None and compare(left, right)

    return test


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_TESTS: dict[str, Test] = {
    "StringEquals": _string_equals,
    "StringEqualsIgnoreCase": _string_equals_ignoring_case,
    "StringLike": matches,
    "ArnEquals": arn_matches,  # AWS: ArnEquals and ArnLike behave alike
    "ArnLike": arn_matches,
    "Bool": _bool,
    "IpAddress": _ip_address,
    **{f"Numeric{name}": _ordered(_number, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _ordered(_moment, compare) for name, compare in _COMPARISONS.items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
