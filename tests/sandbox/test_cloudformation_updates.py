"""Updates of stacks: what is left alone, changed, replaced, added and removed, and what is taken back on failure."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError, WaiterError
from harness import Sandbox
from stacks import FOLLOWED, Stacks, with_bad

COMPLETE = ["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"updates-{uuid.uuid4().hex[:8]}"


def test_a_change_in_place_touches_only_what_changed(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    physical = stacks.physical(name)
    updated = stacks.update(name, FOLLOWED, {"Name": name, "Value": "two"})
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert updated["LastUpdatedTime"] > made["CreationTime"]
    assert stacks.outputs(updated) == {"First": name, "Value": "two"}
    assert (stacks.parameter(name), stacks.physical(name)) == ("two", physical)
    assert [(logical, status) for logical, status, _ in stacks.latest(made["StackId"])] == [
        ("stack", "UPDATE_IN_PROGRESS"),
        ("First", "UPDATE_IN_PROGRESS"),
        ("First", "UPDATE_COMPLETE"),
        *(("stack", status) for status in COMPLETE),
    ]


def test_a_replacement_is_made_first_then_followed_then_the_old_one_goes(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    assert stacks.update(name, FOLLOWED, {"Name": f"{name}-new"})["StackStatus"] == "UPDATE_COMPLETE"
    assert (stacks.parameter(name), stacks.parameter(f"{name}-new")) == (None, "one")
    assert stacks.parameter(f"{name}-2") == f"{name}-new"
    replaced = "Requested update requires the creation of a new physical resource; hence creating one."
    assert stacks.latest(made["StackId"]) == [
        ("stack", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("First", "UPDATE_IN_PROGRESS", replaced),
        ("First", "UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("First", "UPDATE_COMPLETE", ""),
        ("Second", "UPDATE_IN_PROGRESS", ""),
        ("Second", "UPDATE_COMPLETE", ""),
        ("stack", COMPLETE[0], ""),
        ("First", "DELETE_IN_PROGRESS", ""),
        ("First", "DELETE_COMPLETE", ""),
        ("stack", COMPLETE[1], ""),
    ]
    events = stacks.api.describe_stack_events(StackName=made["StackId"])["StackEvents"]
    [deleted] = [event for event in events if event["ResourceStatus"] == "DELETE_COMPLETE"]
    assert deleted["PhysicalResourceId"] == name


def test_resources_are_added_and_removed(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    line = next(line for line in FOLLOWED.splitlines() if "Third:" in line)
    changed = FOLLOWED.replace(line, line.replace("Third", "Fourth").replace("-3", "-4"))
    updated = stacks.update(name, changed, {"Name": name})
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert (stacks.parameter(f"{name}-3"), stacks.parameter(f"{name}-4")) == (None, "third")
    assert set(stacks.physical(name)) == {"First", "Second", "Fourth"}
    events = [event[:2] for event in stacks.latest(made["StackId"])]
    assert events.index(("Fourth", "CREATE_COMPLETE")) < events.index(("stack", COMPLETE[0]))
    assert events.index(("stack", COMPLETE[0])) < events.index(("Third", "DELETE_COMPLETE"))
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.parameter(f"{name}-4") is None


KEPT = """
Parameters: {Name: {Type: String}}
Resources:
  Kept:
    Type: AWS::SSM::Parameter
    %s: Retain
    Properties: {Name: !Ref Name, Type: String, Value: kept}
  Other: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: other}}
"""


def test_update_replace_policy_keeps_what_is_replaced(stacks: Stacks, name: str) -> None:
    made = stacks.create(KEPT % "UpdateReplacePolicy", {"Name": name}, StackName=name)
    stacks.update(name, None, {"Name": f"{name}-new"})
    assert (stacks.parameter(name), stacks.parameter(f"{name}-new")) == ("kept", "kept")
    assert ("Kept", "DELETE_SKIPPED", "") in stacks.latest(made["StackId"])


def test_deletion_policy_keeps_what_is_removed(stacks: Stacks, name: str) -> None:
    made = stacks.create(KEPT % "DeletionPolicy", {"Name": name}, StackName=name)
    without = "Resources:\n" + (KEPT % "").splitlines()[-1]
    assert stacks.update(name, without)["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.parameter(name) == "kept"
    assert ("Kept", "DELETE_SKIPPED", "") in stacks.latest(made["StackId"])


def test_a_condition_adds_and_removes_its_resource(stacks: Stacks, name: str) -> None:
    template = """
    Parameters: {Name: {Type: String}, Wanted: {Type: String, Default: "no"}}
    Conditions: {Wanted: !Equals [!Ref Wanted, "yes"]}
    Resources:
      Always: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: always}}
      Some: {Type: AWS::SSM::Parameter, Condition: Wanted, Properties: {Name: !Ref Name, Type: String, Value: some}}
    """
    stacks.create(template, {"Name": name}, StackName=name)
    for wanted, value in (("yes", "some"), ("no", None)):
        stacks.update(name, None, {"Name": name, "Wanted": wanted})
        assert stacks.parameter(name) == value


def test_what_changes_nothing_is_refused(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    retold = f"Description: told anew\n{FOLLOWED}"
    for template in (FOLLOWED, None, retold, FOLLOWED.replace("Default: one", 'Default: "one"')):
        with pytest.raises(ClientError, match=r"No updates are to be performed\.$") as refused:
            stacks.start_update(name, template, {"Name": name})
        assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert stacks.ended(name)["StackStatus"] == "CREATE_COMPLETE"


def test_previous_values_are_kept_by_name(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name, "Value": "two"}, StackName=name)
    keep = {"ParameterKey": "Name", "UsePreviousValue": True}
    previous = {"StackName": name, "UsePreviousTemplate": True}
    unknown = {"ParameterKey": "Other", "UsePreviousValue": True}
    with pytest.raises(ClientError, match="Cannot specify usePreviousValue as true for a parameter key not in the pr"):
        stacks.api.update_stack(**previous, Parameters=[keep, unknown])
    stacks.api.update_stack(**previous, Parameters=[keep])  # `Value` falls back to its default
    shown = {p["ParameterKey"]: p["ParameterValue"] for p in stacks.ended(name)["Parameters"]}
    assert shown == {"Name": name, "Value": "one"}
    assert stacks.parameter(name) == "one"


def test_tags_are_changed_kept_and_removed_with_the_stack_s(stacks: Stacks, name: str) -> None:
    def tags() -> dict[str, str]:
        found = stacks.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        return {tag["Key"]: tag["Value"] for tag in found}

    stacks.create(
        FOLLOWED, {"Name": name}, StackName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]
    )
    changed = stacks.update(name, None, {"Name": name}, Tags=[{"Key": "b", "Value": "2"}])
    assert (changed["Tags"], tags()) == ([{"Key": "b", "Value": "2"}], {"b": "2"})
    stacks.update(name, None, {"Name": name, "Value": "two"})
    assert tags() == {"b": "2"}
    assert (stacks.update(name, None, {"Name": name}, Tags=[])["Tags"], tags()) == ([], {})


def test_outputs_alone_are_an_update(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    updated = stacks.update(name, FOLLOWED.replace("Outputs: {", "Outputs: {More: {Value: more}, "), {"Name": name})
    assert stacks.outputs(updated)["More"] == "more"


def test_a_resource_keeps_its_type(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    other = "Resources: {First: {Type: AWS::SNS::Topic}}"
    with pytest.raises(ClientError, match=r"Update of resource type is not permitted.*: \[First\]"):
        stacks.start_update(name, other)


def test_an_old_resource_that_cannot_be_deleted_is_left_behind(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    template = (
        "Parameters: {Name: {Type: String}}\nResources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: %s}}}"
    )
    stacks.create(template % "!Ref Name", {"Name": name}, StackName=name)
    sandbox.client("s3").put_object(Bucket=name, Key="key", Body=b"")
    ended = stacks.update(name, None, {"Name": f"{name}-new"})
    assert ended["StackStatus"] == "UPDATE_COMPLETE"
    assert ended["StackStatusReason"] == "Update successful. One or more resources could not be deleted."
    assert stacks.physical(name) == {"B": f"{name}-new"}
    assert sandbox.client("s3").head_object(Bucket=name, Key="key")


def busy(name: str) -> str:
    """Return a template whose update takes a moment."""
    resources = [f"R{n}: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: !Ref V}}}}" for n in range(40)]
    return f"Parameters: {{V: {{Type: String, Default: a}}}}\nResources: {{{', '.join(resources)}}}"


def test_a_stack_under_update_is_neither_updated_nor_deleted(stacks: Stacks, name: str) -> None:
    stack = stacks.create(busy(name), StackName=name)["StackId"]
    stacks.start_update(name, None, {"V": "b"})
    with pytest.raises(ClientError, match=r"Stack:arn:.* is in UPDATE_IN_PROGRESS state and can not be updated\."):
        stacks.start_update(name, None, {"V": "c"})
    with pytest.raises(ClientError, match=r"Stack \[arn:.*\] cannot be deleted while in status UPDATE_IN_PROGRESS"):
        stacks.api.delete_stack(StackName=name)
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_COMPLETE"


def test_a_stack_that_failed_to_be_created_is_not_updated(stacks: Stacks, name: str) -> None:
    stack = stacks.create(
        "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Name: aws/ssm, Type: String, Value: a}}}"
    )
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.start_update(stack["StackName"], FOLLOWED, {"Name": name})
    with pytest.raises(ClientError, match=r"Stack with id absent does not exist"):
        stacks.start_update("absent", FOLLOWED, {"Name": name})


def test_the_waiters_of_boto3_see_the_end_of_an_update(stacks: Stacks, name: str) -> None:
    poll = {"Delay": 1, "MaxAttempts": 300}
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.start_update(name, FOLLOWED, {"Name": name, "Value": "two"})
    stacks.api.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=poll)
    stacks.start_update(name, with_bad(FOLLOWED), {"Name": name, "Value": "three"})
    with pytest.raises(WaiterError, match="UPDATE_ROLLBACK_COMPLETE"):
        stacks.api.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=poll)
    stacks.start_update(name, FOLLOWED, {"Name": name})
    stacks.api.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=poll)


def test_a_role_makes_the_changes_and_stays_the_stack_s(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    role = sandbox.role("updates-trusting", "cloudformation.amazonaws.com")
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.update(name, None, {"Name": name, "Value": "two"}, RoleARN=role)
    stacks.update(name, None, {"Name": name, "Value": "three"})
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    makers = [call["principal"] for call in calls if call["operation"] == "PutParameter"][-2:]
    assert all(":assumed-role/updates-trusting/" in maker for maker in makers)
    assert stacks.ended(name)["RoleARN"] == role


def test_the_aws_cli_updates_stacks(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    command = ["cloudformation", "update-stack", "--stack-name", name, "--use-previous-template", "--parameters"]
    updated = sandbox.run_cli(
        *command, "ParameterKey=Name,UsePreviousValue=true", "ParameterKey=Value,ParameterValue=two"
    )
    assert updated.returncode == 0, updated.stderr
    assert stacks.ended(name)["StackStatus"] == "UPDATE_COMPLETE"
    again = sandbox.run_cli(*command, *(f"ParameterKey={key},UsePreviousValue=true" for key in ("Name", "Value")))
    assert again.returncode != 0
    assert "No updates are to be performed." in again.stderr


POLICY = """  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Statement: {Effect: Allow, Action: "s3:*", Resource: "*"}}}
"""


def test_capabilities_are_asked_for_again(stacks: Stacks, name: str) -> None:
    stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]"):
        stacks.start_update(name, FOLLOWED.replace("Outputs:", f"{POLICY}Outputs:"), {"Name": name})
