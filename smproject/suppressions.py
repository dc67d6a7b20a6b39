"""Every check of a linter that a template leaves out: which, where, and why.

A suppression stands beside its resource, in its Metadata, with its reason: checkov's in the entry, cfn-lint's in the
comment above. `python -m smproject.suppressions` writes the page that lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from smproject import nodes
from smproject.catalog import ROOT

PAGE = Path("docs/reference/suppressions.md")
_HEAD = """# Suppressed checks

Generated from the templates' fragments: `python -m smproject.suppressions`. cfn-lint and checkov find nothing else.

| check | resource | fragment | why |
|---|---|---|---|
"""


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
        for name, resource in nodes.pairs(nodes.member(yaml.compose(text, yaml.SafeLoader), "Resources")):
            for check, reason in _of(nodes.member(resource, "Metadata"), text.splitlines()):
                yield Suppression(check, name.value, path.stem, reason)


def page(root: Path = ROOT) -> str:
    """Return the page that lists them all."""
    rows = sorted(suppressions(root), key=lambda found: (found.check, found.fragment, found.resource))
    return _HEAD + "".join(f"| {r.check} | `{r.resource}` | `{r.fragment}` | {r.reason} |\n" for r in rows)


def _of(metadata: yaml.Node | None, lines: list[str]) -> Iterator[tuple[str, str]]:
    for entry in nodes.items(nodes.member(nodes.member(metadata, "checkov"), "skip")):
        yield nodes.text(nodes.member(entry, "id")), nodes.text(nodes.member(entry, "comment"))
    for key, value in nodes.pairs(metadata):
        if key.value == "cfn-lint":
            for check in nodes.items(nodes.member(nodes.member(value, "config"), "ignore_checks")):
                yield nodes.text(check), nodes.above(lines, key.start_mark.line)


if __name__ == "__main__":
    (ROOT / PAGE).write_text(page())
