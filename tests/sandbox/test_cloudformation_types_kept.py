"""What is particular to types that are kept only: certificates that wait, snapshots, roles that accept connections."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from harness import Sandbox, eventually
from stacks import Stacks

ROLE = "arn:aws:iam::222222222222:role/replicates"


@pytest.fixture
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


def template(**resources: dict[str, Any]) -> str:
    return json.dumps({"Resources": resources, "Outputs": {"It": {"Value": {"Ref": "It"}}}})


def certificate(name: str, **more: Any) -> dict[str, Any]:
    asked = {"DomainName": f"{name}.example.com", "ValidationMethod": "DNS", **more}
    return {"Type": "AWS::CertificateManager::Certificate", "Properties": asked}


def zone(stacks: Stacks, name: str) -> str:
    made = stacks.sandbox.client("route53").create_hosted_zone(Name=f"{name}.example.com", CallerReference=name)
    return str(made["HostedZone"]["Id"].removeprefix("/hostedzone/"))


def record(stacks: Stacks, stack: str) -> dict[str, str]:
    """Return the record by which a certificate that is being made is validated."""
    (arn,) = eventually(lambda: [each for each in stacks.physical(stack).values() if each.startswith("arn:")])
    told = stacks.sandbox.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    return dict(told["DomainValidationOptions"][0]["ResourceRecord"])


def test_a_certificate_is_validated_in_the_zone_that_is_named(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html."""
    name = f"kept-{uuid.uuid4().hex[:8]}"
    host = zone(stacks, name)
    option = {"DomainName": f"{name}.example.com", "HostedZoneId": host}
    stack = stacks.create(template(It=certificate(name, DomainValidationOptions=[option])))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reason(stack["StackId"])
    there = stacks.sandbox.client("route53").list_resource_record_sets(HostedZoneId=host)["ResourceRecordSets"]
    assert record(stacks, stack["StackId"])["Name"] in {each["Name"] for each in there}
    assert stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_certificate_waits_until_somebody_validates_it(stacks: Stacks) -> None:
    name = f"kept-{uuid.uuid4().hex[:8]}"
    stack = stacks.start(template(It=certificate(name)))
    wanted = record(stacks, stack)
    told = f"Content of DNS Record is: {{Name: {wanted['Name']},Type: CNAME,Value: {wanted['Value']}}}"
    eventually(lambda: any(told in reason for _, _, reason in stacks.events(stack)))
    assert stacks.api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    change = {
        "Action": "CREATE",
        "ResourceRecordSet": {
            "Name": wanted["Name"],
            "Type": "CNAME",
            "TTL": 60,
            "ResourceRecords": [{"Value": wanted["Value"]}],
        },
    }
    route53 = stacks.sandbox.client("route53")
    route53.change_resource_record_sets(HostedZoneId=zone(stacks, name), ChangeBatch={"Changes": [change]})
    assert stacks.ended(stack)["StackStatus"] == "CREATE_COMPLETE"


def test_a_certificate_that_nobody_validates_is_given_up_with_its_stack(stacks: Stacks) -> None:
    stack = stacks.start(template(It=certificate(f"kept-{uuid.uuid4().hex[:8]}")))
    record(stacks, stack)
    assert stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_snapshot_of_a_volume_outlives_it(stacks: Stacks) -> None:
    volume = {"Type": "AWS::EC2::Volume", "Properties": {"AvailabilityZone": "us-east-1a", "Size": 1}}
    stack = stacks.create(template(It={**volume, "DeletionPolicy": "Snapshot"}))
    name = stacks.outputs(stack)["It"]
    assert stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    ec2 = stacks.sandbox.client("ec2")
    found = ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [name]}])["Snapshots"]
    assert [each["State"] for each in found] == ["completed"]


def test_a_role_of_the_other_account_accepts_a_connection(stacks: Stacks) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/peer-with-vpc-in-another-account.html."""
    role, there = f"peers-{uuid.uuid4().hex[:8]}", stacks.sandbox.client("ec2", "staging")
    vpc = there.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    asked = {"VpcId": {"Ref": "Own"}, "PeerVpcId": vpc, "PeerOwnerId": "333333333333"}
    own = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    arn = f"arn:aws:iam::333333333333:role/{role}"
    body = template(Own=own, It={"Type": "AWS::EC2::VPCPeeringConnection", "Properties": asked | {"PeerRoleArn": arn}})
    refused = stacks.create(body)
    assert "AccessDenied" in stacks.reason(refused["StackId"])
    iam = stacks.sandbox.client("iam", "staging")
    trust = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)
    may = {"Effect": "Allow", "Action": "ec2:AcceptVpcPeeringConnection", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName=role, PolicyName="accepts", PolicyDocument=policy)
    stack = stacks.create(body)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reason(stack["StackId"])
    told = there.describe_vpc_peering_connections(VpcPeeringConnectionIds=[stacks.outputs(stack)["It"]])
    assert told["VpcPeeringConnections"][0]["Status"]["Code"] == "active"
    assert stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_which_objects_are_replicated_is_kept(stacks: Stacks) -> None:
    name = f"kept-{uuid.uuid4().hex[:8]}"
    rule = {
        "Id": "one",
        "Priority": 0,
        "Status": "Enabled",
        "Filter": {"Prefix": "a/"},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": "arn:aws:s3:::other", "EncryptionConfiguration": {"ReplicaKmsKeyID": "key"}},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
    }
    bucket = {
        "BucketName": name,
        "VersioningConfiguration": {"Status": "Enabled"},
        "ReplicationConfiguration": {"Role": ROLE, "Rules": [rule]},
    }
    stack = stacks.create(template(It={"Type": "AWS::S3::Bucket", "Properties": bucket}))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.reason(stack["StackId"])
    told = stacks.sandbox.client("s3").get_bucket_replication(Bucket=name)["ReplicationConfiguration"]["Rules"]
    wanted = {("ID" if member == "Id" else member): item for member, item in rule.items()}
    renamed = {"Bucket": "arn:aws:s3:::other", "EncryptionConfiguration": {"ReplicaKmsKeyID": "key"}}
    assert told == [wanted | {"Destination": renamed}]
