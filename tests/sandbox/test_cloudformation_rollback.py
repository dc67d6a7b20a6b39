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


TRUSTED = """
Resources:
  Before: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "${AWS::StackName}", Type: String, Value: VALUE}}
  Role:
    Type: AWS::IAM::Role
    DependsOn: Before
    Properties:
      RoleName: !Ref AWS::StackName
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: {Effect: Allow, Principal: {Service: SERVICE.amazonaws.com}, Action: sts:AssumeRole}
      ManagedPolicyArns: [POLICY]
"""


def trusted(value: str, service: str, policy: str) -> str:
    return TRUSTED.replace("VALUE", value).replace("SERVICE", service).replace("POLICY", policy)


def test_a_change_that_fails_halfway_is_taken_back_too(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    able: Any = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    made = stacks.create(trusted("one", "ec2", "arn:aws:iam::aws:policy/ReadOnlyAccess"), StackName=name, **able)
    # Trust is changed first, then the policy that does not exist is attached.
    ended = stacks.update(name, trusted("two", "lambda", "arn:aws:iam::aws:policy/Absent"), **able)
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE", stacks.events(made["StackId"])[-4:]
    assert "(Error Code: NoSuchEntity" in stacks.reason(made["StackId"])
    events = stacks.latest(made["StackId"])
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Role]. ") in events
    iam = sandbox.client("iam")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"]["Principal"] == {"Service": "ec2.amazonaws.com"}
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["ReadOnlyAccess"]
    assert stacks.parameter(name) == "one"


def test_an_output_that_cannot_be_computed_takes_the_update_back(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    broken = FOLLOWED.replace("!GetAtt First.Value", "!Select [3, !Split [',', !GetAtt First.Value]]")
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
    sandbox.role(name, "ec2.amazonaws.com", policies=[])
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
    sandbox.role(name, "ec2.amazonaws.com", policies=[])
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
