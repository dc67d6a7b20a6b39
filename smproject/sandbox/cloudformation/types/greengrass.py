"""Greengrass's definitions and groups: kept and described, but nothing is deployed to a device here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import call, known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure


class _Definition(Kept):
    """A definition, whose first version `GetXDefinitionVersion` describes; moto keeps no tags of it."""

    service, ref, at, patches = "greengrass", "Id", "@", True
    untold: ClassVar[tuple[str, ...]] = ("InitialVersion",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Create what can be kept."""
        known(properties, "InitialVersion", "Name", "RoleArn")
        return super().create(context, properties)

    def name(self, made: Made) -> str:
        """Return the id."""
        return made.ref


@provides
class CoreDefinition(_Definition):
    """A definition of cores."""

    type, update_keys = "AWS::Greengrass::CoreDefinition", ("CoreDefinitionId",)
    creates, updates, deletes = "CreateCoreDefinition", "UpdateCoreDefinition", "DeleteCoreDefinition"
    reads, delete_member = "GetCoreDefinition", "CoreDefinitionId"


@provides
class FunctionDefinition(_Definition):
    """A definition of functions."""

    type, update_keys = "AWS::Greengrass::FunctionDefinition", ("FunctionDefinitionId",)
    creates, updates, deletes = "CreateFunctionDefinition", "UpdateFunctionDefinition", "DeleteFunctionDefinition"
    reads, delete_member = "GetFunctionDefinition", "FunctionDefinitionId"


@provides
class SubscriptionDefinition(_Definition):
    """A definition of subscriptions."""

    type, update_keys = "AWS::Greengrass::SubscriptionDefinition", ("SubscriptionDefinitionId",)
    creates, updates = "CreateSubscriptionDefinition", "UpdateSubscriptionDefinition"
    deletes, reads = "DeleteSubscriptionDefinition", "GetSubscriptionDefinition"
    delete_member = "SubscriptionDefinitionId"


@provides
class CoreDefinitionVersion(Provider):
    """A version of a definition of cores; it goes with the definition."""

    type, state_only = "AWS::Greengrass::CoreDefinitionVersion", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the version, whose ARN `Ref` returns."""
        made = call(context.client("greengrass"), "CreateCoreDefinitionVersion", properties)
        return Made(made["Arn"], {"Id": made["Version"]})

    def delete(self, context: Context, made: Made) -> None:
        """Leave the version to its definition: Greengrass has no call that deletes one."""


@provides
class Group(_Definition):
    """A group of what would run on a core."""

    type, update_keys = "AWS::Greengrass::Group", ("GroupId",)
    creates, updates, deletes = "CreateGroup", "UpdateGroup", "DeleteGroup"
    reads, delete_member = "GetGroup", "GroupId"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group, then give it its role."""
        made = super().create(context, _but_role(properties))
        with undone_on_failure(lambda: self.delete(context, made)):
            return self._with_role(context, made, {}, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change its name, then its role."""
        made = super().update(context, made, _but_role(before), _but_role(after))
        return self._with_role(context, made, before, after)

    def _with_role(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        client = context.client("greengrass")
        if "RoleArn" in changed(before, after):
            if "RoleArn" in after:
                call(client, "AssociateRoleToGroup", self.target(made) | {"RoleArn": after["RoleArn"]})
            else:
                call(client, "DisassociateRoleFromGroup", self.target(made))
        told = call(client, "GetAssociatedRole", self.target(made)) if "RoleArn" in after else {}
        role = {"RoleArn": told["RoleArn"], "RoleAttachedAt": told["AssociatedAt"]} if told else {}
        kept = {name: item for name, item in made.attributes.items() if not name.startswith("Role")}
        return Made(made.ref, kept | role)


def _but_role(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != "RoleArn"}
