"""Stacks of a live account beside what publishing would make of them; every call only reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject import catalog, stacks
from smproject.errors import DeploymentError
from smproject.looking import reading
from smproject.planning import templates
from smproject.planning.changes import BLOCKED, NEW, UNCHANGED, UPDATE, StackChange, Value

# Stands for what only publishing makes.
TO_BE_MADE = "(to be made)"


@dataclass(frozen=True)
class Live:
    """A stack as it is: its description, or None when there is none of that name."""

    name: str
    described: Mapping[str, Any] | None

    @property
    def parameters(self) -> dict[str, str]:
        """What it was given, defaults included."""
        return stacks.parameters_of(self.described or {})

    @property
    def outputs(self) -> dict[str, str]:
        """What it tells; nothing while there is no such stack."""
        return stacks.outputs_of(self.described or {})


@dataclass(frozen=True)
class Account:
    """The hub account, for reading: CloudFormation, the Region, and the repository whose templates are published."""

    session: Any
    root: Path

    @property
    def region(self) -> str:
        """The Region that is published to."""
        return str(self.session.region_name)

    def live(self, template_id: str, subject: str = "") -> Live:
        """Find the stack that publishing makes of a template."""
        name = stacks.stack_name(catalog.template(template_id, self.root), subject)
        return Live(name, stacks.find(self.session.client("cloudformation"), name))

    def change(self, live: Live, template_id: str, given: Mapping[str, str]) -> StackChange:
        """Say what `smproject.stacks.deploy` would do to a stack."""
        if live.described is None:
            return StackChange(live.name, NEW)
        try:
            stacks.refuse_stuck(live.described)
        except DeploymentError as error:
            return StackChange(live.name, BLOCKED, str(error))
        after = reading.read(catalog.template(template_id, self.root).path)
        before = templates.read(self._template(live.name))
        # What publishing doesn't give is the template's default again.
        wanted = {**templates.defaults(after), **given}
        values = _values(live.parameters, wanted)
        names = {each.name for each in values}
        old = templates.given(before, {name: live.parameters[name] for name in names & set(live.parameters)})
        new = templates.given(after, {name: wanted[name] for name in names & set(wanted)})
        if not values and templates.is_same(old, new):
            return StackChange(live.name, UNCHANGED, _waiting(live.described))
        change = templates.compare(old, new)
        return StackChange(live.name, UPDATE, _waiting(live.described), values, change)

    def _template(self, name: str) -> Any:
        return self.session.client("cloudformation").get_template(StackName=name)["TemplateBody"]


def _values(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Value, ...]:
    names = [*before, *(name for name in after if name not in before)]
    found = [Value(name, before.get(name), after.get(name)) for name in names]
    return tuple(each for each in found if each.before != each.after)


def _waiting(described: Mapping[str, Any]) -> str:
    status = str(described["StackStatus"])
    return f"is {status}: publishing waits for it" if status.endswith("_IN_PROGRESS") else ""
