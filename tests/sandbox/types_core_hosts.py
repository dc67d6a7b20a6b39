"""The cases of EC2's instances and what stands around them: load balancers, file systems, trails."""

from __future__ import annotations

import base64
from typing import Any

from types_core_cases import Case, Client, get, only, policy, ref, resource, tags
from types_core_networks import SUBNET, VPC, named

NETWORK = {"Vpc": VPC, "Subnet": SUBNET}
OTHER_SUBNET = resource("AWS::EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.0.2.0/24", AvailabilityZone="us-east-1b")
OWN_NAME = [{"Key": "Name", "Value": "NAME"}]
INSTANCE: dict[str, Any] = {
    "ImageId": "ami-12c6146b",
    "InstanceType": "t3.micro",
    "SubnetId": ref("Subnet"),
    "UserData": base64.b64encode(b"#!/bin/sh").decode(),
    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3"}}],
    "Tags": OWN_NAME,
}
HOST = resource("AWS::EC2::Instance", **INSTANCE)
BALANCER = resource("AWS::ElasticLoadBalancingV2::LoadBalancer", Name="NAME", Subnets=[ref("Subnet"), ref("Other")])
TARGETS = resource("AWS::ElasticLoadBalancingV2::TargetGroup", Name="NAME", Port=80, Protocol="HTTP", VpcId=ref("Vpc"))
FIXED = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
FORWARD = [{"Type": "forward", "TargetGroupArn": ref("Targets")}]
LISTENER = resource(
    "AWS::ElasticLoadBalancingV2::Listener",
    LoadBalancerArn=ref("Balancer"),
    Port=80,
    Protocol="HTTP",
    DefaultActions=FIXED,
)
BEHIND = {**NETWORK, "Other": OTHER_SUBNET, "Balancer": BALANCER, "Targets": TARGETS}
FILES = resource("AWS::EFS::FileSystem", FileSystemTags=OWN_NAME)
TRAILED = resource("AWS::S3::Bucket", BucketName="NAME")


def instance(client: Client, name: str) -> Any:
    ec2 = client("ec2")
    listed = [each for one in ec2.describe_instances(Filters=named(name))["Reservations"] for each in one["Instances"]]
    found = only([each for each in listed if each["State"]["Name"] != "terminated"])
    if not found:
        return None
    data = ec2.describe_instance_attribute(InstanceId=found["InstanceId"], Attribute="userData")["UserData"]["Value"]
    ids = [each["Ebs"]["VolumeId"] for each in found["BlockDeviceMappings"]]
    sizes = [each["Size"] for each in ec2.describe_volumes(VolumeIds=ids)["Volumes"]]
    return base64.b64decode(data).decode(), sizes, found["SourceDestCheck"], len(found["Tags"])


def interface(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_network_interfaces(Filters=named(name))["NetworkInterfaces"])
    return found and (found["SourceDestCheck"], found["Description"])


def launch_template(client: Client, name: str) -> Any:
    found = client("ec2").describe_launch_template_versions(LaunchTemplateName=name)["LaunchTemplateVersions"]
    return [
        each["LaunchTemplateData"]["InstanceType"] for each in sorted(found, key=lambda each: each["VersionNumber"])
    ]


def key_pair(client: Client, name: str) -> Any:
    [pair] = client("ec2").describe_key_pairs(KeyNames=[name])["KeyPairs"]
    secret = client("ssm").get_parameter(Name=f"/ec2/keypair/{pair['KeyPairId']}", WithDecryption=True)
    return secret["Parameter"]["Type"], "PRIVATE KEY" in secret["Parameter"]["Value"]


def acl(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_network_acls(Filters=named(name))["NetworkAcls"])
    if not found:
        return None
    entries = [each for each in found["Entries"] if each["RuleNumber"] < 32767]
    return len(found["Tags"]), [each["RuleAction"] for each in entries], len(found["Associations"])


def dhcp_options(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_dhcp_options(Filters=named(name))["DhcpOptions"])
    return found and {each["Key"]: [value["Value"] for value in each["Values"]] for each in found["DhcpConfigurations"]}


def of_vpc(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_vpcs(Filters=named(name))["Vpcs"])
    return found and found.get("DhcpOptionsId", "")[:5]


def address(client: Client, name: str) -> Any:
    found = only(client("ec2").describe_addresses(Filters=named(name))["Addresses"])
    return found and found.get("InstanceId", "")[:2]


def peering(client: Client, name: str) -> Any:
    listed = client("ec2").describe_vpc_peering_connections(Filters=named(name))["VpcPeeringConnections"]
    found = only([each for each in listed if each["Status"]["Code"] != "deleted"])
    return found and (found["Status"]["Code"], len(found["Tags"]))


def balancer(client: Client, name: str) -> Any:
    elb = client("elbv2")
    [found] = elb.describe_load_balancers(Names=[name])["LoadBalancers"]
    told = elb.describe_load_balancer_attributes(LoadBalancerArn=found["LoadBalancerArn"])["Attributes"]
    idle = [each["Value"] for each in told if each["Key"] == "idle_timeout.timeout_seconds"]
    return found["Scheme"], len(found["AvailabilityZones"]), idle


def target_group(client: Client, name: str) -> Any:
    elb = client("elbv2")
    [found] = elb.describe_target_groups(Names=[name])["TargetGroups"]
    targets = elb.describe_target_health(TargetGroupArn=found["TargetGroupArn"])["TargetHealthDescriptions"]
    return found["HealthCheckPath"], sorted(each["Target"]["Port"] for each in targets)


def listener(client: Client, name: str) -> Any:
    found = _listeners(client, name)
    return found and [[each["Port"], each["DefaultActions"][0]["Type"]] for each in found]


def _listeners(client: Client, name: str) -> Any:
    elb = client("elbv2")
    [found] = elb.describe_load_balancers(Names=[name])["LoadBalancers"]
    return elb.describe_listeners(LoadBalancerArn=found["LoadBalancerArn"])["Listeners"]


def rule(client: Client, name: str) -> Any:
    [found] = _listeners(client, name)
    rules = client("elbv2").describe_rules(ListenerArn=found["ListenerArn"])["Rules"]
    return [[each["Priority"], each["Actions"][0]["Type"]] for each in rules if not each["IsDefault"]]


def file_system(client: Client, name: str) -> Any:
    found = only([each for each in client("efs").describe_file_systems()["FileSystems"] if each.get("Name") == name])
    if not found:
        return None
    policies = client("efs").describe_lifecycle_configuration(FileSystemId=found["FileSystemId"])
    return found["Encrypted"], policies["LifecyclePolicies"]


def mount_target(client: Client, name: str) -> Any:
    found = only([each for each in client("efs").describe_file_systems()["FileSystems"] if each.get("Name") == name])
    if not found:
        return None
    target = only(client("efs").describe_mount_targets(FileSystemId=found["FileSystemId"])["MountTargets"])
    groups = client("efs").describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])
    return len(groups["SecurityGroups"])


def access_point(client: Client, name: str) -> Any:
    found = [each for each in client("efs").describe_access_points()["AccessPoints"] if each.get("Name") == name]
    return found and [len(found[0]["Tags"]), found[0]["RootDirectory"]["Path"]]


def trail(client: Client, name: str) -> Any:
    found = client("cloudtrail").get_trail(Name=name)["Trail"]
    return found["S3BucketName"], client("cloudtrail").get_trail_status(Name=name)["IsLogging"]


CASES = {
    "instance": Case(
        "AWS::EC2::Instance",
        INSTANCE,
        INSTANCE | {"SourceDestCheck": False, "Tags": [*OWN_NAME, *tags("2")]},
        instance,
        ["#!/bin/sh", [20], False, 2],
        NETWORK,
        ("PrivateIp", "PrivateDnsName", "AvailabilityZone", "VpcId", "InstanceId"),
    ),
    "network interface": Case(
        "AWS::EC2::NetworkInterface",
        {"SubnetId": ref("Subnet"), "Description": "d", "Tags": OWN_NAME},
        {"SubnetId": ref("Subnet"), "Description": "d", "Tags": OWN_NAME, "SourceDestCheck": False},
        interface,
        [False, "d"],
        NETWORK,
        ("PrimaryPrivateIpAddress", "VpcId", "Id"),
    ),
    "launch template": Case(
        "AWS::EC2::LaunchTemplate",
        {"LaunchTemplateName": "NAME", "LaunchTemplateData": {"InstanceType": "t3.micro"}},
        {"LaunchTemplateName": "NAME", "LaunchTemplateData": {"InstanceType": "t3.small"}},
        launch_template,
        ["t3.micro", "t3.small"],
        attributes=("LatestVersionNumber", "DefaultVersionNumber"),
    ),
    "key pair": Case(
        "AWS::EC2::KeyPair",
        {"KeyName": "NAME"},
        {"KeyName": "NAME"},
        key_pair,
        ["SecureString", True],
        attributes=("KeyPairId", "KeyFingerprint"),
    ),
    "network ACL": Case(
        "AWS::EC2::NetworkAcl",
        {"VpcId": ref("Vpc"), "Tags": OWN_NAME},
        {"VpcId": ref("Vpc"), "Tags": [*OWN_NAME, *tags("2")]},
        acl,
        [2, [], 0],
        {"Vpc": VPC},
        ("Id",),
    ),
    "network ACL entry": Case(
        "AWS::EC2::NetworkAclEntry",
        {
            "NetworkAclId": ref("Acl"),
            "RuleNumber": 100,
            "Protocol": -1,
            "RuleAction": "allow",
            "CidrBlock": "0.0.0.0/0",
        },
        {"NetworkAclId": ref("Acl"), "RuleNumber": 100, "Protocol": -1, "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"},
        acl,
        [1, ["deny"], 0],
        {"Vpc": VPC, "Acl": resource("AWS::EC2::NetworkAcl", VpcId=ref("Vpc"), Tags=OWN_NAME)},
    ),
    "network ACL of a subnet": Case(
        "AWS::EC2::SubnetNetworkAclAssociation",
        {"NetworkAclId": ref("Acl"), "SubnetId": ref("Subnet")},
        {"NetworkAclId": ref("Acl"), "SubnetId": ref("Subnet")},
        acl,
        [1, [], 1],
        {**NETWORK, "Acl": resource("AWS::EC2::NetworkAcl", VpcId=ref("Vpc"), Tags=OWN_NAME)},
        ("AssociationId",),
    ),
    "DHCP options": Case(
        "AWS::EC2::DHCPOptions",
        {"DomainName": "example.com", "DomainNameServers": ["AmazonProvidedDNS"], "Tags": OWN_NAME},
        {"DomainName": "example.com", "DomainNameServers": ["AmazonProvidedDNS"], "Tags": [*OWN_NAME, *tags("2")]},
        dhcp_options,
        {"domain-name": ["example.com"], "domain-name-servers": ["AmazonProvidedDNS"]},
        attributes=("DhcpOptionsId",),
    ),
    "DHCP options of a VPC": Case(
        "AWS::EC2::VPCDHCPOptionsAssociation",
        {"DhcpOptionsId": ref("Options"), "VpcId": ref("Vpc")},
        {"DhcpOptionsId": ref("Options"), "VpcId": ref("Vpc")},
        of_vpc,
        "dopt-",
        {"Vpc": VPC, "Options": resource("AWS::EC2::DHCPOptions", DomainName="example.com")},
    ),
    "address of an instance": Case(
        "AWS::EC2::EIPAssociation",
        {"AllocationId": get("Address", "AllocationId"), "InstanceId": ref("Host")},
        {"AllocationId": get("Address", "AllocationId"), "InstanceId": ref("Host")},
        address,
        "i-",
        {**NETWORK, "Host": HOST, "Address": resource("AWS::EC2::EIP", Tags=OWN_NAME)},
        ("Id",),
    ),
    "address with its instance": Case(
        "AWS::EC2::EIP",
        {"InstanceId": ref("Host"), "Tags": OWN_NAME},
        {"InstanceId": ref("Host"), "Tags": OWN_NAME},
        address,
        "i-",
        {**NETWORK, "Host": HOST},
    ),
    "peering": Case(
        "AWS::EC2::VPCPeeringConnection",
        {"VpcId": ref("Vpc"), "PeerVpcId": ref("Peer"), "Tags": OWN_NAME},
        {"VpcId": ref("Vpc"), "PeerVpcId": ref("Peer"), "Tags": [*OWN_NAME, *tags("2")]},
        peering,
        ["active", 2],
        {"Vpc": VPC, "Peer": resource("AWS::EC2::VPC", CidrBlock="10.1.0.0/16")},
        ("Id",),
    ),
    "load balancer": Case(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        {"Name": "NAME", "Scheme": "internal", "Subnets": [ref("Subnet"), ref("Other")]},
        {
            "Name": "NAME",
            "Scheme": "internal",
            "Subnets": [ref("Subnet"), ref("Other")],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": 30}],
            "Tags": tags("2"),
        },
        balancer,
        ["internal", 2, ["30"]],
        {**NETWORK, "Other": OTHER_SUBNET},
        ("DNSName", "LoadBalancerName", "LoadBalancerFullName", "CanonicalHostedZoneID"),
    ),
    "target group": Case(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {"Name": "NAME", "Port": 80, "Protocol": "HTTP", "VpcId": ref("Vpc"), "HealthCheckPath": "/one"},
        {
            "Name": "NAME",
            "Port": 80,
            "Protocol": "HTTP",
            "VpcId": ref("Vpc"),
            "HealthCheckPath": "/two",
            "Targets": [{"Id": ref("Host"), "Port": 8080}],
        },
        target_group,
        ["/two", [8080]],
        {**NETWORK, "Host": HOST},
        ("TargetGroupName", "TargetGroupFullName"),
    ),
    "listener": Case(
        "AWS::ElasticLoadBalancingV2::Listener",
        LISTENER["Properties"],
        LISTENER["Properties"] | {"Port": 8080, "DefaultActions": FORWARD},
        listener,
        [[8080, "forward"]],
        BEHIND,
        ("ListenerArn",),
    ),
    "listener rule": Case(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": ref("Listener"),
            "Priority": 10,
            "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}],
            "Actions": FIXED,
        },
        {
            "ListenerArn": ref("Listener"),
            "Priority": 20,
            "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}],
            "Actions": FORWARD,
        },
        rule,
        [["20", "forward"]],
        {**BEHIND, "Listener": LISTENER},
        ("RuleArn",),
    ),
    "file system": Case(
        "AWS::EFS::FileSystem",
        {"Encrypted": True, "FileSystemTags": OWN_NAME},
        {
            "Encrypted": True,
            "FileSystemTags": OWN_NAME,
            "LifecyclePolicies": [{"TransitionToIA": "AFTER_30_DAYS"}],
        },
        file_system,
        [True, [{"TransitionToIA": "AFTER_30_DAYS"}]],
        attributes=("Arn", "FileSystemId"),
    ),
    "mount target": Case(
        "AWS::EFS::MountTarget",
        {
            "FileSystemId": ref("Files"),
            "SubnetId": ref("Subnet"),
            "SecurityGroups": [get("Vpc", "DefaultSecurityGroup")],
        },
        {
            "FileSystemId": ref("Files"),
            "SubnetId": ref("Subnet"),
            "SecurityGroups": [get("Vpc", "DefaultSecurityGroup")],
        },
        mount_target,
        1,
        {**NETWORK, "Files": FILES},
        ("IpAddress", "Id"),
    ),
    "access point": Case(
        "AWS::EFS::AccessPoint",
        {"FileSystemId": ref("Files"), "RootDirectory": {"Path": "/data"}, "AccessPointTags": OWN_NAME},
        {"FileSystemId": ref("Files"), "RootDirectory": {"Path": "/data"}, "AccessPointTags": [*OWN_NAME, *tags("2")]},
        access_point,
        [2, "/data"],
        {"Files": resource("AWS::EFS::FileSystem")},
        ("Arn", "AccessPointId"),
    ),
    "trail": Case(
        "AWS::CloudTrail::Trail",
        {"TrailName": "NAME", "S3BucketName": ref("Bucket"), "IsLogging": True},
        {"TrailName": "NAME", "S3BucketName": ref("Bucket"), "IsLogging": False, "EnableLogFileValidation": True},
        trail,
        ["NAME", False],
        {
            "Bucket": TRAILED,
            "Policy": resource(
                "AWS::S3::BucketPolicy",
                Bucket=ref("Bucket"),
                PolicyDocument=policy(
                    "s3:PutObject", "arn:aws:s3:::NAME/*", Principal={"Service": "cloudtrail.amazonaws.com"}
                ),
            ),
        },
        ("Arn",),
    ),
}
