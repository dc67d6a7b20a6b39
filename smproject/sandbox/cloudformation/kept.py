"""Types that a service keeps in a list and describes there: where in its answer each property and attribute stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import jmespath

from smproject.sandbox.cloudformation import schemas
from smproject.sandbox.cloudformation.api import call, is_absent, remove
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.state_only import StateOnly

_PAUSE, _LOOKS = 0.1, 300  # seconds between two looks, and how many there are before a change counts as stuck


class Kept(StateOnly):
    """A resource that one item of an answer describes. Where things stand in it is told in JMESPath."""

    at: ClassVar[str]  # the item in the answer of `reads`
    asked_as: ClassVar[Mapping[str, str]] = {}  # members of the creation that the item tells in another way
    tells: ClassVar[Mapping[str, str]] = {}  # attributes of other names, and what the provider keeps for itself (`_`)
    state: ClassVar[str] = ""  # where the item tells how far it is; without one it is done at once
    done: ClassVar[tuple[str, ...]] = ()  # the states in which a change has come to its end
    gone: ClassVar[tuple[str, ...]] = ()  # the states in which the item is told, but is no more
    read_members: ClassVar[Properties] = {}  # what the reading call takes besides
    delete_members: ClassVar[Properties] = {}  # and the deleting one
    fallbacks: ClassVar[Properties] = {}  # what properties are where the template does not name them any more
    stays: ClassVar[tuple[str, ...]] = ()  # properties that take a new resource on conditions that are not met here

    def replacing(self, policy: Properties, before: Properties, after: Properties) -> list[str]:
        """Return the changed properties that take a new resource."""
        return [name for name in super().replacing(policy, before, after) if name not in self.stays]

    def described(self, answer: Answer) -> Answer:
        """Return the item, and the members of the creation that it tells in another way."""
        item: Answer = jmespath.search(self.at, answer) or {}
        return item | {member: jmespath.search(path, item) for member, path in self.asked_as.items()}

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return the attributes that the item tells."""
        item = jmespath.search(self.at, answer)
        names = {*schemas.attributes(self.type), *self.tells} if item else set()
        told = {name: jmespath.search(self.tells.get(name, name), item) for name in names}
        return {name: _scalar(value) for name, value in told.items() if value is not None}

    def arn(self, made: Made) -> str:
        """Return what the tagging calls take."""
        return str(made.attributes.get("_Arn") or super().arn(made))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the resource; what the template no longer names becomes what it is by default."""
        return super().update(context, made, {**self.fallbacks, **before}, {**self.fallbacks, **after})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the resource, and wait until it is told no more."""
        client = context.client(self.service)
        remove(client, self.deletes, self.target(made) | self.delete_members)
        for _ in self._looks(made):
            item = self._item(client, made)
            if item is None or (self.state and jmespath.search(self.state, item) in self.gone):
                return

    def looked_up(self, client: Any, made: Made) -> Answer:
        """Make the reading call."""
        named = self._named(made, self.read_member or self.delete_member)
        return call(client, self.reads, named | self.read_members)

    def _read(self, client: Any, made: Made) -> Made:
        """Wait until the resource is what it is to be, then read its attributes."""
        for _ in self._looks(made):
            answer = self.looked_up(client, made)
            state = jmespath.search(f"{self.at}.{self.state}", answer) if self.state else None
            if state in self.gone:
                raise ValueError(f"Resource {made.ref} of type {self.type} is {state}.")
            if not self.state or state in self.done:
                return Made(made.ref, made.attributes | self.found({}, answer))
        raise AssertionError  # `_looks` ends with an error

    def _item(self, client: Any, made: Made) -> Answer | None:
        try:
            item: Answer | None = jmespath.search(self.at, self.looked_up(client, made))
        except Exception as error:
            if is_absent(error):
                return None
            raise
        return item

    def _looks(self, made: Made) -> Any:
        for _ in range(_LOOKS):
            yield
            time.sleep(_PAUSE)
        raise ValueError(f"Resource {made.ref} of type {self.type} did not stabilize.")


def _scalar(value: Any) -> Any:
    """Return an attribute as `Fn::GetAtt` does: numbers and truth values as text."""
    return value if isinstance(value, (dict, list)) else text(value)
