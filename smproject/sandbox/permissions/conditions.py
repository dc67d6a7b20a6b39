"""The Condition element of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import ipaddress
import logging
import operator
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from smproject.sandbox.permissions.patterns import Resolve, arn_matches, literal, matches

if TYPE_CHECKING:
    from smproject.sandbox.permissions.request import Context

LOG = logging.getLogger(__name__)
Test = Callable[[str, str, Resolve | None], bool]  # the policy's value, the request's value
_ANY, _ALL, _IF_EXISTS = "ForAnyValue:", "ForAllValues:", "IfExists"


@dataclass(frozen=True)
class Condition:
    """One key of an operator, and the values that a policy wants for it."""

    operator: str
    key: str
    wanted: tuple[str, ...]

    def holds(self, context: Context, resolve: Resolve | None) -> bool:
        """Tell whether the request meets it."""
        found = context.get(self.key)
        if self.operator == "Null":
            return any((value.lower() == "true") is (found is None) for value in self.wanted)
        plain = self.operator.removeprefix(_ANY).removeprefix(_ALL)
        base = plain.removesuffix(_IF_EXISTS)
        test = _TESTS.get(_NEGATED.get(base, base))
        if test is None:
            LOG.warning("The sandbox does not know the condition operator %s (of %s): it is false.", base, self.key)
            return False
        if not found:
            absent = plain.endswith(_IF_EXISTS) or self.operator.startswith(_ALL)
            return absent or (base in _NEGATED and not self.operator.startswith(_ANY))
        negated = base in _NEGATED
        outcomes = (any(test(value, given, resolve) for value in self.wanted) is not negated for given in found)
        return all(outcomes) if self.operator.startswith(_ALL) else any(outcomes)


def compiled(element: Mapping[str, Mapping[str, Any]]) -> list[Condition]:
    """Return the conditions of a statement's Condition element, all of which must hold."""
    return [
        Condition(operator, key, tuple(_text(value) for value in listed(wanted)))
        for operator, keys in element.items()
        for key, wanted in keys.items()
    ]


def listed(value: Any) -> list[Any]:
    """Return a list as it is and anything else as a list of one: policies may write either."""
    return value if isinstance(value, list) else [value]


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


def _binary(wanted: str, given: str, _: Resolve | None) -> bool:
    """Compare bytes, which policies and requests write in base64."""
    try:
        return b64decode(wanted, validate=True) == b64decode(given, validate=True)
    except ValueError:
        return False


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
    "BinaryEquals": _binary,
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
