"""What the types of RDS and Neptune share, and RDS's groups: kept and described, but no engine runs here."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.tags import Tagging


class Rds(Kept):
    """A resource of RDS, which keeps its name in lower case."""

    service: ClassVar[str] = "rds"
    patches = True
    tagging: ClassVar[Tagging | None] = Tagging("ResourceName", "AddTagsToResource", "RemoveTagsFromResource")

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the resource under a name that RDS takes."""
        given = properties.get(self.name_property) or context.name(self.name_limit)
        return super().create(context, properties | {self.name_property: str(given).lower()})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the resource; its name is as it was made."""
        named = {self.name_property: made.ref}
        return super().update(context, made, before | named, after | named)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(str(sent[self.members.get(self.name_property, self.name_property)]))

    def name(self, made: Made) -> str:
        """Return the name."""
        return made.ref


class SubnetGroup(Rds):
    """The subnets of databases."""

    name_property, name_limit = "DBSubnetGroupName", 255
    creates, updates, deletes = "CreateDBSubnetGroup", "ModifyDBSubnetGroup", "DeleteDBSubnetGroup"
    reads, delete_member, at = "DescribeDBSubnetGroups", "DBSubnetGroupName", "DBSubnetGroups[0]"
    asked_as: ClassVar[dict[str, str]] = {"SubnetIds": "Subnets[].SubnetIdentifier"}
    tells: ClassVar[dict[str, str]] = {"_Arn": "DBSubnetGroupArn", "DBSubnetGroupArn": "DBSubnetGroupArn"}


class ParameterGroup(Rds):
    """The settings of databases, as many as differ from what their engine brings."""

    name_property, name_limit = "DBParameterGroupName", 255
    creates, deletes = "CreateDBParameterGroup", "DeleteDBParameterGroup"
    reads, delete_member, at = "DescribeDBParameterGroups", "DBParameterGroupName", "DBParameterGroups[0]"
    modifies, resets = "ModifyDBParameterGroup", "ResetDBParameterGroup"
    members: ClassVar[dict[str, str]] = {"Family": "DBParameterGroupFamily"}
    tells: ClassVar[dict[str, str]] = {"_Arn": "DBParameterGroupArn"}

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group, then put its settings."""
        made = super().create(context, _but_parameters(properties))
        self._settle(context, made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the settings that differ; those that the template no longer names are the engine's again."""
        made = super().update(context, made, _but_parameters(before), _but_parameters(after))
        self._settle(context, made, before, after)
        return made

    def _settle(self, context: Context, made: Made, before: Properties, after: Properties) -> None:
        old, new = before.get("Parameters") or {}, after.get("Parameters") or {}
        for operation, names in (
            (self.resets, [name for name in old if name not in new]),
            (self.modifies, [name for name, value in new.items() if old.get(name) != value]),
        ):
            if names:
                listed = [_written(name, new.get(name)) for name in names]
                call(context.client(self.service), operation, self.target(made) | {"Parameters": listed})


class ClusterParameterGroup(ParameterGroup):
    """The settings of clusters of databases."""

    name_property = "DBClusterParameterGroupName"
    creates, deletes = "CreateDBClusterParameterGroup", "DeleteDBClusterParameterGroup"
    reads, delete_member = "DescribeDBClusterParameterGroups", "DBClusterParameterGroupName"
    at, tells = "DBClusterParameterGroups[0]", {"_Arn": "DBClusterParameterGroupArn"}
    modifies, resets = "ModifyDBClusterParameterGroup", "ResetDBClusterParameterGroup"


def _but_parameters(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != "Parameters"}


def _written(name: str, value: Any) -> dict[str, Any]:
    """Write a setting as the API takes it: at the next restart, which is what any setting can wait for."""
    return {"ParameterName": name, "ApplyMethod": "pending-reboot"} | (
        {} if value is None else {"ParameterValue": text(value)}
    )


@provides
class DBSubnetGroup(SubnetGroup):
    """The subnets of databases."""

    type = "AWS::RDS::DBSubnetGroup"


@provides
class DBParameterGroup(ParameterGroup):
    """The settings of databases."""

    type = "AWS::RDS::DBParameterGroup"
    tells: ClassVar[dict[str, str]] = {"_Arn": "DBParameterGroupArn", "DBParameterGroupName": "DBParameterGroupName"}


@provides
class DBClusterParameterGroup(ClusterParameterGroup):
    """The settings of clusters of databases."""

    type = "AWS::RDS::DBClusterParameterGroup"
