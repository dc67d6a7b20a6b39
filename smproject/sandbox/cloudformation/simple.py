"""Types that are one API call to create, to update and to delete: the properties are translated into the request."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import NotUpdatableError, call, input_shape, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider
from smproject.sandbox.cloudformation.tags import Tagging, spelled

Answer = dict[str, Any]


class Simple(Provider):
    """A resource made by one call; subclasses say which, and read `Ref` and attributes out of the answer."""

    service: ClassVar[str]
    creates: ClassVar[str]
    updates: ClassVar[str] = ""  # without one, only tags change in place
    patches: ClassVar[bool] = False  # the update call leaves alone what it isn't told: nothing can be taken away
    update_members: ClassVar[Properties] = {}  # what the update call takes besides
    deletes: ClassVar[str]
    delete_member: ClassVar[str]  # the delete request's member that takes the name; `[]` when it takes a list
    name_property: ClassVar[str] = ""  # named by CloudFormation when the template doesn't
    name_limit: ClassVar[int] = 63
    tagging: ClassVar[Tagging | None] = None  # without one, the update call takes the tags

    def create(self, context: Context, properties: Properties) -> Made:
        """Make the call and read the answer."""
        named = {self.name_property: context.name(self.name_limit)} if self.name_property else {}
        translated = self.translate(named | properties)
        return self.made(translated, call(context.client(self.service), self.creates, translated))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Make the update call with all the new properties, then change the tags."""
        client = context.client(self.service)
        if not self.updates:
            updatable(before, after, "Tags")
        own = [name for name in changed(before, after) if name != "Tags" or not self.tagging]
        if own:
            sent = self._update_request(client, made, before, after)
            answer = call(client, self.updates, sent | self.update_members)
            made = Made(made.ref, made.attributes | self.made(sent, answer | made.attributes).attributes)
        if self.tagging:
            self.tagging.update(client, self.arn(made), before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete by name."""
        name, member = self.name(made), self.delete_member
        call(
            context.client(self.service), self.deletes, {member.removesuffix("[]"): [name] if "[]" in member else name}
        )

    def translate(self, properties: Properties) -> Properties:
        """Return the properties as the API's members."""
        return properties | ({"Tags": spelled(properties["Tags"])} if "Tags" in properties else {})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """Return the resource from what was sent and answered."""
        raise NotImplementedError

    def name(self, made: Made) -> str:
        """Return what the API calls the resource."""
        return str(made.attributes.get(self.name_property, made.ref))

    def arn(self, made: Made) -> str:
        """Return what the tagging calls take."""
        return str(made.attributes.get("Arn", made.ref))

    def _update_request(self, client: Any, made: Made, before: Properties, after: Properties) -> Properties:
        """Translate the new properties into the update call; refuse changes that it can't tell."""
        names = {self.name_property: self.name(made)} if self.name_property else {}
        without = {"Tags"} if self.tagging else set()
        old, new = (
            self.translate(names | {name: item for name, item in properties.items() if name not in without})
            for properties in (before, after)
        )
        members = {member.lower() for member in input_shape(client, self.updates).members}
        differ = changed(old, new)
        untold = [name for name in differ if name.lower() not in members or (self.patches and name not in new)]
        if untold:
            raise NotUpdatableError(f"{self.updates} can't change or take away the property {untold[0]}.")
        return {name: item for name, item in new.items() if name.lower() in members}
