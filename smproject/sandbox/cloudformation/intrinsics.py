"""What a template's values resolve to: names in a scope, functions computed; dynamic references stay."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.cloudformation.functions import FUNCTIONS, Function
from smproject.sandbox.cloudformation.syntax import NO_VALUE, PSEUDO, call_of, invalid, malformed, references, text
from smproject.sandbox.service import Caller

__all__ = ["FUNCTIONS", "NO_VALUE", "PSEUDO", "Scope", "pseudo", "references", "text"]


def _unresolved(name: str, _: str | None) -> Any:
    raise malformed(f"Unresolved resource dependencies [{name}] in the Resources block of the template")


def _no_export(name: str) -> Any:
    raise invalid(f"No export named {name} found.")


def _no_zones(region: str) -> list[str]:
    raise invalid(f"Template error: Fn::GetAZs can't be asked of {region} here")


def pseudo(owner: Caller, name: str, id_: str, notification_arns: list[str]) -> dict[str, Any]:
    """Return what the pseudo parameters mean in a stack of a name and id.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
    """
    return {
        "AWS::AccountId": owner.account,
        "AWS::NoValue": NO_VALUE,
        "AWS::NotificationARNs": notification_arns,
        "AWS::Partition": "aws",
        "AWS::Region": owner.region,
        "AWS::StackId": id_,
        "AWS::StackName": name,
        "AWS::URLSuffix": "amazonaws.com",
    }


@dataclass
class Scope:
    """What names mean inside one stack: parameters and pseudo parameters, conditions, resources made so far.

    `imports` gives the value of an export, `zones` a region's availability zones.
    """

    values: dict[str, Any]
    conditions: dict[str, Any] = field(default_factory=dict)
    resource: Callable[[str, str | None], Any] = _unresolved
    functions: dict[str, Function] = field(default_factory=lambda: FUNCTIONS)
    mappings: dict[str, Any] = field(default_factory=dict)
    imports: Callable[[str], Any] = _no_export
    zones: Callable[[str], list[str]] = _no_zones
    _decided: dict[str, bool] = field(default_factory=dict, init=False)

    def resolve(self, value: Any) -> Any:
        """Return a value with every function in it computed; members that are `AWS::NoValue` are left out."""
        call = call_of(value)
        if call:
            return self._call(*call)
        if isinstance(value, dict):
            resolved = {key: self.resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        return value

    def condition(self, name: str) -> bool:
        """Return whether a named condition holds."""
        if name not in self.conditions:
            raise invalid(f"Template error: unresolved condition dependency {name}")
        if name not in self._decided:
            self._decided[name] = bool(self.resolve(self.conditions[name]))
        return self._decided[name]

    def _call(self, name: str, argument: Any) -> Any:
        function = self.functions.get(name)
        if function is None:
            raise invalid(f"The sandbox does not execute the intrinsic function {name} here.")
        try:
            return function(self, argument)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            message = f"Template error: {name} can't be computed from {json.dumps(argument, default=str)}."
            raise invalid(message) from error
