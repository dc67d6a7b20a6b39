"""CreationPolicy and SignalResource: a stack waits until its resources are signalled."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from signals import HOST, INITIATED, Signaller, group
from stacks import Stacks

CONDITION = """
Resources:
  Wait: {Type: AWS::CloudFormation::WaitCondition, CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT1M}}}
Outputs: {Data: {Value: !GetAtt Wait.Data}}
"""
SIGNAL = "CreationPolicy: {ResourceSignal: {Count: 2, Timeout: %s}, AutoScalingCreationPolicy: %s}"


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture(scope="module")
def signaller(stacks: Stacks) -> Signaller:
    return Signaller(stacks)


def refused(signaller: Signaller, stack: str, resource: str, who: str, status: str = "SUCCESS") -> str:
    with pytest.raises(ClientError) as error:
        signaller.send(stack, resource, who, status)
    assert error.value.response["Error"]["Code"] == "ValidationError"
    return str(error.value.response["Error"]["Message"])


def test_a_resource_is_complete_once_its_signals_have_come(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(HOST, {"Count": "2"})
    signaller.until(stack, "Host", INITIATED)
    signaller.send(stack, "Host", "one")
    assert "After" not in stacks.physical(stack)
    signaller.send(stack, "Host", "two")
    assert stacks.ended(stack)["StackStatus"] == "CREATE_COMPLETE"
    told = [(status, reason) for name, status, reason in stacks.events(stack) if name == "Host"]
    assert told == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", INITIATED),
        ("CREATE_IN_PROGRESS", "Received SUCCESS signal with UniqueId one"),
        ("CREATE_IN_PROGRESS", "Received SUCCESS signal with UniqueId two"),
        ("CREATE_COMPLETE", ""),
    ]


def test_a_signal_of_failure_rolls_back_at_once(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(HOST, {"Count": "2"})
    signaller.until(stack, "Host", INITIATED)
    host = stacks.physical(stack)["Host"]
    signaller.send(stack, "Host", "one", "FAILURE")
    assert stacks.ended(stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason(stack) == "Received FAILURE signal with UniqueId one"
    [found] = stacks.sandbox.client("ec2").describe_instances(InstanceIds=[host])["Reservations"][0]["Instances"]
    assert found["State"]["Name"] == "terminated"


def test_signals_that_do_not_come_in_time_roll_back(stacks: Stacks) -> None:
    made = stacks.create(HOST, {"Count": "3", "Timeout": "PT1S"})
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.reason(made["StackId"]) == "Failed to receive 3 resource signal(s) within the specified duration"


def test_a_wait_condition_waits_by_its_policy(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(CONDITION)
    signaller.until(stack, "Wait", INITIATED)
    signaller.send(stack, "Wait", "one")
    signaller.send(stack, "Wait", "two")
    assert stacks.ended(stack)["StackStatus"] == "CREATE_COMPLETE"


def test_a_group_asks_for_its_share_of_successes(stacks: Stacks, signaller: Signaller) -> None:
    half = group(creation=SIGNAL % ("PT1M", "{MinSuccessfulInstancesPercent: 50}"))
    stack = stacks.start(half)
    signaller.until(stack, "Group", INITIATED)
    first, second = signaller.instances(stack)
    signaller.send(stack, "Group", first, "FAILURE")
    signaller.send(stack, "Group", second)
    assert stacks.ended(stack)["StackStatus"] == "CREATE_COMPLETE"


def test_a_group_with_too_few_successes_fails(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(group(creation=SIGNAL % ("PT3S", "{}")))
    signaller.until(stack, "Group", INITIATED)
    signaller.send(stack, "Group", signaller.instances(stack)[0])
    assert stacks.ended(stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    missed = "Failed to receive 1 resource signal(s) for the current batch.  "
    missed += "Each resource signal timeout is counted as a FAILURE."
    unable = "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
    assert signaller.reasons(stack, "Group")[3:5] == [missed, f"Received 1 SUCCESS signal(s) out of 2.  {unable}"]


def test_only_who_waits_can_be_signalled(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(HOST, {"Count": "2"})
    signaller.until(stack, "Host", INITIATED)
    signaller.send(stack, "Host", "one")
    again = refused(signaller, stack, "Host", "one")
    assert again.startswith("Signal with ID one for resource Host already exists.")
    assert refused(signaller, stack, "First", "one").endswith("is in CREATE_COMPLETE state and cannot be signaled")
    assert "Nobody does not exist for stack" in refused(signaller, stack, "Nobody", "one")
    signaller.send(stack, "Host", "one", "FAILURE")  # a success may be taken back
    assert stacks.ended(stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    late = refused(signaller, stack, "Host", "two")
    assert late == f"Stack {stack} is in ROLLBACK_COMPLETE state and cannot be signaled"
    assert "does not exist" in refused(signaller, "nobody", "Host", "one")


def test_who_waits_ends_when_something_else_fails(stacks: Stacks, signaller: Signaller) -> None:
    other = "  Other: {Type: AWS::CloudFormation::WaitCondition, CreationPolicy: {ResourceSignal: {Timeout: PT1M}}}"
    stack = stacks.start(HOST.replace("  After:", f"{other}\n  After:"))
    for each in ("Host", "Other"):
        signaller.until(stack, each, INITIATED)
    signaller.send(stack, "Other", "one", "FAILURE")
    assert stacks.ended(stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Resource creation cancelled" in signaller.reasons(stack, "Host")


def test_who_waits_is_deleted_with_the_stack(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(HOST)
    signaller.until(stack, "Host", INITIATED)
    assert stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_replacement_is_signalled_too(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(HOST)
    signaller.until(stack, "Host", INITIATED)
    signaller.send(stack, "Host", "one")
    stacks.ended(stack)
    other = HOST.replace("ami-12c6146b", "ami-03cf127a")
    stacks.start_update(stack, other)
    signaller.until(stack, "Host", INITIATED, 2)
    signaller.send(stack, "Host", "one")
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_COMPLETE"


def test_the_cli_sends_signals(stacks: Stacks, signaller: Signaller) -> None:
    stack = stacks.start(HOST)
    signaller.until(stack, "Host", INITIATED)
    target = ("--stack-name", stack, "--logical-resource-id", "Host", "--unique-id", "i-1", "--status", "SUCCESS")
    ran = stacks.sandbox.run_cli("cloudformation", "signal-resource", *target)
    assert ran.returncode == 0, ran.stderr
    assert stacks.ended(stack)["StackStatus"] == "CREATE_COMPLETE"


WRONG = [
    ("{ResourceSignal: {Timeout: 5 minutes}}", "Timeout"),
    ("{ResourceSignal: {Count: 0}}", "Count"),
    ("{ResourceSignals: {Count: 1}}", "extraneous key [ResourceSignals] is not permitted"),
    ("{ResourceSignal: {Count: !Ref Nobody}}", "Unresolved resource dependencies [Nobody]"),
]


@pytest.mark.parametrize(("policy", "told"), WRONG)
def test_a_policy_that_says_nothing_known_is_refused(stacks: Stacks, policy: str, told: str) -> None:
    item = f"{{Type: AWS::EC2::Instance, CreationPolicy: {policy}, Properties: {{ImageId: ami-12c6146b}}}}"
    assert told in stacks.refusal(f"Resources: {{A: {item}}}")


def test_a_policy_that_comes_out_wrong_fails_the_resource(stacks: Stacks) -> None:
    made = stacks.create(HOST, {"Timeout": "5 minutes"})
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Timeout" in stacks.reason(made["StackId"])
