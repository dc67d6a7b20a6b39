"""What differs between the properties that a resource has and those that it is to have."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import schemas
from smproject.sandbox.cloudformation.intrinsics import text

Properties = dict[str, Any]


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are one to CloudFormation, which reads `1`, `"1"` and `true`, `"true"` alike."""
    if isinstance(one, dict) and isinstance(other, dict):
        return set(one) == set(other) and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)) or None in (one, other):
        return bool(one == other)
    return text(one) == text(other)


def changed(before: Properties, after: Properties) -> list[str]:
    """Return the names of the properties that differ, are new or are gone."""
    return sorted(
        name for name in set(before) | set(after) if not same(before.get(name, _ABSENT), after.get(name, _ABSENT))
    )


def replacing(type_: str, before: Properties, after: Properties) -> list[str]:
    """Return the changed properties that take a new resource; none when the old one can be updated in place."""
    paths = (
        [] if schemas.is_custom(type_) else schemas.create_only(type_)
    )  # a custom resource's answer says whether it is new
    return sorted({path[0] for path in paths if not same(_at(before, path), _at(after, path))})


def keeps_name(type_: str, before: Properties, after: Properties) -> str:
    """Return the name that a new resource would share with the old one; empty when it would have its own."""
    names = schemas.identifiers(type_)
    if names and all(name in before and same(before[name], after.get(name, _ABSENT)) for name in names):
        return "|".join(text(before[name]) for name in names)
    return ""


class _Absent:
    """What a property is that isn't there: unlike any value, `None` too."""

    def __str__(self) -> str:
        return "\0"


_ABSENT = _Absent()


def _at(value: Any, path: list[str]) -> Any:
    """Return what lies at a path; a list of findings where it passes through a list."""
    for index, step in enumerate(path):
        if step == "*" and isinstance(value, list):
            return [_at(item, path[index + 1 :]) for item in value]
        if not isinstance(value, dict) or step not in value:
            return _ABSENT
        value = value[step]
    return value
