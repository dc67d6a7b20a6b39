"""Every check of a linter that a template leaves out: which, where, and why.

A suppression stands beside its resource, in its Metadata, with its reason: checkov's in the entry, cfn-lint's in the
comment above. `python -m smproject.suppressions` writes the page that lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from smproject.catalog import ROOT

PAGE = Path("docs/reference/suppressions.md")
_HEAD = """# Suppressed checks

Generated from the templates' fragments: `python -m smproject.suppressions`. cfn-lint and checkov find nothing else.

| check | resource | fragment | why |
|---|---|---|---|
"""
_COMMENT = re.compile(r"\s*#\s?(.*)")


@dataclass(frozen=True)
class Suppression:
    """A check that a resource of a fragment is spared; `reason` is empty where nobody gives one."""

    check: str
    resource: str
    fragment: str
    reason: str


def suppressions(root: Path = ROOT) -> Iterator[Suppression]:
    """Yield the suppressions of every fragment, in the order of files and lines."""
    for path in sorted(root.glob("project_templates/fragments/*.yaml")):
        text = path.read_text()
        for name, resource in _pairs(_member(yaml.compose(text, yaml.SafeLoader), "Resources")):
            for check, reason in _of(_member(resource, "Metadata"), text.splitlines()):
                yield Suppression(check, name.value, path.stem, reason)


def page(root: Path = ROOT) -> str:
    """Return the page that lists them all."""
    rows = sorted(suppressions(root), key=lambda found: (found.check, found.fragment, found.resource))
    return _HEAD + "".join(f"| {r.check} | `{r.resource}` | `{r.fragment}` | {r.reason} |\n" for r in rows)


def _of(metadata: yaml.Node | None, lines: list[str]) -> Iterator[tuple[str, str]]:
    for entry in _items(_member(_member(metadata, "checkov"), "skip")):
        yield _text(_member(entry, "id")), _text(_member(entry, "comment"))
    for key, value in _pairs(metadata):
        if key.value == "cfn-lint":
            for check in _items(_member(_member(value, "config"), "ignore_checks")):
                yield _text(check), _above(lines, key.start_mark.line)


def _above(lines: list[str], line: int) -> str:
    """Return the comments directly above a line."""
    found: list[str] = []
    while line > 0 and (match := _COMMENT.fullmatch(lines[line - 1])):
        found.insert(0, match[1])
        line -= 1
    return " ".join(found)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return next((value for key, value in _pairs(node) if key.value == name), None)


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


if __name__ == "__main__":
    (ROOT / PAGE).write_text(page())
