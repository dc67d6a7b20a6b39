"""Neptune's graph databases with their groups: kept and described, but no engine runs here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import provides
from smproject.sandbox.cloudformation.types.rds import ClusterParameterGroup, ParameterGroup, SubnetGroup
from smproject.sandbox.cloudformation.types.rds_databases import Copy
from smproject.sandbox.cloudformation.types.rds_databases import DBCluster as RdsCluster
from smproject.sandbox.cloudformation.types.rds_databases import DBInstance as RdsInstance

_ENGINE = {"Engine": "neptune"}


@provides
class DBSubnetGroup(SubnetGroup):
    """The subnets of Neptune's databases."""

    type, service = "AWS::Neptune::DBSubnetGroup", "neptune"


@provides
class DBParameterGroup(ParameterGroup):
    """The settings of Neptune's databases."""

    type, service, name_property = "AWS::Neptune::DBParameterGroup", "neptune", "Name"
    members: ClassVar[dict[str, str]] = {"Family": "DBParameterGroupFamily", "Name": "DBParameterGroupName"}


@provides
class DBClusterParameterGroup(ClusterParameterGroup):
    """The settings of Neptune's clusters."""

    type, service, name_property = "AWS::Neptune::DBClusterParameterGroup", "neptune", "Name"
    members: ClassVar[dict[str, str]] = {"Family": "DBParameterGroupFamily", "Name": "DBClusterParameterGroupName"}


@provides
class DBCluster(RdsCluster):
    """A cluster of Neptune."""

    type, service = "AWS::Neptune::DBCluster", "neptune"
    members: ClassVar[dict[str, str]] = {
        "DBPort": "Port",
        "IamAuthEnabled": "EnableIAMDatabaseAuthentication",
        "ServerlessScalingConfiguration": "ServerlessV2ScalingConfiguration",
    }
    tells: ClassVar[dict[str, str]] = {
        "_Arn": "DBClusterArn",
        "ClusterResourceId": "DbClusterResourceId",
        "ReadEndpoint": "ReaderEndpoint",
    }

    def translate(self, properties: Properties) -> Properties:
        """Name the engine, which no property does."""
        return super().translate(properties) | _ENGINE


@provides
class DBInstance(RdsInstance):
    """A member of a cluster of Neptune."""

    type, service = "AWS::Neptune::DBInstance", "neptune"
    tells: ClassVar[dict[str, str]] = {"_Arn": "DBInstanceArn", "Endpoint": "Endpoint.Address", "Port": "Endpoint.Port"}

    def translate(self, properties: Properties) -> Properties:
        """Name the engine, which no property does."""
        return super().translate(properties) | _ENGINE


class _ClusterOfSnapshot(Copy, DBCluster):
    creates, whole = "RestoreDBClusterFromSnapshot", "CreateDBCluster"


DBCluster.copies, DBInstance.copies = {"SnapshotIdentifier": _ClusterOfSnapshot}, {}
