"""Database migration: instances, endpoints and tasks are kept and described, but nothing is migrated here."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.tags import Tagging


class _Dms(Kept):
    """A resource of DMS, named in lower case and called by its ARN."""

    service, patches, name_limit = "dms", True, 31
    tagging: ClassVar[Tagging | None] = Tagging("ResourceArn", "AddTagsToResource", "RemoveTagsFromResource")
    untold: ClassVar[tuple[str, ...]] = ("Tags", "ResourceIdentifier")
    filtered: ClassVar[str]  # the filter that finds the resource

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the resource under a name that DMS takes."""
        given = properties.get(self.name_property) or context.name(self.name_limit)
        return super().create(context, properties | {self.name_property: str(given).lower()})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the resource; its name stays unless the template gives another."""
        named = {self.name_property: made.attributes["_Name"]}
        return super().update(context, made, named | before, named | after)

    def name(self, made: Made) -> str:
        """Return what `Ref` returns."""
        return made.ref

    def looked_up(self, client: Any, made: Made) -> Answer:
        """Make the reading call, which filters."""
        return call(client, self.reads, {"Filters": [{"Name": self.filtered, "Values": [made.ref]}]})


@provides
class ReplicationSubnetGroup(_Dms):
    """The subnets of replication instances."""

    type, name_property = "AWS::DMS::ReplicationSubnetGroup", "ReplicationSubnetGroupIdentifier"
    creates, updates, deletes = (
        *("CreateReplicationSubnetGroup", "ModifyReplicationSubnetGroup", "DeleteReplicationSubnetGroup"),
    )
    reads, delete_member, at = (
        *("DescribeReplicationSubnetGroups", "ReplicationSubnetGroupIdentifier", "ReplicationSubnetGroups[0]"),
    )
    filtered, tagging = "replication-subnet-group-id", None  # moto tells no ARN of it, by which it would be tagged
    asked_as: ClassVar[dict[str, str]] = {"SubnetIds": "Subnets[].SubnetIdentifier"}
    tells: ClassVar[dict[str, str]] = {"_Name": "ReplicationSubnetGroupIdentifier"}


@provides
class ReplicationInstance(_Dms):
    """An instance that would replicate."""

    type, name_property = "AWS::DMS::ReplicationInstance", "ReplicationInstanceIdentifier"
    creates, updates, deletes = "CreateReplicationInstance", "ModifyReplicationInstance", "DeleteReplicationInstance"
    reads, delete_member, at = "DescribeReplicationInstances", "ReplicationInstanceArn", "ReplicationInstances[0]"
    ref, update_keys, update_members = "ReplicationInstanceArn", ("ReplicationInstanceArn",), {"ApplyImmediately": True}
    filtered, state, done = "replication-instance-arn", "ReplicationInstanceStatus", ("available",)
    untold = ("Tags",)
    asked_as: ClassVar[dict[str, str]] = {
        "ReplicationSubnetGroupIdentifier": "ReplicationSubnetGroup.ReplicationSubnetGroupIdentifier",
        "VpcSecurityGroupIds": "VpcSecurityGroups[].VpcSecurityGroupId",
    }
    tells: ClassVar[dict[str, str]] = {
        "_Name": "ReplicationInstanceIdentifier",
        "ReplicationInstancePrivateIpAddresses": "join(',', ReplicationInstancePrivateIpAddresses)",
        "ReplicationInstancePublicIpAddresses": "join(',', ReplicationInstancePublicIpAddresses)",
    }


@provides
class Endpoint(_Dms):
    """Where data would be read or written."""

    type, name_property = "AWS::DMS::Endpoint", "EndpointIdentifier"
    creates, updates, deletes = "CreateEndpoint", "ModifyEndpoint", "DeleteEndpoint"
    reads, delete_member, at, ref = "DescribeEndpoints", "EndpointArn", "Endpoints[0]", "EndpointArn"
    update_keys, filtered, state, done = ("EndpointArn",), "endpoint-arn", "Status", ("active",)
    untold = ("Tags", "ResourceIdentifier", "Password")
    tells: ClassVar[dict[str, str]] = {"_Name": "EndpointIdentifier"}


@provides
class ReplicationTask(_Dms):
    """What would be replicated; CloudFormation does not start it."""

    type, name_property = "AWS::DMS::ReplicationTask", "ReplicationTaskIdentifier"
    creates, updates, deletes = "CreateReplicationTask", "ModifyReplicationTask", "DeleteReplicationTask"
    reads, delete_member, at = "DescribeReplicationTasks", "ReplicationTaskArn", "ReplicationTasks[0]"
    ref, update_keys = "ReplicationTaskArn", ("ReplicationTaskArn",)
    filtered, state, done = "replication-task-arn", "Status", ("ready",)
    untold = ("Tags",)
    tells: ClassVar[dict[str, str]] = {"_Name": "ReplicationTaskIdentifier"}
