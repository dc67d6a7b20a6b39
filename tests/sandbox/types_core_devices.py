"""The cases of what moves data: database migration, IoT, Greengrass and data pipelines."""

from __future__ import annotations

import json
from typing import Any

from types_core_cases import Case, Client, action_of, get, only, policy, ref, resource, tags
from types_core_hosts import NETWORK, OTHER_SUBNET

SUBNETS = {**NETWORK, "Other": OTHER_SUBNET}
THIRD = resource("AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.3.0/24", AvailabilityZone="us-east-1c")
GROUP = resource(
    "AWS::DMS::ReplicationSubnetGroup",
    ReplicationSubnetGroupIdentifier="NAME",
    ReplicationSubnetGroupDescription="one",
    SubnetIds=[ref("Subnet"), ref("Other")],
)
REPLICATES = {
    "ReplicationInstanceIdentifier": "NAME",
    "ReplicationInstanceClass": "dms.t3.medium",
    "ReplicationSubnetGroupIdentifier": ref("Group"),
    "PubliclyAccessible": False,
}
SOURCE = {"EndpointIdentifier": "NAME", "EndpointType": "source", "EngineName": "mysql", "Username": "u", "Port": 3306}
TARGET = resource(
    "AWS::DMS::Endpoint",
    EndpointType="target",
    EngineName="s3",
    S3Settings={"BucketName": "b", "CompressionType": "gzip"},
)
TASK = {
    "ReplicationTaskIdentifier": "NAME",
    "MigrationType": "full-load",
    "ReplicationInstanceArn": ref("Instance"),
    "SourceEndpointArn": ref("Source"),
    "TargetEndpointArn": ref("Target"),
}
TASK_ON = {
    **SUBNETS,
    "Group": GROUP,
    "Instance": resource("AWS::DMS::ReplicationInstance", **REPLICATES),
    "Source": resource("AWS::DMS::Endpoint", **SOURCE),
    "Target": TARGET,
}
CERTIFICATE = "arn:aws:iot:us-east-1:222222222222:cert/none"
RULE = {"Sql": "SELECT * FROM 'a'", "RuleDisabled": False}
FUNCTION = "arn:aws:lambda:us-east-1:222222222222:function:f:1"
CORES = [{"Id": "1", "CertificateArn": CERTIFICATE, "ThingArn": get("Thing"), "SyncShadow": False}]
FUNCTIONS = {"Functions": [{"Id": "1", "FunctionArn": FUNCTION, "FunctionConfiguration": {"Timeout": 3}}]}
SUBSCRIPTIONS = {"Subscriptions": [{"Id": "1", "Source": "cloud", "Subject": "a", "Target": FUNCTION}]}


def found(client: Client, reads: str, name: str, told: str) -> Any:
    listed = getattr(client("dms"), reads)()[told]
    [id_] = [key for key in (listed[0] if listed else {"Identifier": 0}) if key.endswith("Identifier")][:1]
    return only([each for each in listed if each[id_] == name])


def group(client: Client, name: str) -> Any:
    each = found(client, "describe_replication_subnet_groups", name, "ReplicationSubnetGroups")
    return each and [each["ReplicationSubnetGroupDescription"], len(each["Subnets"])]


def replicator(client: Client, name: str) -> Any:
    each = found(client, "describe_replication_instances", name, "ReplicationInstances")
    if not each:
        return None
    told = client("dms").list_tags_for_resource(ResourceArn=each["ReplicationInstanceArn"])["TagList"]
    own = {tag["Key"]: tag["Value"] for tag in told if not tag["Key"].startswith("aws:")}
    subnets = len(each["ReplicationSubnetGroup"]["Subnets"])
    return [each["ReplicationInstanceStatus"], each["ReplicationInstanceClass"], subnets, own]


def endpoint(client: Client, name: str) -> Any:
    each = found(client, "describe_endpoints", name, "Endpoints")
    return each and [each["Status"], each["Username"], each["Port"]]


def task(client: Client, name: str) -> Any:
    each = found(client, "describe_replication_tasks", name, "ReplicationTasks")
    return each and [each["Status"], json.loads(each["TableMappings"])]


def thing(client: Client, name: str) -> Any:
    return client("iot").describe_thing(thingName=name)["attributes"] or {"none": "none"}


def iot_policy(client: Client, name: str) -> Any:
    iot = client("iot")
    versions = iot.list_policy_versions(policyName=name)["policyVersions"]
    return [action_of(iot.get_policy(policyName=name)["policyDocument"]), len(versions)]


def rule(client: Client, name: str) -> Any:
    iot, stem = client("iot"), name.replace("-", "_")
    listed = only([each["ruleName"] for each in iot.list_topic_rules()["rules"] if each["ruleName"].startswith(stem)])
    if not listed:
        return None
    told = iot.get_topic_rule(ruleName=listed)["rule"]
    return [told["sql"], told["ruleDisabled"], [list(each) for each in told["actions"]]]


def definition(kind: str) -> Any:
    def look(client: Client, name: str) -> Any:
        api = client("greengrass")
        listed = getattr(api, f"list_{kind}_definitions")()["Definitions"]
        each = only([each for each in listed if each["Name"].startswith(name)])
        if not each:
            return None
        stem = f"{kind.title()}Definition"
        identity = {f"{stem}Id": each["Id"], f"{stem}VersionId": each["LatestVersion"]}
        version = getattr(api, f"get_{kind}_definition_version")(**identity)["Definition"]
        return [each["Name"], len(version[f"{kind.title()}s"])]

    return look


def greengrass(client: Client, name: str) -> Any:
    api = client("greengrass")
    each = only([each for each in api.list_groups()["Groups"] if each["Name"].startswith(name)])
    if not each:
        return None
    told = api.get_group_version(GroupId=each["Id"], GroupVersionId=each["LatestVersion"])["Definition"]
    return [each["Name"], api.get_associated_role(GroupId=each["Id"])["RoleArn"][-3:], sorted(told)]


def pipeline(client: Client, name: str) -> Any:
    api = client("datapipeline")
    each = only([each for each in api.list_pipelines()["pipelineIdList"] if each["name"] == name])
    if not each:
        return None
    objects = api.get_pipeline_definition(pipelineId=each["id"])["pipelineObjects"]
    [told] = api.describe_pipelines(pipelineIds=[each["id"]])["pipelineDescriptionList"]
    state = [field["stringValue"] for field in told["fields"] if field["key"] == "@pipelineState"]
    return [[each["id"] for each in objects], state]


def objects(*names: str) -> list[Any]:
    return [{"Id": name, "Name": name, "Fields": [{"Key": "type", "StringValue": "Property"}]} for name in names]


def mapped(schema: str) -> str:
    return json.dumps({"rules": [{"rule-type": "selection", "object-locator": {"schema-name": schema}}]})


def defined(kind: str, version: Any, others: Any = None) -> Case:
    properties = {"Name": "NAME-1", "InitialVersion": version}
    looked = definition(kind)
    attributes = ("Arn", "LatestVersionArn", "Id")
    type_ = f"AWS::Greengrass::{kind.title()}Definition"
    return Case(type_, properties, properties | {"Name": "NAME-2"}, looked, ["NAME-2", 1], others or {}, attributes)


CASES = {
    "subnets of migration": Case(
        GROUP["Type"],
        GROUP["Properties"],
        GROUP["Properties"]
        | {"ReplicationSubnetGroupDescription": "two", "SubnetIds": [ref("Subnet"), ref("Other"), ref("Third")]},
        group,
        ["two", 3],
        {**SUBNETS, "Third": THIRD},
    ),
    "instance of migration": Case(
        "AWS::DMS::ReplicationInstance",
        REPLICATES | {"Tags": tags("1")},
        REPLICATES | {"ReplicationInstanceClass": "dms.t3.large", "Tags": tags("2")},
        replicator,
        ["available", "dms.t3.large", 2, {"k": "2"}],
        {**SUBNETS, "Group": GROUP},
        ("ReplicationInstancePrivateIpAddresses",),
    ),
    "endpoint of migration": Case(
        "AWS::DMS::Endpoint",
        SOURCE | {"Password": "Passw0rd-1234"},
        SOURCE | {"Password": "Passw0rd-1234", "Username": "v", "Port": 3307},
        endpoint,
        ["active", "v", 3307],
    ),
    "task of migration": Case(
        "AWS::DMS::ReplicationTask",
        TASK | {"TableMappings": mapped("a")},
        TASK | {"TableMappings": mapped("b")},
        task,
        ["ready", json.loads(mapped("b"))],
        TASK_ON,
    ),
    "thing": Case(
        "AWS::IoT::Thing",
        {"ThingName": "NAME", "AttributePayload": {"Attributes": {"a": "1", "b": "1"}}},
        {"ThingName": "NAME", "AttributePayload": {"Attributes": {"b": "2"}}},
        thing,
        {"b": "2"},
        attributes=("Arn", "Id"),
    ),
    "policy of things": Case(
        "AWS::IoT::Policy",
        {"PolicyName": "NAME", "PolicyDocument": policy("iot:Connect")},
        {"PolicyName": "NAME", "PolicyDocument": policy("iot:Publish")},
        iot_policy,
        ["iot:Publish", 1],
        attributes=("Arn", "Id"),
    ),
    "rule of messages": Case(
        "AWS::IoT::TopicRule",
        {"TopicRulePayload": RULE | {"Actions": [{"Lambda": {"FunctionArn": FUNCTION}}]}},
        {"TopicRulePayload": RULE | {"Actions": [{"Sns": {"TargetArn": "a", "RoleArn": "r"}}], "RuleDisabled": True}},
        rule,
        ["SELECT * FROM 'a'", True, [["sns"]]],
        attributes=("Arn",),
    ),
    "functions of devices": defined("function", FUNCTIONS),
    "subscriptions of devices": defined("subscription", SUBSCRIPTIONS),
    "cores of devices": defined("core", {"Cores": CORES}, {"Thing": resource("AWS::IoT::Thing", ThingName="NAME")}),
    "version of cores": Case(
        "AWS::Greengrass::CoreDefinitionVersion",
        {"CoreDefinitionId": ref("Cores"), "Cores": CORES},
        {"CoreDefinitionId": ref("Cores"), "Cores": CORES},
        definition("core"),
        ["NAME", 1],
        {
            "Cores": resource("AWS::Greengrass::CoreDefinition", Name="NAME"),
            "Thing": resource("AWS::IoT::Thing", ThingName="NAME"),
        },
    ),
    "group of devices": Case(
        "AWS::Greengrass::Group",
        {
            "Name": "NAME-1",
            "RoleArn": "arn:aws:iam::222222222222:role/one",
            "InitialVersion": {"FunctionDefinitionVersionArn": get("Functions", "LatestVersionArn")},
        },
        {
            "Name": "NAME-2",
            "RoleArn": "arn:aws:iam::222222222222:role/two",
            "InitialVersion": {"FunctionDefinitionVersionArn": get("Functions", "LatestVersionArn")},
        },
        greengrass,
        ["NAME-2", "two", ["FunctionDefinitionVersionArn"]],
        {"Functions": resource("AWS::Greengrass::FunctionDefinition", Name="NAME", InitialVersion=FUNCTIONS)},
        ("Arn", "Id", "LatestVersionArn", "RoleArn", "RoleAttachedAt"),
    ),
    "data pipeline": Case(
        "AWS::DataPipeline::Pipeline",
        {"Name": "NAME", "Activate": False, "PipelineObjects": objects("a", "b")},
        {"Name": "NAME", "Activate": True, "PipelineObjects": objects("c")},
        pipeline,
        [["c"], ["SCHEDULED"]],
        attributes=("PipelineId",),
    ),
}
