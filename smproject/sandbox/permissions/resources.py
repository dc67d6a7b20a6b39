"""The ARNs of the resources that a call asks for.

A kind of resource is named by a member that holds its ARN, or by one that is called like the kind: the kind
`training-job` by `TrainingJobName`. What is named otherwise stands in resource_members.py and rules/.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from smproject.sandbox.permissions import rules, specification
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.resource_members import MEMBERS
from smproject.sandbox.permissions.specification import Kind, plain

_ENDINGS = ("", "name", "names", "id", "ids", "arn", "arns", "identifier", "identifiers", "s")
_OF_ANY = {"name", "names", "id", "ids", "arn", "arns", "identifier", "resourcearn", "resource", "resourceid"}
_ANY = "*"


def named(asked: Asked, action: str) -> list[tuple[str, ...]]:
    """Return what an action (without its prefix) is asked for: each item must be allowed, by any of its ARNs.

    An action without resources, and one that AWS's data lack, is asked for on `*`; where the request does not name the
    resource, it is all of its kind.
    """
    if (rule := rules.RULES.get((asked.prefix, action))) and (ruled := rule(asked)):
        return ruled
    kinds = specification.kinds(asked.prefix, action) or ()
    found = [(arn,) for kind in kinds for arn in _of(asked, kind, alone=len(kinds) == 1)]
    if found:
        return list(dict.fromkeys(found))
    if len(kinds) == 1:
        return [(kinds[0].arn(_ANY, asked.region, asked.account),)]
    return [(_ANY,)]


def _of(asked: Asked, kind: Kind, *, alone: bool) -> Iterator[str]:
    """Yield the ARNs of the resources of a kind that a call names; `alone` tells that the action takes no other."""
    templates = MEMBERS.get(asked.prefix, {}).get(kind.word)
    values = _generic(asked, kind.word, alone) if templates is None else _first(asked, templates)
    for value in values:
        if arn := _arn(asked, kind, value):
            yield arn


def _generic(asked: Asked, word: str, alone: bool) -> list[str]:
    """Return what the members say that are called like a kind; else all ARNs; else what has a name of no kind."""
    own, arns, general = _candidates(tuple(asked.members), word)
    if found := _first(asked, own):
        return found
    texts = [text for template in arns for text in asked.values(template) if text.startswith("arn:")]
    return texts + (_first(asked, general) if alone else [])


def _first(asked: Asked, templates: tuple[str, ...]) -> list[str]:
    return next((found for template in templates if (found := asked.values(template))), [])


@cache
def _candidates(members: tuple[str, ...], word: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the members that may name a resource of a kind: called like it, ARNs, and names of no kind."""
    wanted = {word + ending for ending in _ENDINGS}
    own = [name for name in members if plain(name) in wanted]
    arns = [name for name in members if plain(name).endswith(("arn", "arns"))]
    general = [name for name in members if plain(name) in _OF_ANY]
    return _templates(own), _templates(arns), _templates(general)


def _templates(names: list[str]) -> tuple[str, ...]:
    return tuple(template for name in names for template in (f"{{{name}}}", f"{{{name}[]}}"))


def _arn(asked: Asked, kind: Kind, value: str) -> str:
    """Return the ARN of a resource by its name or ARN; empty for the ARN of another kind."""
    if rewrite := rules.NAMES.get((asked.prefix, kind.word)):
        value = rewrite(asked, value)
    if value.startswith("arn:"):
        return value if kind.matches(value) else ""
    return kind.arn(value, asked.region, asked.account) if value else ""
