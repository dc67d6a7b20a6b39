"""Tags of resources, in the spelling of each API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties

Tags = Any  # a list of Key and Value, or a map, as the type's schema has it; None when there are none


def plain(tags: Tags) -> dict[str, str]:
    """Return tags as a map."""
    if isinstance(tags, dict):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or []}


def merged(stack: Mapping[str, str], own: Tags, shape: str, **more: bool) -> Tags:
    """Return the stack's tags overlaid with a resource's own, in the shape that its schema asks for.

    Each of the stack's tags has `more` members; a resource's own tags have those that the template gives them.
    """
    if shape == "object":
        return {**stack, **plain(own)}
    listed = own if isinstance(own, list) else spelled(own)
    inherited = {key: {"Key": key, "Value": value} | more for key, value in stack.items()}
    return list((inherited | {str(tag["Key"]): tag for tag in listed}).values())


def spelled(tags: Tags, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags as a list, in the key spelling that an API wants."""
    return [{key: name, value: text} for name, text in plain(tags).items()]


@dataclass(frozen=True)
class Tagging:
    """How an API changes the tags of what exists: its operations, and the member that names the resource.

    The member ends with `[]` where it takes a list.
    """

    identifier: str
    add: str = "TagResource"
    remove: str = "UntagResource"
    keys: str = "TagKeys"
    spelling: tuple[str, str] | None = ("Key", "Value")  # None: the API takes a map
    appends: bool = False  # moto keeps the old tag of a key beside the new one: it is removed first
    more: Properties = field(default_factory=dict)

    def update(self, client: Any, identifier: str, before: Properties, after: Properties) -> None:
        """Bring the tags of a resource from those of its former properties to those of the new ones."""
        old, new = plain(before.get("Tags")), plain(after.get("Tags"))
        member, several = self.identifier.removesuffix("[]"), self.identifier.endswith("[]")
        target = {member: [identifier] if several else identifier, **self.more}
        stale = {key for key, value in new.items() if self.appends and old.get(key, value) != value}
        if gone := sorted(set(old) - set(new) | stale):
            call(client, self.remove, target | {self.keys: gone})
        if put := {key: value for key, value in new.items() if old.get(key) != value}:
            call(client, self.add, target | {"Tags": spelled(put, *self.spelling) if self.spelling else put})
