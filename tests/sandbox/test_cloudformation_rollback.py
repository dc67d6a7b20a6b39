"""Updates that fail: everything goes back to what it was, and what can't go back is told and mended."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import FOLLOWED, Stacks, with_bad


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"rollback-{uuid.uuid4().hex[:8]}"


def test_a_failed_update_takes_everything_back(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name, Tags=[{"Key": "a", "Value": "1"}])
    broken = with_bad(FOLLOWED).replace("Value: third", "Value: changed")
    ended = stacks.update(name, broken, {"Name": f"{name}-new"}, Tags=[{"Key": "a", "Value": "2"}])
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (ended["Parameters"], ended["Outputs"], ended["Tags"]) == (
        made["Parameters"],
        made["Outputs"],
        made["Tags"],
    )
    found = {suffix: stacks.parameter(f"{name}{suffix}") for suffix in ("", "-new", "-2", "-3", "-4")}
    assert found == {"": "one", "-new": None, "-2": name, "-3": "third", "-4": None}
    events = stacks.latest(made["StackId"])
    told = "The following resource(s) failed to create: [Bad]. "
    begun = events.index(("stack", "UPDATE_ROLLBACK_IN_PROGRESS", told))
    assert "(Error Code: ValidationException" in next(reason for who, _, reason in events[:begun][::-1] if who == "Bad")
    after = [event[:2] for event in events[begun:]]
    cleanup = after.index(("stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"))
    assert {who for who, status in after[:cleanup] if status == "UPDATE_COMPLETE"} == {"First", "Second", "Third"}
    assert {who for who, status in after[cleanup:] if status == "DELETE_COMPLETE"} == {"First", "Added"}
    assert after[-1] == ("stack", "UPDATE_ROLLBACK_COMPLETE")


def test_a_stack_that_was_rolled_back_can_be_updated_and_deleted(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.update(name, with_bad(FOLLOWED), {"Name": f"{name}-new"})
    assert stacks.update(name, FOLLOWED, {"Name": name, "Value": "two"})["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.parameter(name) == "two"
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.parameter(name) is None


BUCKET = """
Resources:
  Before: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "${AWS::StackName}", Type: String, Value: VALUE}}
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: Before
    Properties:
      BucketName: !Ref AWS::StackName
      CorsConfiguration: {CorsRules: [{AllowedMethods: [METHOD], AllowedOrigins: ["*"]}]}
      LifecycleConfiguration: {Rules: [{Status: Enabled, PERIOD: 3}]}
"""


def bucket(value: str, method: str, period: str) -> str:
    return BUCKET.replace("VALUE", value).replace("METHOD", method).replace("PERIOD", period)


def test_a_change_that_fails_halfway_is_taken_back_too(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    made = stacks.create(bucket("one", "GET", "ExpirationInDays"), StackName=name)
    ended = stacks.update(name, bucket("two", "PUT", "ExpirationInYears"))
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.reason(made["StackId"]) == "Encountered unsupported property ExpirationInYears"
    events = stacks.latest(made["StackId"])
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Bucket]. ") in events
    s3 = sandbox.client("s3")
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"][0]["AllowedMethods"] == ["GET"]
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]["Expiration"]["Days"] == 3
    assert stacks.parameter(name) == "one"


def test_an_output_that_cannot_be_computed_takes_the_update_back(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    broken = FOLLOWED.replace("First.Value", "First.Colour")
    ended = stacks.update(name, broken, {"Name": name, "Value": "two"})
    assert (ended["StackStatus"], stacks.parameter(name)) == ("UPDATE_ROLLBACK_COMPLETE", "one")


STUCK = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}}
Resources:
  Queue: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}
  Policy:
    Type: AWS::IAM::Policy
    DependsOn: Queue
    Properties:
      PolicyName: !Sub "p-${Value}"
      Roles: [!Ref Name]
      PolicyDocument: {Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}
"""


def stuck(stacks: Stacks, sandbox: Sandbox, name: str) -> str:
    """Return a stack whose update failed because its role was gone, and whose rollback failed for the same cause."""
    iam = sandbox.client("iam")
    sandbox.role(name, "ec2.amazonaws.com")
    made = stacks.create(STUCK, {"Name": name}, StackName=name, Capabilities=["CAPABILITY_IAM"])
    iam.delete_role_policy(RoleName=name, PolicyName="p-one")
    iam.delete_role(RoleName=name)
    ended = stacks.update(name, None, {"Name": name, "Value": "two"}, Capabilities=["CAPABILITY_IAM"])
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert ended["StackStatusReason"] == "The following resource(s) failed to update: [Policy]. "
    return str(made["StackId"])


def test_a_failed_rollback_goes_on_once_its_cause_is_mended(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    stack = stuck(stacks, sandbox, name)
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_FAILED state and can not be updated"):
        stacks.start_update(name, None, {"Name": name, "Value": "three"}, Capabilities=["CAPABILITY_IAM"])
    sandbox.role(name, "ec2.amazonaws.com")
    stacks.api.continue_update_rollback(StackName=stack)
    assert (stacks.ended(stack)["StackStatus"], stacks.parameter(name)) == ("UPDATE_ROLLBACK_COMPLETE", "one")
    assert sandbox.client("iam").list_role_policies(RoleName=name)["PolicyNames"] == ["p-one"]


def test_a_failed_rollback_goes_on_without_what_is_skipped(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    stack = stuck(stacks, sandbox, name)
    stacks.api.continue_update_rollback(StackName=stack, ResourcesToSkip=["Policy"])
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_COMPLETE state"):
        stacks.api.continue_update_rollback(StackName=stack)


ROLE = """
Resources:
  Made:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref AWS::StackName
      Path: /PATH/
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}
"""


def test_a_name_that_is_taken_by_the_one_to_be_replaced_is_refused(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    able: Any = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    made = stacks.create(ROLE.replace("PATH", "one"), StackName=name, **able)
    ended = stacks.update(name, ROLE.replace("PATH", "two"), **able)
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    told = "CloudFormation cannot update a stack when a custom-named resource requires replacing."
    assert stacks.reason(made["StackId"]) == f"{told} Rename {name} and update the stack again."
    assert sandbox.client("iam").get_role(RoleName=name)["Role"]["Path"] == "/one/"
