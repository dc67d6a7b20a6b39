"""The nodes of a YAML text as it is written: its values, and the comments beside them, which say why."""

from __future__ import annotations

import re

import yaml

COMMENT = re.compile(r"\s*#\s?(.*)")


def above(lines: list[str], line: int) -> str:
    """Return the comments directly above a line."""
    found: list[str] = []
    while line > 0 and (match := COMMENT.fullmatch(lines[line - 1])):
        found.insert(0, match[1])
        line -= 1
    return " ".join(found)


def pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the keys and values of a mapping; none of anything else."""
    return node.value if isinstance(node, yaml.MappingNode) else []


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a list; none of anything else."""
    return node.value if isinstance(node, yaml.SequenceNode) else []


def member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of a mapping's key; None where there is no such key, or no mapping."""
    return next((value for key, value in pairs(node) if key.value == name), None)


def text(node: yaml.Node | None) -> str:
    """Return a plain value as text; empty for anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
