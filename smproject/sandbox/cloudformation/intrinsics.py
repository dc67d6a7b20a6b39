"""Intrinsic functions: what a value refers to, and what it resolves to."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.service import ServiceError

PSEUDO = {
    "AWS::AccountId",
    "AWS::Region",
    "AWS::Partition",
    "AWS::StackName",
    "AWS::StackId",
    "AWS::URLSuffix",
    "AWS::NoValue",
    "AWS::NotificationARNs",
}
NO_VALUE = object()
_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


def _function(value: Any) -> tuple[str, Any] | None:
    """Return (name, argument) when a value is a call of an intrinsic function."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        if name in {"Ref", "Condition"} or str(name).startswith("Fn::"):
            return name, argument
    return None


def references(value: Any) -> Iterator[str]:
    """Yield each name that a value refers to by Ref, GetAtt or Sub."""
    call = _function(value)
    if call:
        yield from _call_references(*call)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _call_references(name: str, argument: Any) -> Iterator[str]:
    if name == "Ref":
        yield argument
    elif name == "Fn::GetAtt":
        yield (argument.split(".") if isinstance(argument, str) else argument)[0]
    elif name == "Fn::Sub":
        text, local = argument if isinstance(argument, list) else (argument, {})
        yield from (key.split(".")[0] for bang, key in _SUB.findall(text) if not bang and key not in local)
        yield from references(list(local.values()))
    elif name != "Condition":
        yield from references(argument)


@dataclass
class Scope:
    """What names mean inside one stack: parameters and pseudo parameters, conditions, resources made so far."""

    values: dict[str, Any]
    conditions: dict[str, Any] = field(default_factory=dict)
    resource: Callable[[str, str | None], Any] = lambda name, attribute: _unresolved(name)
    functions: dict[str, Callable[[Any, Any], Any]] = field(default_factory=lambda: FUNCTIONS)

    def resolve(self, value: Any) -> Any:
        """Return a value with every function in it computed; members that are `AWS::NoValue` are left out."""
        call = _function(value)
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
            raise ServiceError("ValidationError", f"Template error: unresolved condition dependency {name}")
        return bool(self.resolve(self.conditions[name]))

    def _call(self, name: str, argument: Any) -> Any:
        method = self.functions.get(name)
        if method is None:
            raise ServiceError("ValidationError", f"The sandbox does not execute the intrinsic function {name}.")
        try:
            return method(self, argument)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            message = f"Template error: {name} can't be computed from {json.dumps(argument, default=str)}."
            raise ServiceError("ValidationError", message) from error

    def _ref(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.resource(name, None)

    def _get_att(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.resource(name, self.resolve(attribute))

    def _sub(self, argument: Any) -> str:
        pattern, local = argument if isinstance(argument, list) else (argument, {})
        local = self.resolve(local)

        def value(match: re.Match[str]) -> str:
            bang, key = match.groups()
            if bang:
                return "${" + key + "}"
            if key in local:
                return text(local[key])
            return text(self._get_att(key) if "." in key else self._ref(key))

        return _SUB.sub(value, pattern)

    def _if(self, argument: Any) -> Any:
        name, yes, no = argument
        return self.resolve(yes if self.condition(name) else no)


def text(value: Any) -> str:
    """Return a value as CloudFormation writes it into text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unresolved(name: str) -> Any:
    raise ServiceError("ValidationError", f"Template format error: Unresolved resource dependencies [{name}]")


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "Ref": Scope._ref,
    "Condition": Scope.condition,
    "Fn::GetAtt": Scope._get_att,
    "Fn::Sub": Scope._sub,
    "Fn::If": Scope._if,
    "Fn::Equals": lambda scope, pair: text(scope.resolve(pair[0])) == text(scope.resolve(pair[1])),
    "Fn::Not": lambda scope, items: not scope.resolve(items[0]),
    "Fn::And": lambda scope, items: all(scope.resolve(item) for item in items),
    "Fn::Or": lambda scope, items: any(scope.resolve(item) for item in items),
    "Fn::Join": lambda scope, pair: pair[0].join(text(item) for item in scope.resolve(pair[1])),
    "Fn::Split": lambda scope, pair: scope.resolve(pair[1]).split(pair[0]),
    "Fn::Select": lambda scope, pair: scope.resolve(pair[1])[int(scope.resolve(pair[0]))],
    "Fn::Base64": lambda scope, text: base64.b64encode(scope.resolve(text).encode()).decode(),
    "Fn::Length": lambda scope, items: len(scope.resolve(items)),
    "Fn::ToJsonString": lambda scope, value: json.dumps(scope.resolve(value), separators=(",", ":")),
}
