"""The reference page of resource types, written from their providers: `python -m` this module writes it anew."""

from __future__ import annotations

from pathlib import Path

from smproject.sandbox.cloudformation import types
from smproject.sandbox.cloudformation.provider import PROVIDERS, Provider

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "resource-types.md"
_HEAD = """\
# Resource types

<!-- Written by `python -m smproject.sandbox.cloudformation.reference`; don't edit. -->

What CloudFormation makes in the sandbox; a template with any other type is refused before anything is made.

- **executed**: the resource does here what it does on AWS, within what [the sandbox](../sandbox.md) emulates.
- **state only**: it is kept, and its service describes, updates and deletes it, but it does nothing.

A changed property replaces the resource where AWS's schema of the type says so; a property that the sandbox can't
honour fails the resource and is named in the stack's events.

| type | how | note |
|---|---|---|
"""


def page() -> str:
    """Return the page: a row for each registered type, with the first sentence of its provider."""
    types.load()
    return _HEAD + "".join(_row(PROVIDERS[name]) for name in sorted(PROVIDERS))


def _row(provider: Provider) -> str:
    note = (type(provider).__doc__ or "").partition("\n")[0].strip().replace("|", "\\|")
    return f"| `{provider.type}` | {'state only' if provider.state_only else 'executed'} | {note} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
