"""What CloudFormation's own handlers need to make, read, change and delete what a template declares.

The permissions are those of the resource schemas, which cfn-lint carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_EXCEPTIONS = Path(__file__).with_name("handlers.yaml")
_VERBS = ("create", "read", "update", "delete")


@dataclass(frozen=True)
class Need:
    """A permission that the handlers of a type ask for, and of which they."""

    action: str
    type: str
    verbs: tuple[str, ...]


def needs(resources: Mapping[str, Mapping[str, Any]]) -> list[Need]:
    """Return what the handlers of resources (logical id -> declaration) need, one entry a type and action."""
    used: dict[str, set[str]] = {}
    for declared in resources.values():
        used.setdefault(str(declared["Type"]), set()).update(declared.get("Properties") or {})
    return [need for type_, properties in sorted(used.items()) for need in _of_type(type_, properties)]


def listed(types: Iterable[str]) -> set[str]:
    """Return every action that the handlers of some types list, needed or not, in lower case."""
    return {action.lower() for type_ in types for action in _permissions(type_)}


def _of_type(type_: str, properties: set[str]) -> list[Need]:
    spared = {
        action
        for exception in _exceptions().get(type_, [])
        if exception.get("for") not in properties
        for action in exception.get("permissions", [])
    }
    found = _permissions(type_)
    return [Need(action, type_, tuple(verbs)) for action, verbs in sorted(found.items()) if action not in spared]


def _permissions(type_: str) -> dict[str, list[str]]:
    """Return the actions that the handlers of a type list, each with the handlers' verbs."""
    from smproject.sandbox.cloudformation import schemas  # noqa: PLC0415  # it comes with the `sandbox` extra

    handlers = schemas.schema(type_).get("handlers") or _unlisted().get(type_, {})
    found: dict[str, list[str]] = {}
    for verb in _VERBS:
        for action in handlers.get(verb, {}).get("permissions", []):
            found.setdefault(str(action), []).append(verb)
    return found


def _unlisted() -> dict[str, dict[str, Any]]:
    """Return the handlers of types whose schemas list none."""
    return {
        type_: {verb: {"permissions": actions} for verb, actions in entry["handlers"].items()}
        for type_, entries in _exceptions().items()
        for entry in entries
        if "handlers" in entry
    }


def _exceptions() -> dict[str, list[dict[str, Any]]]:
    return dict(yaml.safe_load(_EXCEPTIONS.read_text()))
