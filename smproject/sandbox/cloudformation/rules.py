"""The Rules of a template: what its parameters must fulfil together before anything is made.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
"""

from __future__ import annotations

from typing import Any, Protocol

from smproject.sandbox.cloudformation import signatures
from smproject.sandbox.cloudformation.functions import FUNCTIONS, Function
from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.parameter_types import parse
from smproject.sandbox.cloudformation.syntax import PSEUDO, calls, invalid, malformed, references, text

_SHARED = {"Ref", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"}


class Account(Protocol):
    """Where attributes of resources that parameters name are looked up."""

    def attribute(self, type_: str, value: str, name: str) -> str:
        """Return an attribute of a resource of an AWS-specific parameter type."""


def check_functions(template: dict[str, Any]) -> None:
    """Refuse rules with malformed functions, or with names of other things than parameters."""
    known = PSEUDO | set(template.get("Parameters", {}))
    for rule in template.get("Rules", {}).values():
        signatures.check(rule, _SHARED | signatures.RULE_ONLY, "Rules", extended=False)
        if unknown := sorted((set(references(rule)) | _asked(rule)) - known):
            raise malformed(
                f"Unresolved dependencies [{', '.join(unknown)}]. Cannot reference resources in the Rules block of the "
                "template"
            )


def _asked(rule: Any) -> set[str]:
    return {argument[0] for name, argument in calls(rule) if name == "Fn::ValueOf"}


def check(rules: dict[str, Any], parameters: dict[str, Any], values: dict[str, Any], account: Account) -> None:
    """Raise ServiceError (ValidationError) for the first assertion that doesn't hold.

    `parameters` are the template's declarations, `values` what names mean: parameters and pseudo parameters.
    """
    scope = _RuleScope(values, parameters, account)
    for name, rule in rules.items():
        if "RuleCondition" in rule and not scope.resolve(rule["RuleCondition"]):
            continue
        for assertion in rule["Assertions"]:
            if not scope.resolve(assertion["Assert"]):
                told = assertion.get("AssertDescription", f"an assertion of the rule {name} does not hold")
                raise invalid(f"Template error: the rule {name} is not met: {told}")


class _RuleScope(Scope):
    """What names and functions mean inside a rule."""

    def __init__(self, values: dict[str, Any], parameters: dict[str, Any], account: Account) -> None:
        super().__init__(values, functions={**{name: FUNCTIONS[name] for name in _SHARED}, **_FUNCTIONS})
        self.parameters, self.account = parameters, account

    def texts(self, value: Any) -> list[str]:
        """Return a list, or a single value, as texts."""
        resolved = self.resolve(value)
        return [text(item) for item in (resolved if isinstance(resolved, list) else [resolved])]

    def attributes(self, names: list[str], attribute: str) -> list[str]:
        """Return an attribute of each resource that parameters name."""
        types = {name: parse(self.parameters[name]["Type"]).of for name in names}
        return [
            self.account.attribute(types[name], value, attribute)
            for name in names
            for value in self.texts({"Ref": name})
        ]

    def of_type(self, type_: str) -> list[str]:
        """Return the parameters of a type, single ones and lists."""
        return [name for name, spec in self.parameters.items() if spec["Type"] in (type_, f"List<{type_}>")]


def _contains(scope: Any, pair: Any) -> bool:
    return set(scope.texts(pair[1])) <= set(scope.texts(pair[0]))


def _each_equals(scope: Any, pair: Any) -> bool:
    return set(scope.texts(pair[0])) <= {text(scope.resolve(pair[1]))}


def _each_in(scope: Any, pair: Any) -> bool:
    return set(scope.texts(pair[0])) <= set(scope.texts(pair[1]))


def _all_of(scope: Any, type_: str) -> list[str]:
    return [item for name in scope.of_type(type_) for item in scope.texts({"Ref": name})]


def _value_of_all(scope: Any, pair: Any) -> list[str]:
    found: list[str] = scope.attributes(scope.of_type(pair[0]), pair[1])
    return found


def _value_of(scope: Any, pair: Any) -> Any:
    found = scope.attributes([pair[0]], pair[1])
    return found if isinstance(scope.values[pair[0]], list) else found[0]


_FUNCTIONS: dict[str, Function] = {
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_equals,
    "Fn::EachMemberIn": _each_in,
    "Fn::RefAll": _all_of,
    "Fn::ValueOf": _value_of,
    "Fn::ValueOfAll": _value_of_all,
}
