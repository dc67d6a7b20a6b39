"""The order in which CloudFormation works on resources, and the events that it tells about them."""

from __future__ import annotations

import json
import threading
import uuid

import pytest
from harness import Sandbox
from stacks import FOLLOWED, Stacks, with_bad

from smproject.sandbox.cloudformation.scheduler import walk

SECRET = """
Parameters: {Secret: {Type: String, NoEcho: true}}
Resources:
  A: {Type: AWS::SSM::Parameter, Metadata: {Told: here}, Properties: {Type: String, Value: !Sub "x-${Secret}-y"}}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"order-{uuid.uuid4().hex[:8]}"


def test_what_does_not_depend_on_each_other_is_worked_on_at_the_same_time() -> None:
    together, seen = threading.Barrier(3, timeout=20), list[str]()

    def act(node: str) -> bool:
        if node != "last":
            together.wait()  # breaks unless all three are here
        seen.append(node)
        return True

    walk({"a": set(), "b": set(), "c": set(), "last": {"a", "b", "c"}}, act)
    assert sorted(seen[:3]) == ["a", "b", "c"]
    assert seen[3:] == ["last"]


def test_what_depends_on_a_failure_is_left_out_and_nothing_more_begins_once_it_is_to_stop() -> None:
    seen: list[str] = []

    def act(node: str) -> bool:
        seen.append(node)
        return node != "a"

    walk({"a": set(), "after a": {"a"}, "b": set(), "after b": {"b"}}, act)
    assert sorted(seen) == ["a", "after b", "b"]
    seen.clear()
    walk({"a": set(), "b": {"c"}, "c": set()}, act, goes_on=lambda: not seen)
    assert "b" not in seen


def test_events_tell_the_physical_id_once_it_is_known_and_properties_without_secrets(stacks: Stacks, name: str) -> None:
    made = stacks.create(SECRET, {"Secret": "hidden"}, StackName=name, ClientRequestToken="token-1")
    events = stacks.api.describe_stack_events(StackName=name)["StackEvents"][::-1]
    first, initiated, complete = (event for event in events if event["LogicalResourceId"] == "A")
    assert first["ResourceStatus"] == initiated["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert not first.get("PhysicalResourceId")
    assert initiated["ResourceStatusReason"] == "Resource creation Initiated"
    assert initiated["PhysicalResourceId"] == complete["PhysicalResourceId"] == stacks.physical(name)["A"]
    assert json.loads(complete["ResourceProperties"]) == {"Type": "String", "Value": "x-****-y"}
    assert {event["ClientRequestToken"] for event in events} == {"token-1"}
    assert len({event["OperationId"] for event in events}) == 1
    shown = {p["ParameterKey"]: p["ParameterValue"] for p in made["Parameters"]}
    assert shown == {"Secret": "****"}
    assert stacks.parameter(stacks.physical(name)["A"]) == "x-hidden-y"


def test_resources_in_progress_when_another_fails_are_cancelled_and_taken_back(stacks: Stacks, name: str) -> None:
    many = "".join(
        f"  P{n}: {{Type: AWS::SSM::Parameter, Properties: {{Name: {name}-{n}, Type: String, Value: a}}}}\n"
        for n in range(20)
    )
    bad = "  Bad: {Type: AWS::SSM::Parameter, Properties: {Name: aws/ssm, Type: String, Value: bad}}\n"
    ended = stacks.create(f"Resources:\n{bad}{many}", StackName=name)
    assert ended["StackStatus"] == "ROLLBACK_COMPLETE"
    assert [stacks.parameter(f"{name}-{n}") for n in range(20)] == [None] * 20
    cancelled = [e for e in stacks.events(ended["StackId"]) if e[1] == "CREATE_FAILED" and e[0] != "Bad"]
    assert {reason for _, _, reason in cancelled} <= {"Resource creation cancelled"}


def test_descriptions_are_complete(stacks: Stacks, sandbox: Sandbox, name: str) -> None:
    template = (
        "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>'}}\n"
        "Resources: {A: {Type: AWS::SSM::Parameter, Metadata: {told: here}, Properties: {Type: String, Value: !Ref P}}}"
    )
    sandbox.client("ssm").put_parameter(Name=f"{name}-p", Type="String", Value="resolved")
    stacks.create(template, {"P": f"{name}-p"}, StackName=name, TimeoutInMinutes=5)
    stack = stacks.api.describe_stacks(StackName=name)["Stacks"][0]
    assert stack["Parameters"] == [
        {"ParameterKey": "P", "ParameterValue": f"{name}-p", "ResolvedValue": "resolved"},
    ]
    assert stack["DriftInformation"]["StackDriftStatus"] == "NOT_CHECKED"
    assert (stack["EnableTerminationProtection"], stack["TimeoutInMinutes"]) == (False, 5)
    assert stack["LastOperations"][0]["OperationType"] == "CREATE_STACK"
    physical = stacks.physical(name)["A"]
    [found] = stacks.api.describe_stack_resources(PhysicalResourceId=physical)["StackResources"]
    assert (found["StackName"], found["LogicalResourceId"]) == (name, "A")
    detail = stacks.api.describe_stack_resource(StackName=name, LogicalResourceId="A")["StackResourceDetail"]
    assert json.loads(detail["Metadata"]) == {"told": "here"}
    limits = {limit["Name"]: limit["Value"] for limit in stacks.api.describe_account_limits()["AccountLimits"]}
    assert limits["StackLimit"] == 2000


def test_the_same_request_again_is_answered_and_not_done_twice(stacks: Stacks, name: str) -> None:
    first = stacks.start(FOLLOWED, {"Name": name}, StackName=name, ClientRequestToken="t1")
    assert stacks.start(FOLLOWED, {"Name": name}, StackName=name, ClientRequestToken="t1") == first
    stacks.ended(first)
    stacks.update(name, with_bad(FOLLOWED), {"Name": name}, ClientRequestToken="t2")
    count = len(stacks.events(first))
    stacks.start_update(name, with_bad(FOLLOWED), {"Name": name}, ClientRequestToken="t2")
    assert len(stacks.events(first)) == count
    with pytest.raises(stacks.api.exceptions.TokenAlreadyExistsException):
        stacks.api.delete_stack(StackName=name, ClientRequestToken="t2")
