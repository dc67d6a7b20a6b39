"""Stacks: created, failed, rolled back and deleted, as their events and what they leave behind show."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from harness import ACCOUNTS, Sandbox, eventually
from stacks import Stacks

# `Good` is made before `Bad`, whose name no parameter may have.
FAILING = """
Parameters: {Name: {Type: String}}
Resources:
  Good: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: good}}
  Bad: {Type: AWS::SSM::Parameter, DependsOn: Good, Properties: {Name: aws/ssm, Type: String, Value: bad}}
"""
CHAIN = """
Parameters: {Name: {Type: String}}
Resources:
  Last: {Type: AWS::SSM::Parameter, DependsOn: [Middle], Properties: {Type: String, Value: last}}
  Middle: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref First}}
  First:
    Type: AWS::SSM::Parameter
    DeletionPolicy: Retain
    Properties: {Type: String, Name: !Ref Name, Value: first}
"""
ALLOW = "{Version: 2012-10-17, Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}}"
TRUST = "AssumeRolePolicyDocument: {Statement: {Effect: Allow, Principal: {Service: a.amazonaws.com}, Action: 'sts:*'}}"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"stacks-{uuid.uuid4().hex[:8]}"


def test_resources_are_made_in_the_order_of_their_dependencies_and_deleted_in_reverse(
    stacks: Stacks, name: str
) -> None:
    stack = stacks.create(CHAIN, {"Name": name}, Tags=[{"Key": "team", "Value": "ml"}])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "team", "Value": "ml"}]
    tags = stacks.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert tags == [{"Key": "team", "Value": "ml"}]
    deleted = stacks.delete(stack["StackId"])
    events = [(logical, status) for logical, status, _ in stacks.events(stack["StackId"])]
    order = [logical for logical, status in events if status == "CREATE_COMPLETE"]
    assert order == ["First", "Middle", "Last", stack["StackName"]]
    assert events[events.index((stack["StackName"], "CREATE_COMPLETE")) + 1 :] == [
        (stack["StackName"], "DELETE_IN_PROGRESS"),
        *((logical, f"DELETE_{end}") for logical in ("Last", "Middle") for end in ("IN_PROGRESS", "COMPLETE")),
        ("First", "DELETE_SKIPPED"),
        (stack["StackName"], "DELETE_COMPLETE"),
    ]
    assert (deleted["StackStatus"], stacks.parameter(name)) == ("DELETE_COMPLETE", "first")
    assert deleted["DeletionTime"] >= deleted["CreationTime"]


def test_a_failed_resource_rolls_the_stack_back_with_the_reason(stacks: Stacks, name: str) -> None:
    stack = stacks.create(FAILING, {"Name": name})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = {(logical, status): reason for logical, status, reason in stacks.events(stack["StackId"])}
    assert "(Error Code: ValidationException, Status Code: 400)" in reasons["Bad", "CREATE_FAILED"]
    told = "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    assert reasons[stack["StackName"], "ROLLBACK_IN_PROGRESS"] == told
    assert ("Good", "DELETE_COMPLETE") in reasons
    assert stacks.parameter(name) is None


def test_on_failure_delete_removes_the_stack(stacks: Stacks, name: str) -> None:
    stack = stacks.create(FAILING, {"Name": name}, OnFailure="DELETE")
    assert (stack["StackStatus"], stacks.parameter(name)) == ("DELETE_COMPLETE", None)
    with pytest.raises(ClientError, match=f"Stack with id {stack['StackName']} does not exist"):
        stacks.api.describe_stacks(StackName=stack["StackName"])


@pytest.mark.parametrize("option", [{"OnFailure": "DO_NOTHING"}, {"DisableRollback": True}])
def test_without_rollback_what_was_made_stays(stacks: Stacks, name: str, option: dict[str, Any]) -> None:
    stack = stacks.create(FAILING, {"Name": name}, **option)
    assert (stack["StackStatus"], stacks.parameter(name)) == ("CREATE_FAILED", "good")
    assert stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.parameter(name) is None


# Resources that take several calls, of which one after the first fails: type and properties.
PARTIAL = {
    "role": f"AWS::IAM::Role: {{RoleName: NAME, {TRUST}, ManagedPolicyArns: ['arn:aws:iam::aws:policy/Absent']}}",
    "policy": f"AWS::IAM::ManagedPolicy: {{ManagedPolicyName: NAME, Roles: [absent], PolicyDocument: {ALLOW}}}",
    "bucket": "AWS::S3::Bucket: {BucketName: NAME, LoggingConfiguration: {DestinationBucketName: absent-bucket}}",
    "rule": "AWS::Events::Rule: {Name: NAME, EventPattern: {source: [a]}, Targets: [{Id: a, Arn: b}]}",
    "images": "AWS::ECR::Repository: {RepositoryName: NAME, LifecyclePolicy: {LifecyclePolicyText: %s}}" % ("x" * 100),
    "code": "AWS::CodeCommit::Repository: {RepositoryName: NAME, Code: {S3: {Bucket: absent, Key: absent}}}",
}


def exists(sandbox: Sandbox, kind: str, name: str) -> bool:
    """Tell whether what a partial resource is made of is there."""
    client = {"role": "iam", "policy": "iam", "bucket": "s3", "rule": "events", "images": "ecr"}
    found = {
        "role": lambda api: [item["RoleName"] for item in api.list_roles()["Roles"]],
        "policy": lambda api: [item["PolicyName"] for item in api.list_policies(Scope="Local")["Policies"]],
        "bucket": lambda api: [item["Name"] for item in api.list_buckets()["Buckets"]],
        "rule": lambda api: [item["Name"] for item in api.list_rules()["Rules"]],
        "images": lambda api: [item["repositoryName"] for item in api.describe_repositories()["repositories"]],
        "code": lambda api: [item["repositoryName"] for item in api.list_repositories()["repositories"]],
    }
    return name in found[kind](sandbox.client(client.get(kind, "codecommit")))


@pytest.mark.parametrize("kind", PARTIAL)
def test_a_resource_that_fails_halfway_leaves_nothing_behind(
    stacks: Stacks, sandbox: Sandbox, name: str, kind: str
) -> None:
    kind_of, _, properties = PARTIAL[kind].replace("NAME", name).partition(": ")
    template = f"Resources: {{Partial: {{Type: {kind_of}, Properties: {properties}}}}}"
    stack = stacks.create(template, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason(stack["StackId"])
    assert not exists(sandbox, kind, name)


def test_an_unknown_property_is_refused_by_name(stacks: Stacks) -> None:
    told = stacks.refusal("Resources: {A: {Type: AWS::S3::Bucket, Properties: {Name: bucket}}}")
    assert "Properties validation failed for resource A" in told
    assert "Name" in told


def test_a_computed_property_that_the_type_does_not_allow_fails_the_resource(stacks: Stacks) -> None:
    first = "First: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: Odd}}"
    bad = "Bad: {Type: AWS::SSM::Parameter, Properties: {Type: !GetAtt First.Value, Value: a}}"
    stack = stacks.create(f"Resources: {{{first}, {bad}}}")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Properties validation failed for resource Bad" in stacks.reason(stack["StackId"])


def test_an_output_that_cannot_be_computed_rolls_the_stack_back(stacks: Stacks) -> None:
    resource = "A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: 'a,b'}}"
    output = "!Select [3, !Split [',', !GetAtt A.Value]]"
    stack = stacks.create(f"Resources: {{{resource}}}\nOutputs: {{O: {{Value: {output}}}}}")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    told = [reason for _, status, reason in stacks.events(stack["StackId"]) if status == "ROLLBACK_IN_PROGRESS"]
    assert "Fn::Select" in told[0]


def test_a_taken_name_is_refused_until_the_stack_is_deleted(stacks: Stacks, name: str) -> None:
    stack = stacks.create(CHAIN, {"Name": name}, StackName=name)
    with pytest.raises(stacks.api.exceptions.AlreadyExistsException, match=f"Stack \\[{name}\\] already exists"):
        stacks.start(CHAIN, {"Name": name}, StackName=name)
    stacks.delete(stack["StackId"])
    again = stacks.create(CHAIN, {"Name": f"{name}-2"}, StackName=name)
    assert (again["StackStatus"], again["StackId"] != stack["StackId"]) == ("CREATE_COMPLETE", True)


def test_a_stack_that_is_still_being_created_can_be_deleted(stacks: Stacks) -> None:
    resources = [f"R{n}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: a}}}}" for n in range(20)]
    stack = stacks.start(f"Resources: {{{', '.join(resources)}}}")
    assert stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"
    made = stacks.api.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    assert {item["ResourceStatus"] for item in made} <= {"DELETE_COMPLETE"}


def test_deleting_what_is_not_there_is_no_error(stacks: Stacks, name: str) -> None:
    stacks.api.delete_stack(StackName=name)
    stack = stacks.create(CHAIN, {"Name": name})
    stacks.delete(stack["StackId"])
    stacks.api.delete_stack(StackName=stack["StackId"])
    assert stacks.ended(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_resource_that_cannot_be_deleted_fails_the_deletion(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    stack = stacks.create(f"Resources: {{Full: {{Type: AWS::S3::Bucket, Properties: {{BucketName: {name}}}}}}}")
    sandbox.client("s3").put_object(Bucket=name, Key="key", Body=b"")
    failed = stacks.delete(stack["StackId"])
    assert failed["StackStatus"] == "DELETE_FAILED"
    assert failed["StackStatusReason"] == "The following resource(s) failed to delete: [Full]. "
    assert "(Error Code: BucketNotEmpty" in stacks.reason(stack["StackId"])
    sandbox.client("s3").delete_object(Bucket=name, Key="key")
    assert stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_the_waiters_of_boto3_see_the_end(stacks: Stacks, name: str) -> None:
    poll = {"Delay": 1, "MaxAttempts": 300}
    made, failed = stacks.start(CHAIN, {"Name": name}), stacks.start(FAILING, {"Name": f"{name}-2"})
    stacks.api.get_waiter("stack_create_complete").wait(StackName=made, WaiterConfig=poll)
    with pytest.raises(WaiterError, match="ROLLBACK_COMPLETE"):
        stacks.api.get_waiter("stack_create_complete").wait(StackName=failed, WaiterConfig=poll)
    stacks.api.delete_stack(StackName=made)
    stacks.api.get_waiter("stack_delete_complete").wait(StackName=made.split("/")[1], WaiterConfig=poll)


def test_events_come_newest_first_and_lists_in_pages(stacks: Stacks, sandbox: Sandbox) -> None:
    resources = [f"R{n}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: a}}}}" for n in range(60)]
    stack = stacks.create(f"Resources: {{{', '.join(resources)}}}")
    first = stacks.api.describe_stack_events(StackName=stack["StackId"])
    assert first["StackEvents"][0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert first["StackEvents"][0]["LogicalResourceId"] == stack["StackName"]
    times = [event["Timestamp"] for event in first["StackEvents"]]
    assert times == sorted(times, reverse=True)
    assert first["NextToken"]
    assert len(stacks.events(stack["StackId"])) == 3 * 60 + 2
    listed = stacks.api.get_paginator("list_stacks").paginate(StackStatusFilter=["CREATE_COMPLETE"])
    assert stack["StackName"] in {item["StackName"] for page in listed for item in page["StackSummaries"]}
    others = sandbox.client("cloudformation", "staging").list_stacks()["StackSummaries"]
    assert stack["StackName"] not in {item["StackName"] for item in others}


def test_resources_are_described(stacks: Stacks, name: str) -> None:
    stack = stacks.create(CHAIN, {"Name": name})["StackName"]
    detail = stacks.api.describe_stack_resource(StackName=stack, LogicalResourceId="First")["StackResourceDetail"]
    assert (detail["PhysicalResourceId"], detail["ResourceType"]) == (name, "AWS::SSM::Parameter")
    assert len(stacks.api.describe_stack_resources(StackName=stack)["StackResources"]) == 3
    with pytest.raises(ClientError, match=f"Resource Fourth does not exist for stack {stack}"):
        stacks.api.describe_stack_resource(StackName=stack, LogicalResourceId="Fourth")
    assert stacks.api.get_template(StackName=stack)["TemplateBody"] == CHAIN


def test_a_role_makes_the_resources_when_it_trusts_cloudformation(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    trusting = sandbox.role("stacks-trusting", "cloudformation.amazonaws.com")
    stacks.create(CHAIN, {"Name": name}, RoleARN=trusting)
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    makers = [call["principal"] for call in calls if call["operation"] == "PutParameter"][-3:]
    assert all(":assumed-role/stacks-trusting/" in maker for maker in makers)
    other = sandbox.role("stacks-other", "ec2.amazonaws.com")
    with pytest.raises(ClientError, match="stacks-other"):
        stacks.start(CHAIN, {"Name": name}, RoleARN=other)


def test_a_role_may_trust_cloudformation_for_one_stack_only(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    source = {"aws:SourceArn": f"arn:aws:cloudformation:us-east-1:{ACCOUNTS['development']}:stack/{name}/*"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudformation.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnLike": source},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = sandbox.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    with pytest.raises(ClientError, match=name):
        stacks.start(CHAIN, {"Name": name}, StackName=f"{name}-other", RoleARN=role)
    made = stacks.create(CHAIN, {"Name": name}, StackName=name, RoleARN=role)
    assert made["RoleARN"] == role
    assert stacks.update(name, CHAIN, {"Name": f"{name}-new"})["StackStatus"] == "UPDATE_COMPLETE"


def test_the_aws_cli_creates_and_describes_stacks(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    parameters = ["--parameters", f"ParameterKey=Name,ParameterValue={name}"]
    made = sandbox.run_cli(
        "cloudformation", "create-stack", "--stack-name", name, "--template-body", CHAIN, *parameters
    )
    assert made.returncode == 0, made.stderr
    stack = json.loads(made.stdout)["StackId"]
    eventually(lambda: stacks.ended(stack))
    shown = sandbox.run_cli("cloudformation", "describe-stacks", "--stack-name", name)
    assert json.loads(shown.stdout)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    absent = sandbox.run_cli("cloudformation", "describe-stacks", "--stack-name", "absent")
    assert absent.returncode != 0
    assert "Stack with id absent does not exist" in absent.stderr
