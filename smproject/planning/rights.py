"""Rights that a new template gives and takes, statement by statement: what is not shown to be narrower is wider."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from smproject.looking.reading import texts
from smproject.planning import statements
from smproject.planning.matching import ELEMENTS, LESS, MORE, UNCLEAR, Difference, differences, elements
from smproject.planning.meaning import canonical
from smproject.planning.statements import Statement

ROLE = "AWS::IAM::Role"
# What a change comes to; what nobody can tell without a running stack may be wider.
WIDER, MAY_BE_WIDER, SAME, NARROWER = "wider", "may be wider", "no wider", "narrower"


@dataclass(frozen=True)
class RightChange:
    """What of a statement, or of a role itself, gives more rights, or fewer; `kind` is as that of a Statement."""

    subject: str
    kind: str
    statement: str
    text: str
    effect: str

    @property
    def widens(self) -> bool:
        """Whether there are more rights than before, or may be."""
        return self.effect in (WIDER, MAY_BE_WIDER)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[RightChange]:
    """Say what differs between the rights in two templates' expanded resources."""
    old, new = _grouped(before), _grouped(after)
    found = [each for key in sorted({*old, *new}) for each in _group(old.get(key, []), new.get(key, []))]
    return found + [each for key in after for each in _role(key, before.get(key) or {}, after[key])]


def _grouped(resources: Mapping[str, Any]) -> dict[tuple[str, str, bool], list[Statement]]:
    """Statements by whom they are about and whether they allow: only among these is there one to compare with."""

    def key(each: Statement) -> tuple[str, str, bool]:
        return each.subject, each.kind, each.allows

    return {group: list(members) for group, members in groupby(sorted(statements.read(resources), key=key), key)}


def _group(old: Sequence[Statement], new: Sequence[Statement]) -> Iterator[RightChange]:
    pairs = _pairs(old, new)
    kept = {id(before) for before, _ in pairs}
    for before, after in pairs:
        yield from _changed(before, after, old)
    for after in new:
        if not any(after is each for _, each in pairs):
            gives = SAME if _is_within(after, old) else WIDER
            yield _whole(after, "added", gives if after.allows else NARROWER)
    for before in old:
        if id(before) not in kept:
            gives = SAME if _is_within(before, new) else WIDER
            yield _whole(before, "removed", NARROWER if before.allows else gives)


def _pairs(old: Sequence[Statement], new: Sequence[Statement]) -> list[tuple[Statement, Statement]]:
    """Each new statement with the one that it was: by its name, else by what the two have in common."""
    left = list(old)
    pairs: list[tuple[Statement, Statement]] = []
    for is_pair in (_is_same, _has_same_name, _has_much_in_common):
        for after in new:
            if any(after is each for _, each in pairs):
                continue
            found = next((before for before in left if is_pair(before, after)), None)
            if found is not None:
                left = [each for each in left if each is not found]
                pairs.append((found, after))
    return pairs


def _is_same(one: Statement, other: Statement) -> bool:
    return canonical(one.body) == canonical(other.body)


def _has_same_name(one: Statement, other: Statement) -> bool:
    return bool(one.name) and one.name == other.name


def _has_much_in_common(one: Statement, other: Statement) -> bool:
    """Whether two statements, one of them without a name, share an action, and a resource or a principal."""
    if one.name and other.name:
        return False
    action, *on = (set(elements(name, one.body)) & set(elements(name, other.body)) for name in ELEMENTS)
    return bool(action) and any(on)


def _changed(before: Statement, after: Statement, old: Sequence[Statement]) -> Iterator[RightChange]:
    # What another statement allowed already is no new right.
    is_known = after.allows and _is_within(after, [each for each in old if each is not before])
    for each in differences(before, after):
        effect = _effect(each, after.allows)
        known = SAME if is_known and effect != NARROWER else effect
        yield RightChange(after.subject, after.kind, _name(after), each.text, known)


def _effect(difference: Difference, allows: bool) -> str:
    if difference.direction == UNCLEAR:
        return MAY_BE_WIDER
    return WIDER if difference.direction == (MORE if allows else LESS) else NARROWER


def _is_within(statement: Statement, others: Sequence[Statement]) -> bool:
    """Whether one of the others matches all that the statement does."""
    return any(all(each.direction == LESS for each in differences(other, statement)) for other in others)


def _whole(statement: Statement, change: str, effect: str) -> RightChange:
    """A statement that is there as a whole, or gone."""
    told = f"{change}: {'allows' if statement.allows else 'denies'}"
    for name, word in zip(ELEMENTS, ("", " on", " to"), strict=True):
        excluded = " all but" if f"Not{name}" in statement.body else ""
        listed = ", ".join(elements(name, statement.body))
        told += f"{word}{excluded} {listed}" if listed else ""
    return RightChange(statement.subject, statement.kind, _name(statement), told, effect)


def _name(statement: Statement) -> str:
    return statement.name or ", ".join(elements("Action", statement.body)[:1])


def _role(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[RightChange]:
    """What of a role's own settings gives more rights: managed policies, and the boundary."""
    if after["Type"] != ROLE:
        return
    old, new = before.get("Properties") or {}, after.get("Properties") or {}
    had, has = ([*texts(each.get("ManagedPolicyArns") or [])] for each in (old, new))
    for arn in has:
        if arn not in had:
            yield RightChange(key, "may", arn, "managed policy added", WIDER)
    for arn in had:
        if arn not in has:
            yield RightChange(key, "may", arn, "managed policy removed", NARROWER)
    if before and canonical(old.get("PermissionsBoundary")) != canonical(new.get("PermissionsBoundary")):
        change = (
            "removed" if "PermissionsBoundary" not in new else "changed" if "PermissionsBoundary" in old else "added"
        )
        effect = {"removed": WIDER, "changed": MAY_BE_WIDER, "added": NARROWER}[change]
        yield RightChange(key, "may", "boundary", f"permissions boundary {change}", effect)
