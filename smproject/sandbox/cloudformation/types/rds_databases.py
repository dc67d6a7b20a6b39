"""RDS's databases: instances and clusters that are kept and described, with no engine behind their addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import UnsupportedPropertyError, call, input_shape
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.types.rds import Rds

_LOGS, _UPGRADE = "EnableCloudwatchLogsExports", "AllowMajorVersionUpgrade"
_MANNERS = ("ApplyImmediately", "DeleteAutomatedBackups")  # how it is changed and deleted: here always so
_TOLD = {
    "EnableCloudwatchLogsExports": "EnabledCloudwatchLogsExports",
    "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
    "EnablePerformanceInsights": "PerformanceInsightsEnabled",
    "ManageMasterUserPassword": "type(MasterUserSecret) == 'object'",
    "VpcSecurityGroupIds": "VpcSecurityGroups[].VpcSecurityGroupId",
}


class Database(Rds):
    """An instance or cluster of them."""

    name_limit, done, gone = 63, ("available",), ("deleted",)
    asked_as: ClassVar[dict[str, str]] = _TOLD
    untold: ClassVar[tuple[str, ...]] = (
        *("Tags", "MasterUserPassword", "MasterUserSecretKmsKeyId"),
        *("DBSnapshotIdentifier", "SnapshotIdentifier"),
    )
    delete_members: ClassVar[Properties] = {"SkipFinalSnapshot": True}
    update_members: ClassVar[Properties] = {"ApplyImmediately": True}
    copies: ClassVar[dict[str, type[Database]]] = {}  # by the property that names the source
    fallbacks: ClassVar[Properties] = {"DeletionProtection": False}
    snapshots: ClassVar[str]
    snapshot_member: ClassVar[str]

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the database; `copies` make one that is a copy of another, or of a snapshot."""
        copier = next((each for name, each in self.copies.items() if properties.get(name)), None)
        return copier().create(context, properties) if copier else super().create(context, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the database; which logs it exports is told as a difference."""
        client = context.client(self.service)
        old, new = (set(side.get(_LOGS) or []) for side in (before, after))
        if old != new:
            logs = {"EnableLogTypes": sorted(new - old), "DisableLogTypes": sorted(old - new)}
            call(client, self.updates, self.target(made) | {"CloudwatchLogsExportConfiguration": logs})
        return super().update(context, made, _but_logs(before), _but_logs(after))

    def translate(self, properties: Properties) -> Properties:
        """Write the properties as the API has them."""
        for manner in _MANNERS:
            if text(properties.get(manner, True)) == "false":
                raise UnsupportedPropertyError(f"The sandbox does not execute the property {manner} with false.")
        apart = (*_MANNERS, _UPGRADE, "MasterUserSecret")
        plain = {name: item for name, item in properties.items() if name not in apart}
        if key := (properties.get("MasterUserSecret") or {}).get("KmsKeyId"):
            plain["MasterUserSecretKmsKeyId"] = key
        if "Engine" in plain:
            plain["Engine"] = text(plain["Engine"]).lower()
        return super().translate(plain)

    def snapshot(self, context: Context, made: Made) -> None:
        """Take the final snapshot."""
        named = {self.snapshot_member: context.snapshot_name(63)}
        call(context.client(self.service), self.snapshots, self.target(made) | named)

    def _update_request(
        self, client: Any, made: Made, before: Properties, after: Properties, separate: Iterable[str]
    ) -> Properties:
        """Say whether a new major version is allowed, which is no setting of the database."""
        allowed = {_UPGRADE: True} if text(after.get(_UPGRADE, False)) == "true" else {}
        return super()._update_request(client, made, before, after, separate) | allowed


def _but_logs(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != _LOGS}


class Copy(Database):
    """A database that is made of another or of a snapshot, and takes what is to be different afterwards."""

    whole: ClassVar[str]  # the operation that makes one of nothing

    def create(self, context: Context, properties: Properties) -> Made:
        """Make the copy, change what its creation does not take, and look whether it is as asked for."""
        client = context.client(self.service)
        first = {name: item for name, item in properties.items() if self._takes(client, self.creates, name)}
        made = super(Database, self).create(context, first)
        later = {name: item for name, item in properties.items() if self._takes(client, self.updates, name)}
        with undone_on_failure(lambda: self.delete(context, made)):
            self.update(context, made, {name: first[name] for name in first if name in later}, later)
            self._compare(context, made, self.whole, {n: v for n, v in properties.items() if n not in self.copies})
        return made

    def _takes(self, client: Any, operation: str, name: str) -> bool:
        members = {each.lower() for each in input_shape(client, operation).members}
        return name in (*_MANNERS, _UPGRADE) or self.members.get(name, name).lower() in members


@provides
class DBInstance(Database):
    """An instance of a database, or a member of a cluster."""

    type, name_property = "AWS::RDS::DBInstance", "DBInstanceIdentifier"
    creates, updates, deletes = "CreateDBInstance", "ModifyDBInstance", "DeleteDBInstance"
    reads, delete_member = "DescribeDBInstances", "DBInstanceIdentifier"
    at, state = "DBInstances[0]", "DBInstanceStatus"
    snapshots, snapshot_member = "CreateDBSnapshot", "DBSnapshotIdentifier"
    stays = (
        *("AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ"),
        "PreferredMaintenanceWindow",
    )
    members: ClassVar[dict[str, str]] = {"VPCSecurityGroups": "VpcSecurityGroupIds"}
    asked_as: ClassVar[dict[str, str]] = _TOLD | {
        "DBParameterGroupName": "DBParameterGroups[0].DBParameterGroupName",
        "DBSecurityGroups": "DBSecurityGroups[].DBSecurityGroupName",
        "DBSubnetGroupName": "DBSubnetGroup.DBSubnetGroupName",
        "OptionGroupName": "OptionGroupMemberships[0].OptionGroupName",
        "Port": "Endpoint.Port",
        "SourceDBInstanceIdentifier": "ReadReplicaSourceDBInstanceIdentifier",
    }
    tells: ClassVar[dict[str, str]] = asked_as | {
        "_Arn": "DBInstanceArn",
        "VPCSecurityGroups": "VpcSecurityGroups[].VpcSecurityGroupId",
    }

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the instance; its port has another name in changes."""
        if "Port" in after and before.get("Port") != after["Port"]:
            wanted = {"DBPortNumber": after["Port"], **self.update_members}
            call(context.client(self.service), self.updates, self.target(made) | wanted)
            before = before | {"Port": after["Port"]}
        return super().update(context, made, before, after)


@provides
class DBCluster(Database):
    """A cluster of databases, with instances or without a server."""

    type, name_property = "AWS::RDS::DBCluster", "DBClusterIdentifier"
    creates, updates, deletes = "CreateDBCluster", "ModifyDBCluster", "DeleteDBCluster"
    reads, delete_member, at, state = "DescribeDBClusters", "DBClusterIdentifier", "DBClusters[0]", "Status"
    snapshots, snapshot_member = "CreateDBClusterSnapshot", "DBClusterSnapshotIdentifier"
    members: ClassVar[dict[str, str]] = {"PerformanceInsightsEnabled": "EnablePerformanceInsights"}
    asked_as: ClassVar[dict[str, str]] = _TOLD | {
        "DBClusterParameterGroupName": "DBClusterParameterGroup",
        "DBSubnetGroupName": "DBSubnetGroup",
        "EnableHttpEndpoint": "HttpEndpointEnabled",
        "ScalingConfiguration": "ScalingConfigurationInfo",
    }
    tells: ClassVar[dict[str, str]] = {
        "_Arn": "DBClusterArn",
        "DBClusterResourceId": "DbClusterResourceId",
        "Endpoint.Address": "Endpoint",
        "Endpoint.Port": "Port",
        "ReadEndpoint.Address": "ReaderEndpoint",
    }


class _Replica(Copy, DBInstance):
    creates, whole = "CreateDBInstanceReadReplica", "CreateDBInstance"


class _InstanceOfSnapshot(Copy, DBInstance):
    creates, whole = "RestoreDBInstanceFromDBSnapshot", "CreateDBInstance"


class _ClusterOfSnapshot(Copy, DBCluster):
    creates, whole = "RestoreDBClusterFromSnapshot", "CreateDBCluster"


DBInstance.copies = {"SourceDBInstanceIdentifier": _Replica, "DBSnapshotIdentifier": _InstanceOfSnapshot}
DBCluster.copies = {"SnapshotIdentifier": _ClusterOfSnapshot}
