"""How the properties that a resource has differ from those that its template gives it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from smproject.sandbox.cloudformation import schemas
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.intrinsics import text

Difference = dict[str, str]
_Place = tuple[int, Any]  # an item of a list
_KEYS = ("Key", "Id", "Name", "PolicyName", "Sid")  # by which the items of a list are one and the same


def differences(type_: str, expected: Properties, actual: Properties) -> list[Difference]:
    """Return the differences by path; only what the template sets is compared."""
    declared = schemas.find(type_) or {}
    found: list[Difference] = []
    for name, value in expected.items():
        node = declared.get("properties", {}).get(name, {})
        found += _between(f"/{name}", value, actual.get(name), _Node(declared, node))
    return found


class _Node:
    """The place of a value in its type's schema."""

    def __init__(self, declared: dict[str, Any], node: dict[str, Any]) -> None:
        reference = str(node.get("$ref", "")).rpartition("/")[2]
        self.declared = declared
        self.node: dict[str, Any] = declared.get("definitions", {}).get(reference, {}) if reference else node

    @property
    def is_free(self) -> bool:
        """Tell whether any members may be here, as in a policy: then members that the template lacks matter too."""
        return not self.node.get("properties") and not self.node.get("items")

    def member(self, name: str) -> _Node:
        """Return the place of an object's member."""
        return _Node(self.declared, self.node.get("properties", {}).get(name, {}))

    def item(self) -> _Node:
        """Return the place of a list's items."""
        return _Node(self.declared, self.node.get("items", {}))


def _between(path: str, expected: Any, actual: Any, node: _Node) -> Iterator[Difference]:
    if node.is_free:
        expected, actual = _parsed(expected), _parsed(actual)
        if isinstance(expected, list) != isinstance(actual, list):  # a policy's `x` and `[x]` are one
            expected, actual = _listed(expected), _listed(actual)
    if same(expected, actual):
        return
    if isinstance(expected, dict) and isinstance(actual, dict):
        names = [*expected, *(name for name in actual if node.is_free and name not in expected)]
        for name in names:
            yield from _between(f"{path}/{name}", expected.get(name), actual.get(name), node.member(name))
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _between_lists(path, expected, actual, node.item())
    else:
        kind = "REMOVE" if actual is None else "ADD" if expected is None else "NOT_EQUAL"
        yield {
            "PropertyPath": path,
            "ExpectedValue": _shown(expected),
            "ActualValue": _shown(actual),
            "DifferenceType": kind,
        }


def _between_lists(path: str, expected: list[Any], actual: list[Any], node: _Node) -> Iterator[Difference]:
    """Compare lists whose order does not matter: items that are one and the same differ, the others come and go."""
    left, open_ = dict(enumerate(actual)), dict(enumerate(expected))
    for is_one in (_is_alike(node), _has_key_of, _is_at_place_of):
        for index, item in list(open_.items()):
            place = next((there for there, other in left.items() if is_one((index, item), (there, other))), None)
            if place is not None:
                yield from _between(f"{path}/{index}", open_.pop(index), left.pop(place), node)
    for index, item in open_.items():
        yield from _between(f"{path}/{index}", item, None, node)
    for index, item in left.items():
        yield from _between(f"{path}/{index}", None, item, node)


def _is_alike(node: _Node) -> Callable[[_Place, _Place], bool]:
    return lambda one, other: not any(_between("", one[1], other[1], node))


def _has_key_of(one: _Place, other: _Place) -> bool:
    key = _key(one[1])
    return key is not None and key == _key(other[1])


def _is_at_place_of(one: _Place, other: _Place) -> bool:
    """Tell whether two objects without a key stand at the same place."""
    objects = isinstance(one[1], dict) and isinstance(other[1], dict)
    return objects and one[0] == other[0] and _key(one[1]) is None and _key(other[1]) is None


def _key(item: Any) -> Any:
    return next(((name, item[name]) for name in _KEYS if name in item), None) if isinstance(item, dict) else None


def _parsed(value: Any) -> Any:
    """Read JSON, as which some types take what others take as an object."""
    if not (isinstance(value, str) and value.startswith(("{", "["))):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _listed(value: Any) -> Any:
    return value if value is None or isinstance(value, (list, dict)) else [value]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return json.dumps(value, default=str) if isinstance(value, (dict, list)) else text(value)
