"""AWS::LanguageExtensions: loops, functions as references, and functions in policies.

cfn-lint's transform is not used: a linter guesses the values of parameters, and picks keys of mappings at random.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from smproject.sandbox.cloudformation.intrinsics import Scope
from smproject.sandbox.cloudformation.syntax import LANGUAGE_EXTENSIONS, call_of, invalid, text

_LOOP = "Fn::ForEach::"
_MOST = 1_000  # members of a loop: more than any section may have
_SECTIONS = ("Conditions", "Resources", "Outputs")
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


def expand(template: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """Return a template without what only the transform understands; `scope` knows parameters and mappings."""
    expanded = dict(template)
    for section in _SECTIONS:
        if section in template:
            expanded[section] = _Loops(scope, {}).expand(template[section])
        scope.conditions = expanded.get("Conditions", {})  # the sections that follow use them
    for item in expanded.get("Resources", {}).values():
        for policy in _POLICIES:
            if isinstance(item, dict) and call_of(item.get(policy)):
                item[policy] = scope.resolve(item[policy])
    return expanded


def _failed(message: str) -> Exception:
    return invalid(f"Transform {LANGUAGE_EXTENSIONS} failed with: {message}. Rollback requested by user.")


@dataclass(frozen=True)
class _Loops:
    """Expands loops inside others: `bound` holds the values of their identifiers.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
    """

    scope: Scope
    bound: dict[str, Any]

    def expand(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._replaced(value)
        if isinstance(value, list):
            return [self.expand(item) for item in value]
        if not isinstance(value, dict):
            return value
        if (call := call_of(value)) and not call[0].startswith(_LOOP):
            return self._called(*call)
        merged: dict[str, Any] = {}
        for key, item in value.items():
            found = self._looped(key, item) if key.startswith(_LOOP) else {self._replaced(key): self.expand(item)}
            if twice := sorted(set(found) & set(merged)):
                raise _failed(f"Duplicate key '{twice[0]}' when merging keys to parent object in Fn::ForEach")
            merged |= found
        return merged

    def _replaced(self, value: str) -> str:
        for name, bound in self.bound.items():
            plain = re.sub("[^A-Za-z0-9]", "", bound)
            value = value.replace(f"${{{name}}}", bound).replace(f"&{{{name}}}", plain)
        return value

    def _called(self, name: str, argument: Any) -> Any:
        argument = self.expand(argument)
        if name == "Ref":
            referred = argument if isinstance(argument, str) else self._computed(argument)
            return self.bound.get(referred, {"Ref": referred})
        if name == "Fn::GetAtt" and isinstance(argument, list):
            return {name: [self._computed(part) for part in argument]}
        if name == "Fn::Sub" and isinstance(argument, str) and "${" not in argument:
            return argument
        if name == "Fn::FindInMap" and isinstance(argument, list) and len(argument) in (3, 4):
            return {name: [*map(self._computed, argument[:3]), *argument[3:]]}
        return {name: argument}

    def _computed(self, value: Any) -> Any:
        """Return a value that may name a resource, computed from what is known before there are any."""
        return self.scope.resolve(value) if call_of(value) else value

    def _looped(self, key: str, loop: Any) -> dict[str, Any]:
        if not isinstance(loop, list) or len(loop) != 3 or not isinstance(loop[0], str):
            raise _failed(f"{key} must be a list of an identifier, a collection and a map")
        identifier, collection, output = loop
        if not isinstance(output, dict) or identifier in self.bound:
            raise _failed(f"{key} must have an identifier of its own and a map to repeat")
        found: dict[str, Any] = {}
        for item in self._collection(key, collection):
            made = _Loops(self.scope, self.bound | {identifier: item}).expand(output)
            if twice := sorted(set(found) & set(made)):
                raise _failed(f"Duplicate key '{twice[0]}' when merging keys to parent object in Fn::ForEach")
            found |= made
            if len(found) > _MOST:
                raise _failed(f"{key} makes more than {_MOST} members")
        return found

    def _collection(self, key: str, collection: Any) -> list[str]:
        items = self.scope.resolve(self.expand(collection))
        if not isinstance(items, list) or any(isinstance(item, (dict, list)) for item in items):
            raise _failed(f"The collection of {key} must be a list of texts")
        return [text(item) for item in items]
