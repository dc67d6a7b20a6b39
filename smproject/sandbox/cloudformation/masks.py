"""Values that no description shows: those of NoEcho parameters, and of custom resources that answered with NoEcho.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.stacks import Definition, Resource

_HIDDEN = "****"
NO_ECHO = "_no_echo"  # the attribute of a custom resource that keeps its data to itself


def of_parameters(definition: Definition) -> set[str]:
    """Return the values of a definition's NoEcho parameters."""
    declared = definition.template.get("Parameters", {})
    return {text(definition.values[name]) for name, spec in declared.items() if text(spec.get("NoEcho")) == "true"}


def of_resources(resources: Iterable[Resource]) -> set[str]:
    """Return the texts in the data of custom resources that keep it to themselves."""
    # Others may be being added meanwhile.
    kept = [each.made.attributes for each in list(resources) if each.made and each.made.attributes.get(NO_ECHO)]
    return {found for data in kept for name, item in data.items() if name[:1] != "_" for found in _texts(item)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        yield from _texts(item)


def masked(value: Any, secrets: set[str]) -> Any:
    """Return a value with each secret in its texts hidden."""
    if isinstance(value, dict):
        return {key: masked(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in sorted(secrets - {""}, key=len, reverse=True):
            value = value.replace(secret, _HIDDEN)
    return value
