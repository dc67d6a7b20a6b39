"""The cases of what would compute: classic load balancers, ECS, EKS, EMR, and directories."""

from __future__ import annotations

from typing import Any

from types_core_cases import Case, Client, get, only, ref, resource, tags
from types_core_hosts import HOST, NETWORK, OTHER_SUBNET

SUBNETS = {**NETWORK, "Other": OTHER_SUBNET}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ROLE = resource("AWS::IAM::Role", AssumeRolePolicyDocument=TRUST)
HTTP = {"LoadBalancerPort": "80", "InstancePort": "80", "Protocol": "HTTP"}
TCP = {"LoadBalancerPort": "8443", "InstancePort": "443", "Protocol": "TCP", "InstanceProtocol": "TCP"}
STICKY = HTTP | {"PolicyNames": ["sticky"], "InstancePort": "8080"}
CHECK = {"Target": "HTTP:80/", "HealthyThreshold": "3", "UnhealthyThreshold": "5", "Interval": "30", "Timeout": "5"}
CLASSIC = {"LoadBalancerName": "NAME", "Subnets": [ref("Subnet")], "CrossZone": "true", "HealthCheck": CHECK}
TASK = resource(
    "AWS::ECS::TaskDefinition",
    Family="NAME",
    ContainerDefinitions=[{"Name": "a", "Image": "httpd:2.4", "Memory": 300, "PortMappings": [{"ContainerPort": 80}]}],
)
SERVICE = {"ServiceName": "NAME", "Cluster": ref("Cluster"), "TaskDefinition": ref("Task")}
ON = {"Cluster": resource("AWS::ECS::Cluster", ClusterName="NAME"), "Task": TASK}
PLACED = {"SubnetIds": [ref("Subnet"), ref("Other")]}
KUBERNETES = {"Name": "NAME", "RoleArn": get("Role"), "Version": "1.30"}
NODES = {
    "NodegroupName": "NAME",
    "ClusterName": ref("Cluster"),
    "NodeRole": get("Role"),
    "Subnets": [ref("Subnet"), ref("Other")],
    "LaunchTemplate": {"Id": ref("Launch")},
}
NODES_ON = {
    **SUBNETS,
    "Role": ROLE,
    "Cluster": resource("AWS::EKS::Cluster", **KUBERNETES, ResourcesVpcConfig=PLACED),
    "Launch": resource("AWS::EC2::LaunchTemplate", LaunchTemplateData={"InstanceType": "t3.micro"}),
}
DIRECTORY = {
    "Name": "NAME.example.com",
    "Password": "Passw0rd-1234",
    "VpcSettings": {"VpcId": ref("Vpc"), "SubnetIds": [ref("Subnet"), ref("Other")]},
}


def hadoop(nodes: int, *, is_protected: bool, value: str) -> dict[str, Any]:
    group = {"InstanceType": "m5.xlarge", "Market": "ON_DEMAND"}
    return {
        "Name": "NAME",
        "ReleaseLabel": "emr-6.15.0",
        "ServiceRole": "EMR_DefaultRole",
        "JobFlowRole": "EMR_EC2_DefaultRole",
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
        "Applications": [{"Name": "Spark"}],
        "Configurations": [{"Classification": "hbase", "ConfigurationProperties": {"hbase.emr.storageMode": "s3"}}],
        "VisibleToAllUsers": True,
        "Instances": {
            "MasterInstanceGroup": {"InstanceCount": 1, "Name": "Master", **group},
            "CoreInstanceGroup": {"InstanceCount": nodes, "Name": "Core", **group},
            "TerminationProtected": is_protected,
        },
        "Tags": tags(value),
    }


def classic(client: Client, name: str) -> Any:
    elb = client("elb")
    [found] = elb.describe_load_balancers(LoadBalancerNames=[name])["LoadBalancerDescriptions"]
    listeners = {
        each["Listener"]["LoadBalancerPort"]: [each["Listener"]["InstanceProtocol"], each["PolicyNames"]]
        for each in found["ListenerDescriptions"]
    }
    told = elb.describe_load_balancer_attributes(LoadBalancerName=name)["LoadBalancerAttributes"]
    cookies = [each["PolicyName"] for each in found["Policies"]["LBCookieStickinessPolicies"]]
    settings = [found["HealthCheck"]["Interval"], told["CrossZoneLoadBalancing"]["Enabled"]]
    settings.append(told["ConnectionSettings"]["IdleTimeout"])
    return [listeners, cookies, settings, len(found["Instances"]), len(found["Subnets"])]


def cluster(client: Client, name: str) -> Any:
    found = only(client("ecs").describe_clusters(clusters=[name], include=["TAGS"])["clusters"])
    own = {tag["key"]: tag["value"] for tag in (found or {}).get("tags", []) if not tag["key"].startswith("aws:")}
    gone = not found or found["status"] == "INACTIVE"
    return None if gone else [found["settings"][0]["value"], found["capacityProviders"], own]


def task(client: Client, name: str) -> Any:
    found = client("ecs").list_task_definitions(familyPrefix=name, status="ACTIVE")["taskDefinitionArns"]
    told = [client("ecs").describe_task_definition(taskDefinition=each) for each in found]
    return [[each["taskDefinition"]["containerDefinitions"][0]["image"], len(each.get("tags", []))] for each in told]


def service(client: Client, name: str) -> Any:
    listed = client("ecs").describe_services(cluster=name, services=[name])["services"]
    found = only([each for each in listed if each["status"] == "ACTIVE"])
    if not found:
        return None
    deployed = found["deploymentConfiguration"]
    return [found["desiredCount"], found["runningCount"], found["pendingCount"], deployed["maximumPercent"]]


def kubernetes(client: Client, name: str) -> Any:
    found = client("eks").describe_cluster(name=name)["cluster"]
    placed = found["resourcesVpcConfig"]
    client("ec2").describe_security_groups(GroupIds=[placed["clusterSecurityGroupId"]])
    kinds = [each["types"] for each in found["logging"]["clusterLogging"] if each["enabled"]]
    own = {key: value for key, value in found["tags"].items() if not key.startswith("aws:")}
    return [found["status"], placed["endpointPrivateAccess"], kinds, own]


def nodes(client: Client, name: str) -> Any:
    found = client("eks").describe_nodegroup(clusterName=name, nodegroupName=name)["nodegroup"]
    return [found["scalingConfig"]["maxSize"], found["labels"], [each["key"] for each in found["taints"]]]


def emr(client: Client, name: str) -> Any:
    listed = client("emr").list_clusters(ClusterStates=["WAITING", "RUNNING"])["Clusters"]
    found = only([each for each in listed if each["Name"] == name])
    if not found:
        return None
    told = client("emr").describe_cluster(ClusterId=found["Id"])["Cluster"]
    groups = client("emr").list_instance_groups(ClusterId=found["Id"])["InstanceGroups"]
    counts = {each["Name"]: each["RequestedInstanceCount"] for each in groups}
    own = {tag["Key"]: tag["Value"] for tag in told["Tags"] if not tag["Key"].startswith("aws:")}
    return [told["TerminationProtected"], told["ScaleDownBehavior"], counts, own]


def directory(client: Client, name: str) -> Any:
    listed = client("ds").describe_directories()["DirectoryDescriptions"]
    found = only([each for each in listed if each["Name"] == f"{name}.example.com"])
    return found and [found["Type"], found["SsoEnabled"], found["Alias"].startswith(name)]


CASES = {
    "classic load balancer": Case(
        "AWS::ElasticLoadBalancing::LoadBalancer",
        CLASSIC | {"Listeners": [HTTP, TCP], "Tags": tags("1")},
        CLASSIC
        | {
            "Listeners": [STICKY, TCP],
            "LBCookieStickinessPolicy": [{"PolicyName": "sticky", "CookieExpirationPeriod": "180"}],
            "HealthCheck": CHECK | {"Interval": "15"},
            "CrossZone": False,
            "ConnectionSettings": {"IdleTimeout": 120},
            "Subnets": [ref("Subnet"), ref("Other")],
            "Instances": [ref("Host")],
            "Tags": tags("2"),
        },
        classic,
        [{"80": ["HTTP", ["sticky"]], "8443": ["TCP", []]}, ["sticky"], [15, False, 120], 1, 2],
        {**SUBNETS, "Host": HOST},
        ("DNSName", "SourceSecurityGroup.GroupName", "SourceSecurityGroup.OwnerAlias", "CanonicalHostedZoneName"),
    ),
    "cluster of containers": Case(
        "AWS::ECS::Cluster",
        {"ClusterName": "NAME", "CapacityProviders": ["FARGATE"], "Tags": tags("1")},
        {
            "ClusterName": "NAME",
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}],
            "Tags": tags("2"),
        },
        cluster,
        ["enabled", ["FARGATE", "FARGATE_SPOT"], {"k": "2"}],
        attributes=("Arn",),
    ),
    "task definition": Case(
        "AWS::ECS::TaskDefinition",
        TASK["Properties"],
        TASK["Properties"],
        task,
        [["httpd:2.4", 0]],
        attributes=("TaskDefinitionArn",),
    ),
    "service of containers": Case(
        "AWS::ECS::Service",
        SERVICE | {"DeploymentConfiguration": {"MaximumPercent": 200, "MinimumHealthyPercent": 75}},
        SERVICE | {"DeploymentConfiguration": {"MaximumPercent": 150, "MinimumHealthyPercent": 75}, "DesiredCount": 3},
        service,
        [3, 0, 3, 150],
        ON,
        ("Name", "ServiceArn"),
    ),
    "Kubernetes": Case(
        "AWS::EKS::Cluster",
        KUBERNETES | {"ResourcesVpcConfig": PLACED | {"EndpointPrivateAccess": False}, "Tags": tags("1")},
        KUBERNETES
        | {
            "ResourcesVpcConfig": PLACED | {"EndpointPrivateAccess": True},
            "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": "api"}]}},
            "Tags": tags("2"),
        },
        kubernetes,
        ["ACTIVE", True, [["api"]], {"k": "2"}],
        {**SUBNETS, "Role": ROLE},
        ("Arn", "Endpoint", "CertificateAuthorityData", "ClusterSecurityGroupId", "OpenIdConnectIssuerUrl"),
    ),
    "nodes of Kubernetes": Case(
        "AWS::EKS::Nodegroup",
        NODES | {"ScalingConfig": {"MinSize": 1, "MaxSize": 2, "DesiredSize": 1}, "Labels": {"a": "1", "b": "1"}},
        NODES
        | {
            "ScalingConfig": {"MinSize": 1, "MaxSize": 4, "DesiredSize": 1},
            "Labels": {"b": "2"},
            "Taints": [{"Key": "t", "Value": "v", "Effect": "NO_SCHEDULE"}],
        },
        nodes,
        [4, {"b": "2"}, ["t"]],
        NODES_ON,
        ("Arn", "Id", "NodegroupName"),
    ),
    "EMR": Case(
        "AWS::EMR::Cluster",
        hadoop(2, is_protected=False, value="1"),
        hadoop(3, is_protected=True, value="2"),
        emr,
        [True, "TERMINATE_AT_TASK_COMPLETION", {"Master": 1, "Core": 3}, {"k": "2"}],
        attributes=("MasterPublicDNS",),
    ),
    "Active Directory": Case(
        "AWS::DirectoryService::MicrosoftAD",
        DIRECTORY | {"Edition": "Standard", "ShortName": "corp", "CreateAlias": True, "EnableSso": False},
        DIRECTORY | {"Edition": "Standard", "ShortName": "corp", "CreateAlias": True, "EnableSso": True},
        directory,
        ["MicrosoftAD", True, True],
        SUBNETS,
        ("Alias",),
    ),
    "Simple AD": Case(
        "AWS::DirectoryService::SimpleAD",
        DIRECTORY | {"Size": "Small", "Tags": tags("1")},
        DIRECTORY | {"Size": "Small", "Tags": tags("2")},
        directory,
        ["SimpleAD", False, False],
        SUBNETS,
        ("Alias", "DirectoryId"),
    ),
}
