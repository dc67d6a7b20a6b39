"""What differs between a template that is in use and the one that would take its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smproject.looking.reading import parse
from smproject.planning import parameters, replacing, rights
from smproject.planning.meaning import bound, canonical, expanded
from smproject.planning.parameters import ParameterChange
from smproject.planning.replacing import ResourceChange
from smproject.planning.rights import RightChange

# What makes a stack another one; a description or a comment does not.
EFFECTIVE = ("Outputs", "Transform", "Rules")


@dataclass(frozen=True)
class TemplateChange:
    """What a template takes, allows and replaces otherwise than the one before."""

    parameters: tuple[ParameterChange, ...]
    rights: tuple[RightChange, ...]
    resources: tuple[ResourceChange, ...]

    @property
    def widened(self) -> tuple[RightChange, ...]:
        """Rights that are more than before, or may be."""
        return tuple(each for each in self.rights if each.widens)


def read(text: Any) -> dict[str, Any]:
    """Read a template as AWS gives it: its text, or what boto3 made of a text in JSON."""
    return dict(parse(text) if isinstance(text, str) else text)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> TemplateChange:
    """Compare two templates."""
    old, new = expanded(before), expanded(after)
    return TemplateChange(
        tuple(parameters.compare(before, after)),
        tuple(rights.compare(old, new)),
        tuple(replacing.compare(old, new)),
    )


def given(template: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A template with values in the place of what refers to these parameters."""
    return {
        **template,
        **{name: bound(template[name], values) for name in ("Resources", "Conditions") if name in template},
    }


def is_same(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a stack of the one would not be changed by the other."""
    return canonical(_effect(before)) == canonical(_effect(after))


def defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """Values that a template gives to the parameters for which nobody gives one."""
    declared = template.get("Parameters") or {}
    return {name: _text(each["Default"]) for name, each in declared.items() if "Default" in each}


def _effect(template: Mapping[str, Any]) -> list[Any]:
    return [expanded(template), *(template.get(name) for name in EFFECTIVE)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
