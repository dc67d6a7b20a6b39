"""The JSON paths by which a transform selects a part of a record.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html#data-processing-operators
"""

from __future__ import annotations

import re
from typing import Any

from smproject.sandbox.service import ServiceError

_STEP = re.compile(r"\.(?P<child>[\w-]+|\*)|\[(?P<inside>[^\[\]]+)\]")
_NAMES = re.compile(r"'[^']*'(\s*,\s*'[^']*')*")
_INDEXES = re.compile(r"-?\d+(\s*,\s*-?\d+)*")
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?")


def check(path: str) -> None:
    """Raise ServiceError for a path that is none, or that has operators which batch transform does not know."""
    steps = list(_STEP.finditer(path[1:]))
    if path[:1] != "$" or "".join(step.group() for step in steps) != path[1:]:
        raise _refused(path)
    for step in steps:
        inside = step["inside"]
        if inside and inside != "*" and not any(form.fullmatch(inside) for form in (_NAMES, _INDEXES, _SLICE)):
            raise _refused(path)


def select(value: Any, path: str) -> Any:
    """Return the part of a record that a path names; raises ServiceError when the record has no such part."""
    for step in _STEP.finditer(path[1:]):
        try:
            value = _child(value, step["child"]) if step["child"] else _inside(value, step["inside"])
        except (LookupError, TypeError) as error:
            message = f"The path {path} finds nothing in the record {str(value)[:100]}"
            raise ServiceError("ClientError", message) from error
    return value


def _child(value: Any, name: str) -> Any:
    if name == "*":
        return list(value.values()) if isinstance(value, dict) else list(value)
    return value[name]


def _inside(value: Any, text: str) -> Any:
    if text == "*":
        return _child(value, "*")
    if found := _SLICE.fullmatch(text):
        first, last = (int(part) if part else None for part in found.groups())
        return value[first:last]
    keys = [key.strip() for key in text.split(",")]
    if text.startswith("'"):
        names = [key.strip("'") for key in keys]
        return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}
    return value[int(keys[0])] if len(keys) == 1 else [value[int(key)] for key in keys]


def _refused(path: str) -> ServiceError:
    message = f"{path!r} is not a JSONPath of the operators $ . * [name] [index] [start:end] that batch transform knows"
    return ServiceError("ValidationException", message)
