"""What is particular to databases, load balancers and the like: snapshots, refusals by name, what is replaced."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import types_core_computing as computing
import types_core_databases as databases
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks
from types_core_cases import policy, ref, resource

PLAIN = {
    name: databases.ONE[name]
    for name in ("DBInstanceClass", "Engine", "AllocatedStorage", "MasterUsername", "MasterUserPassword")
}
CLUSTERS: dict[str, Any] = {
    "rds": ("AWS::RDS::DBCluster", databases.CLUSTER, {"Engine": "aurora-postgresql"}),
    "neptune": ("AWS::Neptune::DBCluster", databases.GRAPH, {}),
}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    return f"kept-{uuid.uuid4().hex[:8]}"


def text(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def snapshotted(type_: str, **properties: Any) -> Any:
    return resource(type_, **properties) | {"DeletionPolicy": "Snapshot"}


def test_an_instance_leaves_a_snapshot_of_which_another_is_made(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    rds = sandbox.client("rds")
    made = stacks.create(text(It=snapshotted("AWS::RDS::DBInstance", **PLAIN)), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    instance = stacks.physical(name)["It"]
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", stacks.reason(made["StackId"])
    [left] = rds.describe_db_snapshots(DBInstanceIdentifier=instance, SnapshotType="manual")["DBSnapshots"]
    assert left["DBSnapshotIdentifier"].startswith(f"{name}-snapshot-it-")
    with pytest.raises(rds.exceptions.DBInstanceNotFoundFault):
        rds.describe_db_instances(DBInstanceIdentifier=instance)
    copy = {"DBSnapshotIdentifier": left["DBSnapshotIdentifier"], "DBInstanceClass": "db.t3.large"}
    again = stacks.create(text(It=resource("AWS::RDS::DBInstance", **copy, BackupRetentionPeriod=9)))
    assert again["StackStatus"] == "CREATE_COMPLETE", stacks.reason(again["StackId"])
    [found] = rds.describe_db_instances(DBInstanceIdentifier=stacks.physical(again["StackId"])["It"])["DBInstances"]
    assert found["MasterUsername"] == "chief"
    assert (found["DBInstanceClass"], found["BackupRetentionPeriod"]) == ("db.t3.large", 9)


@pytest.mark.parametrize("service", CLUSTERS)
def test_a_cluster_leaves_a_snapshot_of_which_another_is_made(
    stacks: Stacks, sandbox: Sandbox, name: str, service: str
) -> None:
    type_, properties, engine = CLUSTERS[service]
    made = stacks.create(text(It=snapshotted(type_, **properties)).replace("NAME", name), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", stacks.reason(made["StackId"])
    client = sandbox.client(service)
    found = client.describe_db_cluster_snapshots(DBClusterIdentifier=name, SnapshotType="manual")
    [left] = found["DBClusterSnapshots"]
    restored = {"SnapshotIdentifier": left["DBClusterSnapshotIdentifier"]}
    again = stacks.create(text(It=resource(type_, **restored, **engine)))
    assert again["StackStatus"] == "CREATE_COMPLETE", stacks.reason(again["StackId"])
    [cluster] = client.describe_db_clusters(DBClusterIdentifier=stacks.physical(again["StackId"])["It"])["DBClusters"]
    assert cluster["Engine"] == left["Engine"]


REFUSED = {  # what is told -> resource
    "Domain of AWS::RDS::DBInstance": resource("AWS::RDS::DBInstance", **PLAIN, Domain="d-1234567890"),
    "the property ApplyImmediately": resource("AWS::RDS::DBInstance", **PLAIN, ApplyImmediately=False),
    "serviceConnectConfiguration of AWS::ECS::Service": resource(
        "AWS::ECS::Service", **computing.SERVICE, ServiceConnectConfiguration={"Enabled": False}
    ),
    "the property ThingPrincipalType": resource(
        "AWS::IoT::ThingPrincipalAttachment", ThingName="t", Principal="p", ThingPrincipalType="EXCLUSIVE_THING"
    ),
    "the property Tags": resource(
        "AWS::IoT::Policy", PolicyDocument=policy("iot:Connect"), Tags=[{"Key": "k", "Value": "v"}]
    ),
    "the property ParameterValues": resource(
        "AWS::DataPipeline::Pipeline", Name="NAME", ParameterValues=[{"Id": "a", "StringValue": "b"}]
    ),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_is_not_kept_is_refused_by_name_and_nothing_is_left(
    stacks: Stacks, sandbox: Sandbox, name: str, told: str
) -> None:
    others = computing.ON if "ECS" in told else {}
    made = stacks.create(text(It=REFUSED[told], **others).replace("NAME", name), StackName=name)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert told in stacks.reason(made["StackId"])
    listed = sandbox.client("rds").describe_db_instances()["DBInstances"]
    assert not [each for each in listed if each["DBInstanceIdentifier"].startswith(name)]


def test_a_protected_instance_stays_with_its_stack(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    made = stacks.create(text(It=resource("AWS::RDS::DBInstance", **PLAIN, DeletionProtection=True)), StackName=name)
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_FAILED"
    assert "disable deletion protection" in stacks.reason(made["StackId"])
    sandbox.client("rds").modify_db_instance(
        DBInstanceIdentifier=stacks.physical(name)["It"], DeletionProtection=False, ApplyImmediately=True
    )
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_new_major_version_must_be_allowed(stacks: Stacks, name: str) -> None:
    def versioned(version: str, **more: Any) -> str:
        return text(It=resource("AWS::RDS::DBInstance", **PLAIN, EngineVersion=version, **more))

    made = stacks.create(versioned("8.0.36"), StackName=name)
    assert stacks.update(name, versioned("8.4.3"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "The AllowMajorVersionUpgrade flag must be present" in stacks.reason(made["StackId"])
    assert stacks.update(name, versioned("8.0.40"))["StackStatus"] == "UPDATE_COMPLETE"
    allowed = versioned("8.4.3", AllowMajorVersionUpgrade=True)
    assert stacks.update(name, allowed)["StackStatus"] == "UPDATE_COMPLETE"


def test_a_classic_load_balancer_is_replaced_when_its_health_check_comes(stacks: Stacks, name: str) -> None:
    def checked(**more: Any) -> str:
        properties = {"Listeners": [computing.HTTP], "Subnets": [ref("Subnet")], **more}
        return text(It=resource("AWS::ElasticLoadBalancing::LoadBalancer", **properties), **computing.NETWORK)

    stacks.create(checked(), StackName=name)
    first = stacks.physical(name)["It"]
    assert stacks.update(name, checked(HealthCheck=computing.CHECK))["StackStatus"] == "UPDATE_COMPLETE"
    second = stacks.physical(name)["It"]
    slower = computing.CHECK | {"Interval": "60"}
    assert stacks.update(name, checked(HealthCheck=slower))["StackStatus"] == "UPDATE_COMPLETE"
    assert first != second
    assert stacks.physical(name)["It"] == second


def test_a_changed_task_is_a_new_revision_and_the_old_one_retires(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    def imaged(image: str) -> str:
        container = {"Name": "a", "Image": image, "Memory": 300}
        return text(It=resource("AWS::ECS::TaskDefinition", Family=name, ContainerDefinitions=[container]))

    stacks.create(imaged("a:1"), StackName=name)
    assert stacks.physical(name)["It"].endswith(f"/{name}:1")
    assert stacks.update(name, imaged("a:2"))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical(name)["It"].endswith(f"/{name}:2")
    old = sandbox.client("ecs").describe_task_definition(taskDefinition=f"{name}:1")["taskDefinition"]
    assert old["status"] == "INACTIVE"


def test_a_certificate_is_attached_to_a_thing_and_a_policy(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    iot = sandbox.client("iot")
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    made = stacks.create(
        text(
            Thing=resource("AWS::IoT::Thing", ThingName=name),
            Policy=resource("AWS::IoT::Policy", PolicyName=name, PolicyDocument=policy("iot:Connect")),
            One=resource("AWS::IoT::ThingPrincipalAttachment", ThingName=ref("Thing"), Principal=arn),
            Two=resource("AWS::IoT::PolicyPrincipalAttachment", PolicyName=ref("Policy"), Principal=arn),
        )
    )
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert iot.list_thing_principals(thingName=name)["principals"] == [arn]
    assert [each["policyName"] for each in iot.list_attached_policies(target=arn)["policies"]] == [name]
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", stacks.reason(made["StackId"])
    assert iot.list_attached_policies(target=arn)["policies"] == []
    with pytest.raises(ClientError, match="ResourceNotFound"):
        iot.describe_thing(thingName=name)


def test_a_cluster_s_instances_go_with_it(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    cluster = resource("AWS::EMR::Cluster", **computing.hadoop(2, is_protected=False, value="1"))
    made = stacks.create(text(It=cluster).replace("NAME", name))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    emr, known = sandbox.client("emr"), stacks.physical(made["StackId"])["It"]
    ids = [each["Ec2InstanceId"] for each in emr.list_instances(ClusterId=known)["Instances"]]
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", stacks.reason(made["StackId"])
    told = sandbox.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    assert {each["State"]["Name"] for one in told for each in one["Instances"]} == {"terminated"}
    assert len(ids) == 3
