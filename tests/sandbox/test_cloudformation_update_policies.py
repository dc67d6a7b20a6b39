"""UpdatePolicy: how the instances of an Auto Scaling group are replaced, and its sizes left alone."""

from __future__ import annotations

import uuid

import pytest
from harness import Sandbox
from persons import policy
from signals import INITIATED, Signaller, group
from stacks import Stacks

ROLLING = "UpdatePolicy: {AutoScalingRollingUpdate: %s}"
SIGNALLED = "WaitOnResourceSignals: true, PauseTime: PT1M"
SMALL = {"Type": "t3.small"}


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture(scope="module")
def signaller(stacks: Stacks) -> Signaller:
    return Signaller(stacks)


def made(stacks: Stacks, update: str, **more: str) -> str:
    ended = stacks.create(group(update, **more))
    assert ended["StackStatus"] == "CREATE_COMPLETE", stacks.events(ended["StackId"])
    return str(ended["StackId"])


def test_without_a_policy_the_instances_stay(stacks: Stacks, signaller: Signaller) -> None:
    stack = made(stacks, "")
    before, name = signaller.instances(stack), stacks.physical(stack)["Group"]
    assert stacks.update(stack, parameters=SMALL)["StackStatus"] == "UPDATE_COMPLETE"
    assert signaller.instances(stack) == before
    assert stacks.physical(stack)["Group"] == name
    assert {each["LaunchConfigurationName"] for each in signaller.described(stack)["Instances"]} != {
        signaller.described(stack)["LaunchConfigurationName"]
    }


def test_a_rolling_update_replaces_the_instances_in_batches(stacks: Stacks, signaller: Signaller) -> None:
    stack = made(stacks, ROLLING % "{MaxBatchSize: 1}")
    one, two = signaller.instances(stack)
    assert stacks.update(stack, parameters=SMALL)["StackStatus"] == "UPDATE_COMPLETE"
    assert signaller.kinds(stack) == ["t3.small", "t3.small"]
    told = [reason for reason in signaller.reasons(stack, "Group") if reason not in {"", INITIATED}]
    begun = "Rolling update initiated. Terminating 2 obsolete instance(s) in batches of 1, while keeping at least 0 "
    assert told == [
        begun + "instance(s) in service.",
        f"Terminating instance(s) [{one}]; replacing with 1 new instance(s).",
        f"Successfully terminated instance(s) [{one}] (Progress 50%).",
        f"Terminating instance(s) [{two}]; replacing with 1 new instance(s).",
        f"Successfully terminated instance(s) [{two}] (Progress 100%).",
    ]


def test_a_rolling_update_waits_for_the_signals_of_new_instances(stacks: Stacks, signaller: Signaller) -> None:
    stack = made(stacks, ROLLING % f"{{MinInstancesInService: 2, {SIGNALLED}}}")
    [one, two] = signaller.instances(stack)
    stacks.start_update(stack, parameters=SMALL)
    assert signaller.answer(stack, "Group") == "UPDATE_COMPLETE"
    assert not {one, two} & set(signaller.instances(stack))
    assert signaller.described(stack)["DesiredCapacity"] == 2
    told = signaller.reasons(stack, "Group")
    assert "Temporarily setting autoscaling group MinSize and DesiredCapacity to 3." in told
    waits = "New instance(s) added to autoscaling group - Waiting on 1 resource signal(s) with a timeout of PT1M."
    assert told.count(waits) == 2
    assert f"Terminating instance(s) [{two}]; replacing with 0 new instance(s)." in told


def test_a_rolling_update_whose_instances_fail_goes_back(stacks: Stacks, signaller: Signaller) -> None:
    stack = made(stacks, ROLLING % f"{{{SIGNALLED}}}")
    one, two = signaller.instances(stack)
    stacks.start_update(stack, parameters=SMALL)
    waits = "Waiting on 1 resource signal(s)"
    signaller.until(stack, "Group", waits)
    signaller.send(stack, "Group", signaller.instances(stack)[-1], "FAILURE")
    signaller.until(stack, "Group", waits, 2)  # for the instance that takes the failed one's place
    signaller.send(stack, "Group", signaller.instances(stack)[-1])
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    unable = "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
    assert f"Received 1 FAILURE signal(s) out of 2.  {unable}" in signaller.reasons(stack, "Group")
    assert signaller.kinds(stack) == ["t3.micro", "t3.micro"]
    assert one not in signaller.instances(stack)
    assert two in signaller.instances(stack)


def test_enough_successes_are_enough(stacks: Stacks, signaller: Signaller) -> None:
    some = "MinSuccessfulInstancesPercent: 50, WaitOnResourceSignals: true, PauseTime: PT1S"
    stack = made(stacks, ROLLING % f"{{MaxBatchSize: 1, {some}}}")
    stacks.start_update(stack, parameters=SMALL)
    signaller.until(stack, "Group", "Failed to receive 1 resource signal(s) for the current batch.")
    signaller.until(stack, "Group", "Waiting on 1 resource signal(s)", 2)
    signaller.send(stack, "Group", signaller.instances(stack)[-1])
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_COMPLETE"


def test_the_processes_to_suspend_go_on_afterwards(stacks: Stacks, signaller: Signaller) -> None:
    stack = made(stacks, ROLLING % f"{{{SIGNALLED}, SuspendProcesses: [AlarmNotification, Launch]}}")
    stacks.start_update(stack, parameters=SMALL)
    signaller.until(stack, "Group", "Waiting on")
    suspended = {each["ProcessName"] for each in signaller.described(stack)["SuspendedProcesses"]}
    assert suspended == {"AlarmNotification", "Launch"}
    signaller.answer(stack, "Group")
    assert signaller.described(stack)["SuspendedProcesses"] == []


def test_a_policy_that_keeps_too_many_in_service_fails(stacks: Stacks) -> None:
    stack = made(stacks, ROLLING % "{MinInstancesInService: 4}")
    assert stacks.update(stack, parameters=SMALL)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "must be less than the autoscaling group's MaxSize" in stacks.reason(stack)


def test_a_replacing_update_makes_a_new_group(stacks: Stacks, signaller: Signaller) -> None:
    waits = "CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT1M}}"
    stack = stacks.start(group("UpdatePolicy: {AutoScalingReplacingUpdate: {WillReplace: true}}", waits))
    signaller.until(stack, "Group", INITIATED)
    signaller.send(stack, "Group", signaller.instances(stack)[0])
    stacks.ended(stack)
    former = stacks.physical(stack)["Group"]
    stacks.start_update(stack, parameters=SMALL)
    signaller.until(stack, "Group", INITIATED, 2)
    signaller.send(stack, "Group", signaller.instances(stack)[0])
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical(stack)["Group"] != former
    client = stacks.sandbox.client("autoscaling")
    assert not client.describe_auto_scaling_groups(AutoScalingGroupNames=[former])["AutoScalingGroups"]


@pytest.mark.parametrize(("ignores", "size"), [("true", 3), ("false", 2)])
def test_sizes_that_the_template_has_not_changed(stacks: Stacks, signaller: Signaller, ignores: str, size: int) -> None:
    policy = f"UpdatePolicy: {{AutoScalingScheduledAction: {{IgnoreUnmodifiedGroupSizeProperties: {ignores}}}}}"
    stack = made(stacks, policy, sizes="MinSize: 1, MaxSize: 4, DesiredCapacity: 2")
    client = stacks.sandbox.client("autoscaling")
    client.set_desired_capacity(AutoScalingGroupName=stacks.physical(stack)["Group"], DesiredCapacity=3)
    stacks.update(stack, parameters=SMALL)
    assert len(signaller.instances(stack)) == size


def test_a_role_needs_no_more_than_its_own_groups(stacks: Stacks, signaller: Signaller) -> None:
    name = f"own-{uuid.uuid4().hex[:8]}"
    own = "arn:aws:autoscaling:us-east-1:222222222222"
    resources = [
        f"{own}:autoScalingGroup:*:autoScalingGroupName/{name}-*",
        f"{own}:launchConfiguration:*:launchConfigurationName/{name}-*",
    ]
    allowed = [
        {"Effect": "Allow", "Action": "autoscaling:*", "Resource": resources},
        {"Effect": "Allow", "Action": "autoscaling:Describe*", "Resource": "*"},
    ]
    role = stacks.sandbox.role(name, "cloudformation.amazonaws.com", policies=[policy(*allowed)])
    template = group(ROLLING % "{MaxBatchSize: 1}")
    made = stacks.create(template, StackName=name, RoleARN=role, Tags=[{"Key": "k", "Value": "1"}])
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(name)
    updated = stacks.update(name, None, SMALL, Tags=[{"Key": "k", "Value": "2"}])
    assert updated["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(name)
    assert signaller.kinds(name) == ["t3.small", "t3.small"]
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_changed_policy_alone_is_no_update(stacks: Stacks) -> None:
    stack = made(stacks, ROLLING % "{MaxBatchSize: 1}")
    with pytest.raises(Exception, match="No updates are to be performed"):
        stacks.start_update(stack, group(ROLLING % "{MaxBatchSize: 2}"))


REFUSED = [
    ("{AutoScalingInstanceRefresh: {Strategy: Rolling}}", "does not execute the AutoScalingInstanceRefresh"),
    ("{AutoScalingRollingUpdate: {MaxBatch: 1}}", "extraneous key [MaxBatch] is not permitted"),
    ("{AutoScalingRollingUpdate: {SuspendProcesses: [Sleep]}}", "SuspendProcesses"),
]


@pytest.mark.parametrize(("policy", "told"), REFUSED)
def test_a_policy_that_is_not_obeyed_is_refused(stacks: Stacks, policy: str, told: str) -> None:
    assert told in stacks.refusal(group(f"UpdatePolicy: {policy}"))
