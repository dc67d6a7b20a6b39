"""The cases of EC2's networks and of the catalogues and settings that are kept only."""

from __future__ import annotations

import json
from typing import Any

from types_core_cases import ACCOUNT, Case, Client, get, only, ref, resource, tags

VPC = resource("AWS::EC2::VPC", CidrBlock="10.0.0.0/16", Tags=[{"Key": "Name", "Value": "NAME"}])
SUBNET = resource("AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a")
GATEWAY = resource("AWS::EC2::InternetGateway")
TABLE = resource("AWS::EC2::RouteTable", VpcId=ref("Vpc"), Tags=[{"Key": "Name", "Value": "NAME"}])
GROUP = resource("AWS::EC2::SecurityGroup", GroupName="NAME", GroupDescription="d", VpcId=ref("Vpc"))
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/NAME"
OWN_NAME = [{"Key": "Name", "Value": "NAME"}]


def named(name: str) -> list[Any]:
    return [{"Name": "tag:Name", "Values": [name]}]


def vpc(client: Client, name: str) -> Any:
    ec2 = client("ec2")
    found = only(ec2.describe_vpcs(Filters=named(name))["Vpcs"])
    if not found:
        return None
    told = ec2.describe_vpc_attribute(VpcId=found["VpcId"], Attribute="enableDnsHostnames")
    return told["EnableDnsHostnames"]["Value"], len(found["Tags"])


def subnet(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_subnets(Filters=named(name))["Subnets"])
    return found and (found["CidrBlock"], found["MapPublicIpOnLaunch"])


def gateway(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_internet_gateways(Filters=named(name))["InternetGateways"])
    return found and len(found["Tags"])


def attached(client: Client, name: str) -> Any:
    network = only(client("ec2").describe_vpcs(Filters=named(name))["Vpcs"])
    found = client("ec2").describe_internet_gateways(Filters=named(f"{name}-2"))["InternetGateways"]
    return network and {"two": [each["VpcId"] == network["VpcId"] for each in found[0]["Attachments"]]}


def routes(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_route_tables(Filters=named(name))["RouteTables"])
    ours = [each for each in found["Routes"] if each.get("DestinationCidrBlock") == "0.0.0.0/0"] if found else []
    return [sorted(key for key in each if key in ("GatewayId", "NatGatewayId")) for each in ours]


def associated(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_route_tables(Filters=named(name))["RouteTables"])
    return found and len(found["Associations"])


def route_table(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_route_tables(Filters=named(name))["RouteTables"])
    return found and len(found["Tags"])


def security_group(client: Client, name: str) -> Any:
    found = only(
        client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
    )
    if not found:
        return None
    ports = [each.get("FromPort") for each in found["IpPermissions"]]
    out = [each["IpProtocol"] for each in found["IpPermissionsEgress"]]
    return ports, out


def rule(client: Client, name: str) -> Any:
    found = only(
        client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
    )
    return found and [each["IpRanges"][0].get("Description") for each in found["IpPermissions"]]


def egress(client: Client, name: str) -> Any:
    found = only(
        client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
    )
    return found and [each["FromPort"] for each in found["IpPermissionsEgress"] if "FromPort" in each]


def address(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_addresses(Filters=named(name))["Addresses"])
    return found and len(found["Tags"])


def nat(client: Client, name: str) -> Any:
    listed = client("ec2").describe_nat_gateways(Filters=named(name))["NatGateways"]
    found = only([each for each in listed if each["State"] != "deleted"])
    return found and len(found["Tags"])


def endpoint(client: Client, name: str) -> Any:
    network = only(client("ec2").describe_vpcs(Filters=named(name))["Vpcs"])
    if not network:
        return None
    ours = [{"Name": "vpc-id", "Values": [network["VpcId"]]}]
    found = only(client("ec2").describe_vpc_endpoints(Filters=ours)["VpcEndpoints"])
    return len(found["RouteTableIds"])


def flow_log(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_flow_logs(Filters=[{"Name": "log-group-name", "Values": [name]}])["FlowLogs"])
    return found and found["TrafficType"]


def budget(client: Client, name: str) -> Any:
    api, named_ = client("budgets"), {"AccountId": ACCOUNT, "BudgetName": name}
    found = api.describe_budget(**named_)["Budget"]
    told = api.describe_notifications_for_budget(**named_)["Notifications"]
    return float(found["BudgetLimit"]["Amount"]), [each["Threshold"] for each in told]


def config_rule(client: Client, name: str) -> Any:
    found = only(client("config").describe_config_rules(ConfigRuleNames=[name])["ConfigRules"])
    return found and (found["Description"], json.loads(found["InputParameters"]))


def recorder(client: Client, name: str) -> Any:
    found = client("config").describe_configuration_recorders(ConfigurationRecorderNames=[name])
    group = only(found["ConfigurationRecorders"])["recordingGroup"]
    return {"all": group.get("allSupported")}


def channel(client: Client, name: str) -> Any:
    found = client("config").describe_delivery_channels(DeliveryChannelNames=[name])["DeliveryChannels"]
    return only(found)["s3KeyPrefix"]


def database(client: Client, name: str) -> Any:
    return client("glue").get_database(Name=name)["Database"].get("Description")


def glue_table(client: Client, name: str) -> Any:
    found = client("glue").get_table(DatabaseName=name, Name=name)["Table"]
    return [column["Name"] for column in found["StorageDescriptor"]["Columns"]]


def lake(client: Client, name: str) -> Any:
    return client("lakeformation").describe_resource(ResourceArn=f"arn:aws:s3:::{name}")["ResourceInfo"]["RoleArn"]


def admins(client: Client, name: str) -> Any:
    found = client("lakeformation").get_data_lake_settings()["DataLakeSettings"].get("DataLakeAdmins", [])
    return [each["DataLakePrincipalIdentifier"] for each in found if name in each["DataLakePrincipalIdentifier"]]


def grants(client: Client, name: str) -> Any:
    listed = client("lakeformation").list_permissions()["PrincipalResourcePermissions"]
    ours = [each for each in listed if name in each["Principal"]["DataLakePrincipalIdentifier"]]
    return [sorted(each["Permissions"]) for each in ours if each["Permissions"]]


def group_rules(port: int, **more: Any) -> dict[str, Any]:
    opened = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/8"}
    return {"GroupName": "NAME", "GroupDescription": "d", "VpcId": ref("Vpc"), "SecurityGroupIngress": [opened], **more}


def columns(*names: str) -> dict[str, Any]:
    listed = [{"Name": each, "Type": "string"} for each in names]
    return {
        "CatalogId": ref("AWS::AccountId"),
        "DatabaseName": ref("Database"),
        "TableInput": {"Name": "NAME", "StorageDescriptor": {"Columns": listed}},
    }


def opened(told: str) -> dict[str, Any]:
    return {
        "GroupId": get("Group", "GroupId"),
        "IpProtocol": "tcp",
        "FromPort": 80,
        "ToPort": 80,
        "CidrIp": "10.0.0.0/8",
        "Description": told,
    }


def judged(told: str, days: int) -> dict[str, Any]:
    return {
        "ConfigRuleName": "NAME",
        "Description": told,
        "InputParameters": {"maxAccessKeyAge": str(days)},
        "Source": {"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"},
    }


def spent(amount: int) -> dict[str, Any]:
    notification = {"ComparisonOperator": "GREATER_THAN", "NotificationType": "ACTUAL", "Threshold": 80}
    subscriber = {"Address": "a@example.com", "SubscriptionType": "EMAIL"}
    return {
        "Budget": {
            "BudgetName": "NAME",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": amount, "Unit": "USD"},
        },
        "NotificationsWithSubscribers": [{"Notification": notification, "Subscribers": [subscriber]}],
    }


DATABASE = resource("AWS::Glue::Database", CatalogId=ref("AWS::AccountId"), DatabaseInput={"Name": "NAME"})
ROUTE = {"RouteTableId": ref("Table"), "DestinationCidrBlock": "0.0.0.0/0"}
ROUTED = {
    "Vpc": VPC,
    "Table": TABLE,
    "Subnet": SUBNET,
    "Gateway": GATEWAY,
    "Way": resource("AWS::EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
    "Address": resource("AWS::EC2::EIP"),
    "Nat": resource("AWS::EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId=get("Address", "AllocationId")),
}
TWO = {"Vpc": VPC, "Table": TABLE, "Other": resource("AWS::EC2::RouteTable", VpcId=ref("Vpc"))}
MORE = [*OWN_NAME, {"Key": "k", "Value": "v"}]
S3_ENDPOINT = {"VpcId": ref("Vpc"), "ServiceName": "com.amazonaws.us-east-1.s3"}
FLOW = {"ResourceType": "VPC", "ResourceId": ref("Vpc"), "TrafficType": "ALL", "LogGroupName": "NAME"}
READER = {"DataLakePrincipal": {"DataLakePrincipalIdentifier": ADMIN}}
IN_DATABASE = {"DatabaseResource": {"CatalogId": ACCOUNT, "Name": ref("Database")}}

CASES = {
    "vpc": Case(
        "AWS::EC2::VPC",
        {"CidrBlock": "10.0.0.0/16", "Tags": OWN_NAME},
        {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True, "Tags": MORE},
        vpc,
        (True, 2),
        attributes=("VpcId", "CidrBlock", "DefaultNetworkAcl", "DefaultSecurityGroup"),
    ),
    "subnet": Case(
        "AWS::EC2::Subnet",
        {"VpcId": ref("Vpc"), "CidrBlock": "10.0.1.0/24", "Tags": OWN_NAME},
        {"VpcId": ref("Vpc"), "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": True, "Tags": OWN_NAME},
        subnet,
        ("10.0.1.0/24", True),
        {"Vpc": VPC},
        ("SubnetId", "AvailabilityZone", "CidrBlock", "VpcId", "NetworkAclAssociationId"),
    ),
    "internet gateway": Case(
        "AWS::EC2::InternetGateway",
        {"Tags": OWN_NAME},
        {"Tags": MORE},
        gateway,
        2,
        attributes=("InternetGatewayId",),
    ),
    "attachment": Case(
        "AWS::EC2::VPCGatewayAttachment",
        {"VpcId": ref("Vpc"), "InternetGatewayId": ref("One")},
        {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Two")},
        attached,
        {"two": [True]},
        {
            "Vpc": VPC,
            "One": GATEWAY,
            "Two": resource("AWS::EC2::InternetGateway", Tags=[{"Key": "Name", "Value": "NAME-2"}]),
        },
        ("AttachmentType",),
    ),
    "route table": Case(
        "AWS::EC2::RouteTable",
        {"VpcId": ref("Vpc"), "Tags": OWN_NAME},
        {"VpcId": ref("Vpc"), "Tags": MORE},
        route_table,
        2,
        {"Vpc": VPC},
        ("RouteTableId",),
    ),
    "route": Case(
        "AWS::EC2::Route",
        ROUTE | {"GatewayId": ref("Gateway")},
        ROUTE | {"NatGatewayId": ref("Nat")},
        routes,
        [["NatGatewayId"]],
        ROUTED,
        ("CidrBlock",),
    ),
    "association": Case(
        "AWS::EC2::SubnetRouteTableAssociation",
        {"SubnetId": ref("Subnet"), "RouteTableId": ref("Table")},
        {"SubnetId": ref("Subnet"), "RouteTableId": ref("Table")},
        associated,
        1,
        {"Vpc": VPC, "Table": TABLE, "Subnet": SUBNET},
        ("Id",),
    ),
    "security group": Case(
        "AWS::EC2::SecurityGroup",
        group_rules(80, Tags=tags("1")),
        group_rules(
            443,
            Tags=tags("2"),
            SecurityGroupEgress=[{"IpProtocol": "tcp", "FromPort": 53, "ToPort": 53, "CidrIp": "0.0.0.0/0"}],
        ),
        security_group,
        ([443], ["tcp"]),
        {"Vpc": VPC},
        ("GroupId", "GroupName", "VpcId"),
    ),
    "ingress": Case(
        "AWS::EC2::SecurityGroupIngress",
        opened("old"),
        opened("new"),
        rule,
        ["new"],
        {"Vpc": VPC, "Group": GROUP},
        ("Id",),
    ),
    "egress": Case(
        "AWS::EC2::SecurityGroupEgress",
        opened("old"),
        opened("old"),
        egress,
        [80],
        {"Vpc": VPC, "Group": GROUP},
        ("Id",),
    ),
    "address": Case(
        "AWS::EC2::EIP", {"Tags": OWN_NAME}, {"Tags": MORE}, address, 2, attributes=("AllocationId", "PublicIp")
    ),
    "nat gateway": Case(
        "AWS::EC2::NatGateway",
        {"SubnetId": ref("Subnet"), "AllocationId": get("Address", "AllocationId"), "Tags": OWN_NAME},
        {"SubnetId": ref("Subnet"), "AllocationId": get("Address", "AllocationId"), "Tags": MORE},
        nat,
        2,
        {"Vpc": VPC, "Subnet": SUBNET, "Address": resource("AWS::EC2::EIP")},
        ("NatGatewayId",),
    ),
    "endpoint": Case(
        "AWS::EC2::VPCEndpoint",
        S3_ENDPOINT | {"RouteTableIds": [ref("Table")]},
        S3_ENDPOINT | {"RouteTableIds": [ref("Table"), ref("Other")]},
        endpoint,
        2,
        TWO,
        ("Id",),
    ),
    "flow log": Case(
        "AWS::EC2::FlowLog",
        FLOW | {"DeliverLogsPermissionArn": get("Role"), "Tags": tags("1")},
        FLOW | {"DeliverLogsPermissionArn": get("Role"), "Tags": tags("2")},
        flow_log,
        "ALL",
        {
            "Vpc": VPC,
            "Role": resource(
                "AWS::IAM::Role",
                AssumeRolePolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
            ),
        },
        ("Id",),
    ),
    "budget": Case("AWS::Budgets::Budget", spent(5), spent(5), budget, (5.0, [80.0]), attributes=("Id",)),
    "config rule": Case(
        "AWS::Config::ConfigRule",
        judged("old", 30),
        judged("new", 60),
        config_rule,
        ("new", {"maxAccessKeyAge": "60"}),
        attributes=("Arn", "ConfigRuleId"),
    ),
    "recorder": Case(
        "AWS::Config::ConfigurationRecorder",
        {"Name": "NAME", "RoleARN": ADMIN, "RecordingGroup": {"ResourceTypes": ["AWS::S3::Bucket"]}},
        {"Name": "NAME", "RoleARN": ADMIN, "RecordingGroup": {"AllSupported": True}},
        recorder,
        {"all": True},
    ),
    "delivery channel": Case(
        "AWS::Config::DeliveryChannel",
        {"Name": "NAME", "S3BucketName": ref("Bucket"), "S3KeyPrefix": "old"},
        {"Name": "NAME", "S3BucketName": ref("Bucket"), "S3KeyPrefix": "new"},
        channel,
        "new",
        {
            "Bucket": {"DependsOn": "Recorder"} | resource("AWS::S3::Bucket", BucketName="NAME"),
            "Recorder": resource(
                "AWS::Config::ConfigurationRecorder", Name="NAME", RoleARN=ADMIN, RecordingGroup={"AllSupported": True}
            ),
        },
    ),
    "database": Case(
        "AWS::Glue::Database",
        {"CatalogId": ref("AWS::AccountId"), "DatabaseInput": {"Name": "NAME", "Description": "old"}},
        {"CatalogId": ref("AWS::AccountId"), "DatabaseInput": {"Name": "NAME", "Description": "new"}},
        database,
        "new",
    ),
    "catalogue table": Case(
        "AWS::Glue::Table", columns("a"), columns("a", "b"), glue_table, ["a", "b"], {"Database": DATABASE}
    ),
    "lake resource": Case(
        "AWS::LakeFormation::Resource",
        {"ResourceArn": "arn:aws:s3:::NAME", "RoleArn": ADMIN, "UseServiceLinkedRole": False},
        {"ResourceArn": "arn:aws:s3:::NAME", "RoleArn": ADMIN, "UseServiceLinkedRole": False},
        lake,
        ADMIN,
        attributes=("Id",),
    ),
    "lake settings": Case(
        "AWS::LakeFormation::DataLakeSettings",
        {"Admins": [{"DataLakePrincipalIdentifier": ADMIN}]},
        {"Admins": [{"DataLakePrincipalIdentifier": f"{ADMIN}-2"}]},
        admins,
        [f"{ADMIN}-2"],
        attributes=("Id",),
    ),
    "lake grant": Case(
        "AWS::LakeFormation::PrincipalPermissions",
        {
            "Principal": {"DataLakePrincipalIdentifier": ADMIN},
            "Resource": {"Database": {"CatalogId": ACCOUNT, "Name": ref("Database")}},
            "Permissions": ["ALTER"],
            "PermissionsWithGrantOption": [],
        },
        {
            "Principal": {"DataLakePrincipalIdentifier": ADMIN},
            "Resource": {"Database": {"CatalogId": ACCOUNT, "Name": ref("Database")}},
            "Permissions": ["ALTER"],
            "PermissionsWithGrantOption": [],
        },
        grants,
        [["ALTER"]],
        {"Database": DATABASE},
        ("PrincipalIdentifier", "ResourceIdentifier"),
    ),
    "lake permissions": Case(
        "AWS::LakeFormation::Permissions",
        READER | {"Resource": IN_DATABASE, "Permissions": ["ALTER"]},
        READER | {"Resource": IN_DATABASE, "Permissions": ["ALTER", "DROP"]},
        grants,
        [["ALTER", "DROP"]],
        {"Database": DATABASE},
        ("Id",),
    ),
}
