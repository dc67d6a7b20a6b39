"""Parameters of Systems Manager."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging


@provides
class Parameter(Simple):
    """A parameter of Systems Manager."""

    type, service = "AWS::SSM::Parameter", "ssm"
    creates, updates, deletes, delete_member = "PutParameter", "PutParameter", "DeleteParameter", "Name"
    name_property, update_members = "Name", {"Overwrite": True}
    tagging = Tagging("ResourceId", "AddTagsToResource", "RemoveTagsFromResource", more={"ResourceType": "Parameter"})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["Name"], {"Type": sent["Type"], "Value": sent["Value"]})
