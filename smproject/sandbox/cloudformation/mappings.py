"""The Mappings of a template, and Fn::FindInMap, which looks values up in them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/mappings-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from smproject.sandbox.cloudformation.signatures import USAGE
from smproject.sandbox.cloudformation.syntax import invalid, malformed, text

if TYPE_CHECKING:
    from smproject.sandbox.cloudformation.intrinsics import Scope

_KEY = re.compile(r"[A-Za-z0-9.\-]+")


def check(name: str, mapping: Any) -> None:
    """Refuse a mapping that is not two levels of keys with a text, or a list of texts, below."""
    if not isinstance(mapping, dict):
        raise malformed(f"Every Mappings member {name} must be a map")
    for path, attributes in _attributes(name, mapping):
        if not isinstance(attributes, dict):
            raise malformed(f"[{path}] Every Mappings attribute must be a map")
        for key, value in attributes.items():
            _check_key(f"{path}/{key}", key)
            items = value if isinstance(value, list) else [value]
            if any(isinstance(item, (dict, list)) for item in items):
                raise malformed(f"[{path}/{key}] Every Mappings attribute must be a String or a List.")


def _attributes(name: str, mapping: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, attributes in mapping.items():
        path = f"/Mappings/{name}/{key}"
        _check_key(path, key)
        yield path, attributes


def _check_key(path: str, key: str) -> None:
    if not _KEY.fullmatch(key):
        raise malformed(f"[{path}] Mappings attribute name '{key}' must contain only alphanumeric, '-' or '.'.")


def find(scope: Scope, argument: Any) -> Any:
    """Return what Fn::FindInMap finds; its DefaultValue (AWS::LanguageExtensions) where there is nothing to find.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-findinmap.html
    """
    parts = [scope.resolve(part) for part in argument[:3]]
    if any(isinstance(part, (dict, list)) for part in parts):
        raise invalid(USAGE["Fn::FindInMap"])
    name, key, attribute = map(text, parts)
    default = argument[3]["DefaultValue"] if len(argument) == 4 else None
    found = scope.mappings.get(name, {}).get(key, {})
    if attribute in found:
        return found[attribute]
    if default is not None:
        return scope.resolve(default)
    if name not in scope.mappings:
        raise invalid(f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template.")
    raise invalid(f"Template error: Unable to get mapping for {name}::{key}::{attribute}")
