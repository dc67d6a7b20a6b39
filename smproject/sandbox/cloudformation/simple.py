"""Types that are one API call to create, to update and to delete: the properties are translated into the request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from smproject.sandbox.cloudformation import schemas
from smproject.sandbox.cloudformation.api import (
    NotUpdatableError,
    Setting,
    call,
    input_shape,
    remove,
    settle,
    updatable,
)
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging, plain, spelled

Answer = dict[str, Any]


class Simple(Provider):
    """A resource made by one call; subclasses say which. Attributes are found by name in requests and answers."""

    service: ClassVar[str]
    creates: ClassVar[str]
    updates: ClassVar[str] = ""  # without one, only settings and tags change in place
    patches: ClassVar[bool] = False  # the update call leaves alone what it isn't told: nothing can be taken away
    update_members: ClassVar[Properties] = {}  # what the update call takes besides
    update_keys: ClassVar[tuple[str, ...]] = ()  # attributes that name the resource to the update call
    deletes: ClassVar[str]
    delete_member: ClassVar[str]  # the delete request's member that takes the name; `[]` when it takes a list
    reads: ClassVar[str] = ""  # the operation whose answer tells the attributes that the creation's doesn't
    read_member: ClassVar[str] = ""  # its member that takes the name, when that isn't the delete request's
    ref: ClassVar[str] = ""  # the member that `Ref` returns; without one it is the name
    arn_path: ClassVar[str] = ""  # the end of the ARN, `{}` for the name, where no answer tells it
    place: ClassVar[tuple[str, ...]] = ()  # properties that delete and read requests name besides
    name_property: ClassVar[str] = ""  # named by CloudFormation when the template doesn't
    name_limit: ClassVar[int] = 63
    members: ClassVar[Mapping[str, str]] = {}  # the API's words for properties, where not only case differs
    documents: ClassVar[tuple[str, ...]] = ()  # properties that the API takes as JSON text
    settings: ClassVar[Mapping[str, Setting]] = {}  # properties with calls of their own
    tagging: ClassVar[Tagging | None] = None  # without one, the update call takes the tags
    tags_on_create: ClassVar[bool] = True

    def create(self, context: Context, properties: Properties) -> Made:
        """Make the call, read the answer, then make the calls for settings and tags."""
        client, later = context.client(self.service), self._later(properties)
        named = {self.name_property: context.name(self.name_limit)} if self.name_property else {}
        sent = self.translate(named | {name: item for name, item in properties.items() if name not in later})
        answer = call(client, self.creates, sent)
        made = self.made(sent, answer)
        arn = {"Arn": context.caller.arn_of(self.service, self.arn_path.format(made.ref))} if self.arn_path else {}
        kept = {f"_{name}": properties[name] for name in self.place if name in properties}
        made = Made(made.ref, self.found(sent, answer) | arn | kept | made.attributes)
        with undone_on_failure(lambda: self.delete(context, made)):
            made = self._read(client, made)
            settle(client, self.target(made), self.settings, {}, properties)
            if self.tagging and not self.tags_on_create:
                self.tagging.update(client, self.arn(made), {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Make the update call with all the new properties, then change settings and tags."""
        client = context.client(self.service)
        if not self.updates:
            updatable(before, after, "Tags", *self.settings)
        separate = {*self.settings, *(["Tags"] if self.tagging else [])}
        if set(changed(before, after)) - separate:
            sent = self._update_request(client, made, before, after, separate)
            answer = call(client, self.updates, sent | self.update_members)
            told = self.made(sent, answer | made.attributes).attributes
            made = Made(made.ref, made.attributes | self.found(sent, answer) | told)
        settle(client, self.target(made), self.settings, before, after)
        if self.tagging:
            self.tagging.update(client, self.arn(made), before, after)
        return self._read(client, made)

    def delete(self, context: Context, made: Made) -> None:
        """Delete by name; what is gone already is deleted."""
        remove(context.client(self.service), self.deletes, self.target(made))

    def translate(self, properties: Properties) -> Properties:
        """Return the properties as the API's members."""
        written = {
            self.members.get(name, name): document(item) if name in self.documents else item
            for name, item in properties.items()
        }
        if "Tags" in properties:
            spelling = self.tagging.spelling if self.tagging else ("Key", "Value")
            tags = properties["Tags"]
            written[self.members.get("Tags", "Tags")] = spelled(tags, *spelling) if spelling else plain(tags)
        return written

    def made(self, sent: Properties, answer: Answer) -> Made:
        """Return the resource from what was sent and answered."""
        told = _flat(sent) | _flat(answer)
        return Made(str(told[(self.ref or self.name_property).lower()]))

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return the type's attributes that stand in a request or its answer under their own names."""
        words = {name: member.lower() for name, member in self.members.items()}
        told = _flat(sent) | _flat(answer)
        names = [name for name in schemas.attributes(self.type) if words.get(name, name.lower()) in told]
        return {name: told[words.get(name, name.lower())] for name in names}

    def name(self, made: Made) -> str:
        """Return what the API calls the resource."""
        return str(made.attributes.get(self.name_property, made.ref))

    def arn(self, made: Made) -> str:
        """Return what the tagging calls take."""
        return str(made.attributes.get("Arn", made.ref))

    def target(self, made: Made) -> Properties:
        """Return the members that name the resource in requests about it."""
        return self._named(made, self.delete_member) if hasattr(self, "delete_member") else self._placed(made)

    def _named(self, made: Made, member: str) -> Properties:
        name = self.name(made)
        return self._placed(made) | {member.removesuffix("[]"): [name] if "[]" in member else name}

    def _placed(self, made: Made) -> Properties:
        kept = {name: made.attributes.get(f"_{name}") for name in self.place}
        return {self.members.get(name, name): item for name, item in kept.items() if item is not None}

    def _later(self, properties: Properties) -> set[str]:
        return {*self.settings, *(["Tags"] if self.tagging and not self.tags_on_create else [])} & set(properties)

    def _read(self, client: Any, made: Made) -> Made:
        if not self.reads:
            return made
        answer = call(client, self.reads, self._named(made, self.read_member or self.delete_member))
        return Made(made.ref, made.attributes | self.found({}, answer))

    def _update_request(
        self, client: Any, made: Made, before: Properties, after: Properties, separate: Iterable[str]
    ) -> Properties:
        """Translate the new properties into the update call; refuse changes that it can't tell."""
        names = {self.name_property: self.name(made)} if self.name_property else {}
        old, new = (
            self.translate(names | {name: item for name, item in properties.items() if name not in separate})
            for properties in (before, after)
        )
        members = {member.lower() for member in input_shape(client, self.updates).members}
        differ = changed(old, new)
        untold = [name for name in differ if name.lower() not in members or (self.patches and name not in new)]
        if untold:
            raise NotUpdatableError(f"{self.updates} can't change or take away the property {untold[0]}.")
        keys = {key: made.attributes.get(key, made.ref) for key in self.update_keys}
        return {name: item for name, item in new.items() if name.lower() in members} | keys


def document(value: Any) -> str:
    """Return a property that a template writes as an object, or as JSON, as JSON text."""
    return value if isinstance(value, str) else json.dumps(value)


def _flat(answer: Answer) -> Properties:
    """Return an answer's members, and those of the one description in it, by their names in lower case."""
    parts = [value for name, value in answer.items() if name != "ResponseMetadata"]
    inner = [part[0] if isinstance(part, list) and len(part) == 1 else part for part in parts]
    below = {key.lower(): item for part in inner if isinstance(part, dict) for key, item in part.items()}
    return below | {name.lower(): value for name, value in answer.items()}
