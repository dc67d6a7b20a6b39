"""The policy statements of a template, each with its line and with the comments that give its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from smproject import nodes

_POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")


@dataclass(frozen=True)
class Statement:
    """One statement; actions, resources and principals as the template writes them, without its functions."""

    holder: str  # logical id of the resource whose policy it is
    roles: tuple[str, ...]  # logical ids of the roles that it grants something; none for a policy of something else
    name: str  # its Sid
    line: int
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    excludes: bool  # by NotAction, NotResource or NotPrincipal
    reason: str  # the comments within or directly above it; empty without any
    shared_reason: str  # those above its holder

    @property
    def wildcards(self) -> list[str]:
        """Return what in it stands for more than one thing."""
        written = (*self.actions, *self.resources, *self.principals)
        return [text for text in written if "*" in text] + (["Not..."] if self.excludes else [])


def read(path: Path) -> list[Statement]:
    """Return every statement of a template, in order."""
    return parse(path.read_text())


def parse(text: str) -> list[Statement]:
    """Return every statement of a template's text, in order."""
    document = yaml.compose(text, yaml.SafeLoader)
    found, lines = [], text.splitlines()
    for key, resource in nodes.pairs(nodes.member(document, "Resources")):
        holder = (key.value, _roles(key.value, resource), nodes.above(lines, key.start_mark.line))
        found += [_statement(holder, node, lines) for node in _statements(resource)]
    return found


def _statements(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Yield the mappings below a node that have an Effect and say on what."""
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        names = {key.value for key, _ in node.value}
        if "Effect" in names and names & {"Action", "NotAction"}:
            yield node
            return
        children = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    for child in children:
        yield from _statements(child)


def _roles(name: str, resource: yaml.Node) -> tuple[str, ...]:
    type_ = nodes.text(nodes.member(resource, "Type"))
    if type_ == "AWS::IAM::Role":
        return (name,)
    named = _texts(nodes.member(nodes.member(resource, "Properties"), "Roles")) if type_ in _POLICIES else ()
    return tuple(text.strip("${}") for text in named)


def _statement(holder: tuple[str, tuple[str, ...], str], node: yaml.MappingNode, lines: list[str]) -> Statement:
    first, last = node.start_mark.line, node.end_mark.line
    within = [match[1] for line in lines[first:last] if (match := nodes.COMMENT.fullmatch(line))]
    # A comment at the end belongs to the next statement, whose `above` it is.
    while last > first and nodes.COMMENT.fullmatch(lines[last - 1]) and within:
        within.pop()
        last -= 1
    name, roles, above_holder = holder
    principals = tuple(_texts(nodes.member(node, "Principal"), nodes.member(node, "NotPrincipal")))
    return Statement(
        name,
        () if principals else roles,
        nodes.text(nodes.member(node, "Sid")) or f"line {first + 1}",
        first + 1,
        nodes.text(nodes.member(node, "Effect")),
        tuple(_texts(nodes.member(node, "Action"), nodes.member(node, "NotAction"))),
        tuple(_texts(nodes.member(node, "Resource"), nodes.member(node, "NotResource"))),
        principals,
        any(nodes.member(node, f"Not{element}") for element in ("Action", "Resource", "Principal")),
        " ".join([nodes.above(lines, first), *within]).strip(),
        above_holder,
    )


def _texts(*nodes: yaml.Node | None) -> Iterator[str]:
    """Yield the texts below nodes; a reference to something else, `!Ref` or `!GetAtt`, in `${}`."""
    for node in nodes:
        if isinstance(node, yaml.ScalarNode):
            yield f"${{{node.value}}}" if node.tag in ("!Ref", "!GetAtt") else str(node.value)
        elif isinstance(node, yaml.MappingNode):
            yield from _texts(*(value for _, value in node.value))
        elif isinstance(node, yaml.SequenceNode):
            yield from _texts(*node.value)
