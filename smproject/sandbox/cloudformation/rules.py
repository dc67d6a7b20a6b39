"""The Rules of a template: what its parameters must fulfil together before anything is made.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smproject.sandbox.cloudformation.intrinsics import FUNCTIONS, Scope, text
from smproject.sandbox.service import ServiceError

_SHARED = ("Ref", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or")


def check(rules: dict[str, Any], parameters: dict[str, Any], values: dict[str, Any]) -> None:
    """Raise ServiceError (ValidationError) for the first assertion that doesn't hold.

    `parameters` are the template's declarations, `values` what names mean: parameters and pseudo parameters.
    """
    scope = _RuleScope(values, parameters=parameters)
    for name, rule in rules.items():
        if "RuleCondition" in rule and not scope.resolve(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not scope.resolve(assertion["Assert"]):
                told = assertion.get("AssertDescription", f"an assertion of the rule {name} does not hold")
                raise ServiceError("ValidationError", f"Template error: the rule {name} is not met: {told}")


class _RuleScope(Scope):
    """What names and functions mean inside a rule."""

    def __init__(self, values: dict[str, Any], parameters: dict[str, Any]) -> None:
        super().__init__(values, functions={**{name: FUNCTIONS[name] for name in _SHARED}, **_FUNCTIONS})
        self.parameters = parameters

    def texts(self, value: Any) -> list[str]:
        """Return a list, or a single value, as texts."""
        resolved = self.resolve(value)
        return [text(item) for item in (resolved if isinstance(resolved, list) else [resolved])]


def _contains(scope: Any, pair: Any) -> bool:
    return set(scope.texts(pair[1])) <= set(scope.texts(pair[0]))


def _each_equals(scope: Any, pair: Any) -> bool:
    return set(scope.texts(pair[0])) <= {text(scope.resolve(pair[1]))}


def _each_in(scope: Any, pair: Any) -> bool:
    return set(scope.texts(pair[0])) <= set(scope.texts(pair[1]))


def _all_of_type(scope: Any, type_: str) -> list[Any]:
    wanted = (type_, f"List<{type_}>")
    found = [scope.values[name] for name, spec in scope.parameters.items() if spec["Type"] in wanted]
    return [item for value in found for item in (value if isinstance(value, list) else [value])]


_FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_equals,
    "Fn::EachMemberIn": _each_in,
    "Fn::RefAll": _all_of_type,
}
