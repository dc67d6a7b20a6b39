"""The cases of databases: RDS's and Neptune's instances, clusters and groups."""

from __future__ import annotations

from typing import Any

from types_core_cases import Case, Client, ref, resource, tags
from types_core_hosts import NETWORK, OTHER_SUBNET

SUBNETS = {**NETWORK, "Other": OTHER_SUBNET}
PASSWORD = "Passw0rd-1234"
ONE = {
    "DBInstanceIdentifier": "NAME",
    "DBInstanceClass": "db.t3.small",
    "Engine": "MySQL",
    "EngineVersion": "8.0.36",
    "AllocatedStorage": "20",
    "MasterUsername": "chief",
    "MasterUserPassword": PASSWORD,
    "StorageEncrypted": True,
    "DBSubnetGroupName": ref("Subnets"),
    "VPCSecurityGroups": [{"Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"]}],
}
CLUSTER = {
    "DBClusterIdentifier": "NAME",
    "Engine": "aurora-postgresql",
    "MasterUsername": "chief",
    "ManageMasterUserPassword": True,
    "DatabaseName": "data",
}
GRAPH = {"DBClusterIdentifier": "NAME", "DBPort": 8183, "BackupRetentionPeriod": 3}
IN_CLUSTER = {
    "DBClusterIdentifier": ref("Cluster"),
    "DBInstanceIdentifier": "NAME-1",
    "Engine": "aurora-postgresql",
    "DBInstanceClass": "db.r6g.large",
}


def group_of_subnets(type_: str) -> Any:
    return resource(
        f"AWS::{type_}::DBSubnetGroup",
        DBSubnetGroupName="NAME",
        DBSubnetGroupDescription="d",
        SubnetIds=[ref("Subnet"), ref("Other")],
    )


def instance(client: Client, name: str) -> Any:
    [found] = client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    shown = [found["DBInstanceStatus"], found["Engine"], found["AllocatedStorage"], found["MultiAZ"]]
    return [*shown, found["Endpoint"]["Port"], found["BackupRetentionPeriod"], found["EnabledCloudwatchLogsExports"]]


def replica(client: Client, name: str) -> Any:
    [found] = client("rds").describe_db_instances(DBInstanceIdentifier=f"{name}-2")["DBInstances"]
    plain = sorted(tag["Value"] for tag in found["TagList"] if not tag["Key"].startswith("aws:"))
    return found["ReadReplicaSourceDBInstanceIdentifier"], found["DBInstanceClass"], plain


def member(client: Client, name: str) -> Any:
    [found] = client("rds").describe_db_instances(DBInstanceIdentifier=f"{name}-1")["DBInstances"]
    [cluster] = client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    [listed] = cluster["DBClusterMembers"]
    return found["DBInstanceClass"], found["PromotionTier"], listed["IsClusterWriter"]


def cluster(client: Client, name: str) -> Any:
    [found] = client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    secret = client("secretsmanager").describe_secret(SecretId=found["MasterUserSecret"]["SecretArn"])
    exported = found["EnabledCloudwatchLogsExports"]
    return [found["Status"], found["BackupRetentionPeriod"], exported, secret["Name"][:4], found["Port"]]


def graph(client: Client, name: str) -> Any:
    [found] = client("neptune").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
    return [found["Engine"], found["Port"], found["BackupRetentionPeriod"], found["IAMDatabaseAuthenticationEnabled"]]


def vertex(client: Client, name: str) -> Any:
    [found] = client("neptune").describe_db_instances(DBInstanceIdentifier=f"{name}-1")["DBInstances"]
    return [found["Engine"], found["DBInstanceClass"], found["DBClusterIdentifier"] == name]


def subnets(client: Client, name: str) -> Any:
    [found] = client("rds").describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"]
    told = client("rds").list_tags_for_resource(ResourceName=found["DBSubnetGroupArn"])["TagList"]
    own = {tag["Key"]: tag["Value"] for tag in told if not tag["Key"].startswith("aws:")}
    return [found["DBSubnetGroupDescription"], len(found["Subnets"]), own]


def settings(client: Client, name: str) -> Any:
    told = client("rds").describe_db_parameters(DBParameterGroupName=name)["Parameters"]
    client("rds").describe_db_parameter_groups(DBParameterGroupName=name)
    return {each["ParameterName"]: each["ParameterValue"] for each in told}


def settings_of_cluster(client: Client, name: str) -> Any:
    told = client("rds").describe_db_cluster_parameters(DBClusterParameterGroupName=name)["Parameters"]
    return {each["ParameterName"]: each["ParameterValue"] for each in told}


def grouped(type_: str, name: str, family: str, look: Any) -> Case:
    rest = {name: "NAME", "Family": family, "Description": "d"}
    before, after = rest | {"Parameters": {"a": "1", "b": "1"}}, rest | {"Parameters": {"b": 2, "c": 1}}
    return Case(type_, before, after, look, {"b": "2", "c": "1"})


CASES = {
    "subnets of databases": Case(
        "AWS::RDS::DBSubnetGroup",
        {
            "DBSubnetGroupName": "NAME",
            "DBSubnetGroupDescription": "one",
            "SubnetIds": [ref("Subnet"), ref("Other")],
            "Tags": tags("1"),
        },
        {
            "DBSubnetGroupName": "NAME",
            "DBSubnetGroupDescription": "two",
            "SubnetIds": [ref("Subnet"), ref("Other"), ref("Third")],
            "Tags": tags("2"),
        },
        subnets,
        ["two", 3, {"k": "2"}],
        {
            **SUBNETS,
            "Third": resource(
                "AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.3.0/24", AvailabilityZone="us-east-1c"
            ),
        },
        ("DBSubnetGroupArn",),
    ),
    "parameters of databases": grouped("AWS::RDS::DBParameterGroup", "DBParameterGroupName", "mysql8.0", settings),
    "parameters of clusters": grouped(
        *("AWS::RDS::DBClusterParameterGroup", "DBClusterParameterGroupName", "aurora-mysql8.0", settings_of_cluster)
    ),
    "parameters of Neptune": grouped("AWS::Neptune::DBParameterGroup", "Name", "neptune1", settings),
    "parameters of Neptune's clusters": grouped(
        *("AWS::Neptune::DBClusterParameterGroup", "Name", "neptune1", settings_of_cluster)
    ),
    "subnets of Neptune": Case(
        "AWS::Neptune::DBSubnetGroup",
        group_of_subnets("Neptune")["Properties"],
        group_of_subnets("Neptune")["Properties"] | {"DBSubnetGroupDescription": "two"},
        subnets,
        ["two", 2, {}],
        SUBNETS,
    ),
    "relational database": Case(
        "AWS::RDS::DBInstance",
        ONE | {"MultiAZ": False, "Port": 3306, "BackupRetentionPeriod": 1, "EnableCloudwatchLogsExports": ["error"]},
        ONE
        | {"AllocatedStorage": "40", "MultiAZ": True, "Port": 3307, "BackupRetentionPeriod": 7, "Tags": tags("2")}
        | {"EnableCloudwatchLogsExports": ["slowquery"]},
        instance,
        ["available", "mysql", 40, True, 3307, 7, ["slowquery"]],
        {**SUBNETS, "Subnets": group_of_subnets("RDS")},
        ("Endpoint.Address", "Endpoint.Port", "DBInstanceArn", "DbiResourceId"),
    ),
    "replica": Case(
        "AWS::RDS::DBInstance",
        {
            "DBInstanceIdentifier": "NAME-2",
            "SourceDBInstanceIdentifier": ref("First"),
            "DBInstanceClass": "db.t3.medium",
            "Tags": tags("1"),
        },
        {
            "DBInstanceIdentifier": "NAME-2",
            "SourceDBInstanceIdentifier": ref("First"),
            "DBInstanceClass": "db.t3.large",
            "Tags": tags("2"),
        },
        replica,
        ["NAME", "db.t3.large", ["2"]],
        {**SUBNETS, "Subnets": group_of_subnets("RDS"), "First": resource("AWS::RDS::DBInstance", **ONE)},
        ("Endpoint.Address",),
    ),
    "cluster": Case(
        "AWS::RDS::DBCluster",
        CLUSTER | {"BackupRetentionPeriod": 2, "EnableCloudwatchLogsExports": []},
        CLUSTER | {"BackupRetentionPeriod": 5, "EnableCloudwatchLogsExports": ["postgresql"], "Tags": tags("2")},
        cluster,
        ["available", 5, ["postgresql"], "rds!", 5432],
        attributes=("Endpoint.Address", "Endpoint.Port", "ReadEndpoint.Address", "MasterUserSecret.SecretArn"),
    ),
    "database of a cluster": Case(
        "AWS::RDS::DBInstance",
        IN_CLUSTER | {"PromotionTier": 1},
        IN_CLUSTER | {"PromotionTier": 0, "DBInstanceClass": "db.r6g.xlarge"},
        member,
        ["db.r6g.xlarge", 0, True],
        {"Cluster": resource("AWS::RDS::DBCluster", **CLUSTER)},
        ("Endpoint.Address", "DBInstanceArn"),
    ),
    "graph": Case(
        "AWS::Neptune::DBCluster",
        GRAPH | {"IamAuthEnabled": True},
        GRAPH | {"IamAuthEnabled": False, "BackupRetentionPeriod": 5},
        graph,
        ["neptune", 8183, 5, False],
        attributes=("Endpoint", "ReadEndpoint", "Port", "ClusterResourceId"),
    ),
    "instance of a graph": Case(
        "AWS::Neptune::DBInstance",
        {"DBClusterIdentifier": ref("Cluster"), "DBInstanceIdentifier": "NAME-1", "DBInstanceClass": "db.r5.large"},
        {"DBClusterIdentifier": ref("Cluster"), "DBInstanceIdentifier": "NAME-1", "DBInstanceClass": "db.r5.xlarge"},
        vertex,
        ["neptune", "db.r5.xlarge", True],
        {"Cluster": resource("AWS::Neptune::DBCluster", **GRAPH)},
        ("Endpoint", "Port"),
    ),
}
