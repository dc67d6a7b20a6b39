"""Server-side validation of requests, in the words that AWS uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

_NO_TLS = ("http://127.0.0.1", "https://127.0.0.1")  # the sandbox's own addresses, where AWS's are https

_TYPES: dict[str, type] = {"structure": dict, "map": dict, "list": list, "string": str}


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern of the service model; None for one that uses Java syntax which Python lacks."""
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield each constraint of a botocore shape that a value breaks: types, members, enums, patterns, lengths."""
    wanted = None if getattr(shape, "is_document_type", False) else _TYPES.get(shape.type_name)
    if wanted and not isinstance(value, wanted):
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must be of type {shape.type_name}"
    elif isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size(shape, len(value), value, path, "length")
        for index, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        yield from _map(shape, value, path)
    elif isinstance(value, str):
        yield from _string(shape, value, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _size(shape, value, value, path, "value")


def _map(shape: MapShape, value: dict[str, Any], path: str) -> Iterator[str]:
    yield from _size(shape, len(value), value, path, "length")
    for key, item in value.items():
        yield from violations(shape.key, key, path)
        yield from violations(shape.value, item, f"{path}.{key}.member")


def _structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{prefix}{_lower(name)}' failed to satisfy constraint: Member must not be null"
    for name, item in value.items():
        if name in shape.members and item is not None:
            yield from violations(shape.members[name], item, f"{prefix}{_lower(name)}")


def _string(shape: Shape, value: str, path: str) -> Iterator[str]:
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if enum and value not in enum:
        allowed = f"[{', '.join(enum)}]"
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy enum value set: {allowed}"
    if pattern and (regex := _compiled(pattern)) and not regex.fullmatch(value.replace(*_NO_TLS)):
        yield (
            f"Value '{value}' at '{path}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern}"
        )
    yield from _size(shape, len(value), value, path, "length")


def _size(shape: Shape, size: float, value: Any, path: str, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    for bound, broken, word in (
        (low, low is not None and size < low, "greater"),
        (high, high is not None and size > high, "less"),
    ):
        if broken:
            yield (
                f"Value '{value}' at '{path}' failed to satisfy constraint: "
                f"Member must have {what} {word} than or equal to {bound}"
            )


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def message(shape: Shape | None, request: dict[str, Any]) -> str | None:
    """Return AWS's validation message for a request, or None when it is valid."""
    found = list(violations(shape, request)) if shape else []
    if not found:
        return None
    plural = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {plural} detected: " + "; ".join(found)
