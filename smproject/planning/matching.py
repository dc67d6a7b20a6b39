"""What a statement matches more, or less, than another did: element by element, and by its conditions."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import eq
from typing import Any

from smproject.looking.reading import listed, texts
from smproject.planning.meaning import NOTHING, canonical
from smproject.planning.statements import Statement

# Whether the first text stands for all that the second does.
Includes = Callable[[str, str], bool]
MORE, LESS, UNCLEAR = 1, -1, 0
ELEMENTS = ("Action", "Resource", "Principal")
ANYBODY = {"*", "AWS:*"}
# Operators whose values stand for all that they match as patterns; those whose values stand for themselves.
PATTERNS = ("StringLike", "ArnLike", "ArnEquals")
EXACT = ("StringEquals", "IpAddress")
NEGATED = ("StringNotEquals", "StringNotLike", "ArnNotLike", "ArnNotEquals", "NotIpAddress")


@dataclass(frozen=True)
class Difference:
    """What a statement says otherwise than another; whether it matches MORE or LESS by that, or it is UNCLEAR."""

    text: str
    direction: int


def differences(before: Statement, after: Statement) -> Iterator[Difference]:
    """Yield what makes a statement match more or less than before."""
    for name in ELEMENTS:
        yield from _elements(name, before.body, after.body)
    yield from _conditions(before.body.get("Condition") or {}, after.body.get("Condition") or {})
    yield from _existence(before.when, after.when)


def elements(name: str, body: Mapping[str, Any]) -> list[str]:
    """What an element of a statement lists; principals with their kind."""
    value = body.get(name, body.get(f"Not{name}", []))
    if name == "Principal" and isinstance(value, dict):
        found = [f"{kind}:{text}" for kind, each in value.items() for text in texts(each)]
        return ["*" if each in ANYBODY else each for each in found]
    return [text for text in texts(listed(value)) if text != f"${{{NOTHING}}}"]


def covers(pattern: str, text: str) -> bool:
    """Whether a pattern matches all that another pattern, or a text, stands for."""
    parts = re.split(r"([*?])", pattern)
    wild = {"*": ".*", "?": "[^*]"}
    return bool(re.fullmatch("".join(wild.get(part, re.escape(part)) for part in parts), text, re.DOTALL))


def _elements(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    negated = f"Not{name}" in before
    if negated != (f"Not{name}" in after):
        yield Difference(f"{name} and Not{name} change places", UNCLEAR)
        return
    old, new = elements(name, before), elements(name, after)
    sign = -1 if negated else 1
    word = f"Not{name}" if negated else name
    told = word if negated else word.lower()
    yield from _listing(told, old, new, sign, INCLUDES[name])
    was, is_ = _raw(before.get(word)), _raw(after.get(word))
    # A choice lists what it may be; what decides about it is in the value itself.
    if set(old) == set(new) and was != is_ and "Fn::If" in "".join([*was, *is_]):
        yield Difference(f"{told} is the same under other conditions", UNCLEAR)


def _listing(told: str, old: Sequence[str], new: Sequence[str], sign: int, includes: Includes) -> Iterator[Difference]:
    for text in _beyond(new, old, includes):
        yield Difference(f"{told} {text} added", sign * MORE)
    for text in _beyond(old, new, includes):
        yield Difference(f"{told} {text} removed", sign * LESS)


def _beyond(some: Sequence[str], others: Sequence[str], includes: Includes) -> list[str]:
    """What none of the others includes."""
    return [text for text in dict.fromkeys(some) if not any(includes(other, text) for other in others)]


def _is_action(pattern: str, action: str) -> bool:
    return covers(pattern.lower(), action.lower())


def _is_principal(principal: str, other: str) -> bool:
    return principal in ("*", other)


INCLUDES: dict[str, Includes] = {"Action": _is_action, "Resource": covers, "Principal": _is_principal}


def _conditions(before: Any, after: Any) -> Iterator[Difference]:
    old, new = _keyed(before), _keyed(after)
    if old is None or new is None:
        if canonical(before) != canonical(after):
            yield Difference("condition changed", UNCLEAR)
        return
    for operator, key in [*old, *(pair for pair in new if pair not in old)]:
        told = f"condition {operator} {key}"
        if (operator, key) not in new:
            yield Difference(f"{told} dropped", MORE)
        elif (operator, key) not in old:
            yield Difference(f"{told} added", LESS)
        else:
            yield from _values(told, operator, old[operator, key], new[operator, key])


def _values(told: str, operator: str, old: Any, new: Any) -> Iterator[Difference]:
    if _raw(old) == _raw(new):
        return
    name = operator.rpartition(":")[2].removesuffix("IfExists")
    before, after = list(texts(old)), list(texts(new))
    if set(before) == set(after) or name not in (*PATTERNS, *EXACT, *NEGATED):
        yield Difference(f"{told} changed from {', '.join(before)} to {', '.join(after)}", UNCLEAR)
        return
    yield from _listing(
        f"{told}: value", before, after, -1 if name in NEGATED else 1, covers if name in PATTERNS else eq
    )


def _keyed(conditions: Any) -> dict[tuple[str, str], Any] | None:
    """Values by operator and key; None for conditions that are written by a function."""
    if not isinstance(conditions, dict) or not all(isinstance(keys, dict) for keys in conditions.values()):
        return None
    if any(operator.startswith("Fn::") for operator in conditions):
        return None
    return {(operator, key): values for operator, keys in conditions.items() for key, values in keys.items()}


def _existence(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    if canonical(before) == canonical(after):
        return
    if before and after:
        yield Difference(f"is there under another condition, {', '.join(after)}", UNCLEAR)
    elif before:
        yield Difference(f"is always there, no longer only if {', '.join(before)}", MORE)
    else:
        yield Difference(f"is there only if {', '.join(after)}", LESS)


def _raw(value: Any) -> list[str]:
    return sorted(canonical(each) for each in listed(value))
