"""Why a property comes out otherwise than before: the names in its template that mean something else now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_SUB = re.compile(r"\$\{([^!}][^}]*)\}")
Mention = tuple[str, str]  # a name, and the attribute of it; no attribute for the thing itself


def mentions(value: Any, conditions: dict[str, Any]) -> Iterator[Mention]:
    """Yield each parameter, resource and attribute that a value depends on, also through `conditions`."""
    if isinstance(value, list):
        for item in value:
            yield from mentions(item, conditions)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _of_member(name, item, conditions)


def _of_member(name: str, item: Any, conditions: dict[str, Any]) -> Iterator[Mention]:
    if name == "Ref":
        yield str(item), ""
    elif name == "Fn::GetAtt":
        resource, *attribute = item.split(".", 1) if isinstance(item, str) else item
        yield str(resource), str(attribute[0]) if attribute else ""
    elif name == "Fn::Sub":
        pattern, local = item if isinstance(item, list) else (item, {})
        named = (key.strip().partition(".") for key in _SUB.findall(str(pattern)) if key.strip() not in local)
        yield from ((resource, attribute) for resource, _, attribute in named)
        yield from mentions(list(local.values()), conditions)
    elif name == "Fn::If":
        yield from mentions(conditions.get(item[0]), conditions)
        yield from mentions(item[1:], conditions)
    elif name == "Condition" and isinstance(item, str):
        yield from mentions(conditions.get(item), conditions)
    else:
        yield from mentions(item, conditions)
