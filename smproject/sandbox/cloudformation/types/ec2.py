"""What EC2's types share. The sandbox has no networks: they are kept and described, and nothing passes through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Made
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging, plain, spelled


@dataclass(frozen=True)
class Ec2Tagging(Tagging):
    """Tags in EC2's way: several resources a call, and taken away by tags of a key only."""

    def update(self, client: Any, identifier: str, before: Properties, after: Properties) -> None:
        """Bring the tags of a resource from those of its former properties to those of the new ones."""
        old, new = plain(before.get("Tags")), plain(after.get("Tags"))
        if gone := sorted(set(old) - set(new)):
            call(client, "DeleteTags", {"Resources": [identifier], "Tags": [{"Key": key} for key in gone]})
        if put := {key: value for key, value in new.items() if old.get(key) != value}:
            call(client, "CreateTags", {"Resources": [identifier], "Tags": spelled(put)})


TAGS = Ec2Tagging("Resources")


class Ec2(Simple):
    """A resource of EC2, named by an id of its own."""

    service, state_only = "ec2", True
    tagging: ClassVar[Tagging | None] = TAGS
    tagged_as: ClassVar[str]  # the resource type in a tag specification

    def translate(self, properties: Properties) -> Properties:
        """Write tags as the creation takes them."""
        tags = properties.get("Tags")
        rest = super().translate({name: item for name, item in properties.items() if name != "Tags"})
        specification = {"ResourceType": self.tagged_as, "Tags": spelled(tags)}
        return rest | ({"TagSpecifications": [specification]} if tags else {})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        made = super().made(sent, answer)
        return Made(made.ref, {"Id": made.ref})

    def arn(self, made: Made) -> str:
        """Return the id, by which tags are put."""
        return self.name(made)
