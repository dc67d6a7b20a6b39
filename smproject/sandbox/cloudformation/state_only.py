"""Types that a service keeps and describes here, but that do nothing: what it doesn't keep of them is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from botocore.utils import parse_timestamp

from smproject.sandbox.cloudformation.api import UnsupportedPropertyError, call, input_shape, request
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.provider import Context, Made
from smproject.sandbox.cloudformation.simple import Answer, Simple


class StateOnly(Simple):
    """A resource whose description (`reads`) must hold all that was asked for."""

    state_only: ClassVar[bool] = True
    untold: ClassVar[tuple[str, ...]] = ()  # members that the description does not show: tags, above all

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the resource and look whether it is as asked for; one that isn't is deleted again."""
        made = super().create(context, properties)
        try:
            self._compare(context, made, self.creates, properties)
        except UnsupportedPropertyError:
            self.delete(context, made)
            raise
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the resource and look whether it is as asked for."""
        changed = super().update(context, made, before, after)
        self._compare(context, changed, self.creates, after)
        return changed

    def looked_up(self, client: Any, made: Made) -> Answer:
        """Make the reading call."""
        return call(client, self.reads, self._named(made, self.read_member or self.delete_member))

    def described(self, answer: Answer) -> Answer:
        """Return what an answer of the reading call says of the resource."""
        return answer

    def _compare(self, context: Context, made: Made, operation: str, properties: Properties) -> None:
        client = context.client(self.service)
        members = {name.lower(): name for name in input_shape(client, operation).members}
        wanted = self.translate({k: v for k, v in properties.items() if k not in {"Tags", *self.settings}})
        known = {name: value for name, value in wanted.items() if name.lower() in members}
        asked = request(client, operation, known)
        told = self.described(self.looked_up(client, made))
        hidden = {name.lower() for name in (*self.untold, *self.place)}
        for name, value in asked.items():
            if name.lower() not in hidden and not holds(lower(told).get(name.lower()), value):
                message = f"The sandbox does not keep the property {name} of {self.type} as it is: {value!r}."
                raise UnsupportedPropertyError(message)


def lower(answer: Answer) -> Answer:
    """Return an answer's members by their names in lower case."""
    return {name.lower(): value for name, value in answer.items()}


def holds(told: Any, asked: Any) -> bool:
    """Tell whether a description says at least what was asked for."""
    if isinstance(asked, dict) and isinstance(told, dict):
        found = lower(told)
        return all(holds(found.get(name.lower()), value) for name, value in asked.items())
    if isinstance(asked, list) and isinstance(told, list):
        return len(asked) == len(told) and all(map(holds, told, asked))
    if isinstance(told, datetime):
        return told.timestamp() == (asked if isinstance(asked, datetime) else parse_timestamp(str(asked))).timestamp()
    return told is not None and same(told, asked)
