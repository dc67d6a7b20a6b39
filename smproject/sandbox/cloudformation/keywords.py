"""The keywords of resource schemas, one by one: what is said of a value that breaks them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

# The schemas' patterns name Unicode classes, which `re` doesn't know.
import regex  # type: ignore[import-untyped,unused-ignore]

from smproject.sandbox.cloudformation.intrinsics import text

Schema = dict[str, Any]
_NUMBER = regex.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
COMBINED = {
    "allOf": "only {met} subschema matches out of {total}",
    "anyOf": "no subschema matched out of the total {total} subschemas",
    "oneOf": "{met} subschemas matched instead of one",
}


def is_unresolved(value: Any) -> bool:
    """Tell whether a value is a call of a function, or text with a dynamic reference."""
    if isinstance(value, dict):
        return set(value) == {"Ref"} or any(str(key).startswith("Fn::") for key in value)
    return isinstance(value, str) and "{{resolve:" in value


def has_unresolved(value: Any) -> bool:
    """Tell whether a value holds, at any depth, what only a later resolution tells."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return is_unresolved(value) or any(map(has_unresolved, items))


def number_of(value: Any) -> float | None:
    """Return a scalar as the number that it is or spells; None when it is none."""
    return float(text(value)) if not isinstance(value, bool) and _NUMBER.fullmatch(text(value)) else None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> regex.Pattern[str] | None:
    try:
        return regex.compile(pattern)
    except regex.error:
        return None  # written for another dialect: AWS reads it, here nothing is refused for it


def matches(pattern: str, value: str) -> bool:
    """Tell whether a pattern is found in a text."""
    compiled = _compiled(pattern)
    return compiled is None or bool(compiled.search(value))


def _failed(keyword: str) -> str:
    return f"failed validation constraint for keyword [{keyword}]"


def _required(_: Schema, value: Any, names: list[str]) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"required key [{name}] not found" for name in names if name not in value)


def _dependencies(_: Schema, value: Any, needs: dict[str, Any]) -> Iterator[str]:
    for name, needed in needs.items():
        if isinstance(value, dict) and name in value and isinstance(needed, list):
            yield from (f"property [{other}] is required" for other in needed if other not in value)


def _enum(schema: Schema, value: Any, allowed: list[Any]) -> Iterator[str]:
    if isinstance(value, (dict, list)) or text(value) in map(text, allowed):
        return
    if "type" in schema:  # the validator reads type and enum as two schemas
        yield f"#: {COMBINED['allOf'].format(met=1, total=2)}"
    yield _failed("enum")


def _pattern(_: Schema, value: Any, pattern: str) -> Iterator[str]:
    if not isinstance(value, (dict, list)) and not matches(pattern, text(value)):
        yield _failed("pattern")


def _length(keyword: str, breaks: Callable[[int, int], bool]) -> Callable[[Schema, Any, int], Iterator[str]]:
    def check(_: Schema, value: Any, limit: int) -> Iterator[str]:
        if not isinstance(value, (dict, list)) and breaks(len(text(value)), limit):
            yield f"expected {keyword}: {limit}, actual: {len(text(value))}"

    return check


def _count(
    kind: type[dict[str, Any]] | type[list[Any]], said: str, breaks: Callable[[int, int], bool]
) -> Callable[[Schema, Any, int], Iterator[str]]:
    def check(_: Schema, value: Any, limit: int) -> Iterator[str]:
        if isinstance(value, kind) and not is_unresolved(value) and breaks(len(value), limit):
            yield said.format(limit=limit, found=len(value))

    return check


def _range(keyword: str, breaks: Callable[[float, float], bool]) -> Callable[[Schema, Any, float], Iterator[str]]:
    def check(_: Schema, value: Any, limit: float) -> Iterator[str]:
        number = None if isinstance(value, (dict, list)) else number_of(value)
        if number is not None and breaks(number, limit):
            yield _failed(keyword)

    return check


def _unique(_: Schema, value: Any, wanted: bool) -> Iterator[str]:
    known = [json.dumps(item, sort_keys=True) for item in value if not has_unresolved(item)] if wanted else []
    if len(set(known)) < len(known):
        yield "array items are not unique"


def _fewer(found: float, limit: float) -> bool:
    return found < limit


def _more(found: float, limit: float) -> bool:
    return found > limit


KEYWORDS: dict[str, Callable[[Schema, Any, Any], Iterator[str]]] = {
    "required": _required,
    "dependencies": _dependencies,
    "dependentRequired": _dependencies,
    "enum": _enum,
    "const": lambda schema, value, only: _enum({}, value, [only]),
    "pattern": _pattern,
    "minLength": _length("minLength", _fewer),
    "maxLength": _length("maxLength", _more),
    "minItems": _count(list, "expected minimum item count: {limit}, found: {found}", _fewer),
    "maxItems": _count(list, "expected maximum item count: {limit}, found: {found}", _more),
    "minProperties": _count(dict, "minimum size: [{limit}], found: [{found}]", _fewer),
    "maxProperties": _count(dict, "maximum size: [{limit}], found: [{found}]", _more),
    "uniqueItems": _unique,
    "minimum": _range("minimum", _fewer),
    "maximum": _range("maximum", _more),
    "exclusiveMinimum": _range("exclusiveMinimum", lambda found, limit: found <= limit),
    "exclusiveMaximum": _range("exclusiveMaximum", lambda found, limit: found >= limit),
    "multipleOf": _range("multipleOf", lambda found, step: found % step != 0),
}
