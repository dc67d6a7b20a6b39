"""Which template a stack was made from, and whether another one would change the stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from smproject import stacks
from smproject.looking.reading import parse
from smproject.planning import templates
from smproject.publishing.wanted import key_of, version_name


@dataclass(frozen=True)
class Origin:
    """A template of this catalogue: its id, version and text; and the values that a stack of it has."""

    template: str
    version: str
    text: str = field(repr=False)
    values: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """Where publishing puts this template: the key names the content."""
        return key_of(self.template, self.text.encode())

    @cached_property
    def name(self) -> str:
        """Name of the version of a product that publishing makes of this template."""
        return version_name(self.version, self.text.encode())

    def is_outdated(self, newest: str) -> bool:
        """Whether an update to a newer text of the template would change the stack: a comment alone does not."""
        if self.text == newest:
            return False
        before, after = parse(self.text), parse(newest)
        old, new = templates.defaults(before), templates.defaults(after)
        chosen = {name: value for name, value in self.values.items() if value != old.get(name)}
        return not templates.is_same(
            templates.given(before, {**old, **self.values}), templates.given(after, {**self.values, **new, **chosen})
        )


def of_stack(cloudformation: Any, stack: Mapping[str, Any]) -> Origin | None:
    """What a described stack was made from; None for what is no template of this catalogue."""
    text = cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]
    return of_text(text, stacks.parameters_of(stack))


def of_text(text: Any, values: Mapping[str, str] | None = None) -> Origin | None:
    """Read what a template says that it is; None where it says nothing. boto3 makes a mapping of a text in JSON."""
    if not isinstance(text, str):
        return None
    try:
        outputs = parse(text)["Outputs"]
        id_, version = (str(outputs[name]["Value"]) for name in ("TemplateId", "TemplateVersion"))
        return Origin(id_, version, text, values or {})
    except (yaml.YAMLError, KeyError, TypeError):
        return None
