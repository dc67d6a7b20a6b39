"""What protects stacks and their resources: stack policies, termination protection, and ways to delete all the same."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import FOLLOWED, Stacks

ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}


def deny(action: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"} | more


def body(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"protection-{uuid.uuid4().hex[:8]}"


ON_FIRST = {"Resource": "LogicalResourceId/First"}
OF_TYPE = {"Condition": {"StringEquals": {"ResourceType": ["AWS::SSM::Parameter"]}}}
LIKE = {"Condition": {"StringLike": {"ResourceType": "AWS::SSM::*"}}}
OTHER = {"Condition": {"StringEquals": {"ResourceType": "AWS::S3::Bucket"}}}
MODIFY, REPLACE = {"Value": "two"}, {"Name": "-new"}


@pytest.mark.parametrize(
    ("statements", "change", "told"),
    [
        ([ALLOW, deny("Update:Modify", **ON_FIRST)], MODIFY, "Statement [#1] does not allow [Update:Modify]"),
        ([ALLOW, deny("Update:Modify", **ON_FIRST)], REPLACE, ""),
        ([ALLOW, deny("Update:Replace", **OF_TYPE)], REPLACE, "Statement [#1] does not allow [Update:Replace]"),
        ([ALLOW, deny("Update:*", **LIKE)], MODIFY, "Statement [#1] does not allow [Update:*]"),
        ([ALLOW, deny("Update:*", **OTHER)], MODIFY, ""),
        ([ALLOW | {"Resource": "LogicalResourceId/S*"}], MODIFY, "No statement allows [Update:Modify]"),
        ([{**ALLOW, "NotResource": "LogicalResourceId/Third"}], MODIFY, ""),
        ([{**ALLOW, "NotAction": "Update:Replace"}], REPLACE, "No statement allows [Update:Replace]"),
    ],
)
def test_a_stack_policy_decides_which_resources_an_update_may_change(
    stacks: Stacks, name: str, statements: list[dict[str, Any]], change: dict[str, str], told: str
) -> None:
    for statement in statements:
        for member in ("Action", "Resource"):
            if f"Not{member}" in statement:
                statement.pop(member, None)
    stacks.create(FOLLOWED, {"Name": name}, StackName=name, StackPolicyBody=body(*statements))
    assert json.loads(stacks.api.get_stack_policy(StackName=name)["StackPolicyBody"])["Statement"] == statements
    given = {"Name": name + change.get("Name", ""), "Value": change.get("Value", "one")}
    ended = stacks.update(name, None, given)
    assert ended["StackStatus"] == ("UPDATE_ROLLBACK_COMPLETE" if told else "UPDATE_COMPLETE")
    reasons = [reason for who, status, reason in stacks.events(name) if (who, status) == ("First", "UPDATE_FAILED")]
    assert bool(reasons) == bool(told)
    assert all(told in reason and "for resource [LogicalResourceId/First]" in reason for reason in reasons)
    assert (stacks.parameter(name) == "one") == bool(told)


def test_a_removal_can_be_denied_and_allowed_for_one_update(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.api.set_stack_policy(StackName=name, StackPolicyBody=body(ALLOW, deny("Update:Delete")))
    line = next(line for line in FOLLOWED.splitlines(keepends=True) if "Third:" in line)
    without = FOLLOWED.replace(line, "")
    assert stacks.update(name, without, {"Name": name})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.parameter(f"{name}-3") == "third"
    ended = stacks.update(name, without, {"Name": name}, StackPolicyDuringUpdateBody=body(ALLOW))
    assert (ended["StackStatus"], stacks.parameter(f"{name}-3")) == ("UPDATE_COMPLETE", None)
    stacks.update(name, FOLLOWED, {"Name": name})
    assert stacks.update(name, without, {"Name": name})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    "policy",
    [
        "no JSON",
        "{}",
        body(ALLOW | {"Principal": "someone"}),
        body(ALLOW | {"Action": "Delete:*"}),
        body(ALLOW | {"Resource": "First"}),
        body(ALLOW | {"Condition": {"StringEquals": {"Region": "us-east-1"}}}),
    ],
)
def test_what_is_no_stack_policy_is_refused(stacks: Stacks, name: str, policy: str) -> None:
    assert "Error validating stack policy" in stacks.refusal(FOLLOWED, {"Name": name}, StackPolicyBody=policy)


def test_a_stack_policy_may_lie_in_s3(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    s3, policy = sandbox.client("s3"), body(ALLOW)
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="policy.json", Body=policy.encode())
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.api.set_stack_policy(StackName=name, StackPolicyURL=f"https://{name}.s3.amazonaws.com/policy.json")
    assert stacks.api.get_stack_policy(StackName=name)["StackPolicyBody"] == policy


def test_a_protected_stack_is_not_deleted(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name, EnableTerminationProtection=True)
    told = rf"Stack \[{name}\] cannot be deleted while TerminationProtection is enabled"
    with pytest.raises(ClientError, match=told):
        stacks.api.delete_stack(StackName=name)
    assert stacks.ended(name)["EnableTerminationProtection"] is True
    stacks.api.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.parametrize("how", [{"RetainResources": ["Full"]}, {"DeletionMode": "FORCE_DELETE_STACK"}])
def test_a_failed_deletion_can_leave_behind_what_stands_in_its_way(
    stacks: Stacks, sandbox: Sandbox, name: str, how: dict[str, Any]
) -> None:
    template = "Resources: {Full: {Type: AWS::S3::Bucket, Properties: {BucketName: %s}}, Gone: {Type: AWS::SNS::Topic}}"
    stack = stacks.create(template % name)["StackId"]
    with pytest.raises(ClientError, match="can only be specified for a stack that is in DELETE_FAILED state"):
        stacks.api.delete_stack(StackName=stack, **how)
    sandbox.client("s3").put_object(Bucket=name, Key="key", Body=b"")
    assert stacks.delete(stack)["StackStatus"] == "DELETE_FAILED"
    with pytest.raises(ClientError, match="Do not specify resources that are in the DELETE_COMPLETE state"):
        stacks.api.delete_stack(StackName=stack, RetainResources=["Gone"])
    stacks.api.delete_stack(StackName=stack, **how)
    assert stacks.ended(stack)["StackStatus"] == "DELETE_COMPLETE"
    assert sandbox.client("s3").head_object(Bucket=name, Key="key")
