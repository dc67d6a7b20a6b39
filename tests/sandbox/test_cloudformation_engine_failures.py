"""Operations that fail without rollback, are retried, rolled back later, cancelled, or run out of time."""

from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError, WaiterError
from harness import Sandbox, eventually
from stacks import BAD, FOLLOWED, Stacks, with_bad

BEFORE_MENDED = with_bad(FOLLOWED)
MENDED = BEFORE_MENDED.replace("Name: aws/ssm", 'Name: !Sub "${AWS::StackName}-5"')


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"failures-{uuid.uuid4().hex[:8]}"


def test_a_failed_creation_goes_on_from_where_it_stopped(stacks: Stacks, name: str) -> None:
    failed = stacks.create(BEFORE_MENDED, {"Name": name}, StackName=name, DisableRollback=True)
    assert (failed["StackStatus"], failed["DisableRollback"]) == ("CREATE_FAILED", True)
    assert stacks.parameter(f"{name}-4") == "added"
    with pytest.raises(ClientError, match="please use the disable-rollback parameter with update-stack API"):
        stacks.start_update(name, MENDED, {"Name": name})
    updated = stacks.update(name, MENDED, {"Name": name}, DisableRollback=True)
    assert (updated["StackStatus"], stacks.parameter(f"{name}-5")) == ("UPDATE_COMPLETE", "bad")
    touched = {who for who, status, _ in stacks.latest(failed["StackId"]) if status.startswith("CREATE")}
    assert touched == {"Bad"}


def test_what_does_not_depend_on_the_failure_is_made_all_the_same(stacks: Stacks, name: str) -> None:
    template = BEFORE_MENDED.replace("DependsOn: [Second, Third, Added]", "Metadata: {}")
    failed = stacks.create(template, {"Name": name}, StackName=name, OnFailure="DO_NOTHING")
    assert failed["StackStatus"] == "CREATE_FAILED"
    assert failed["StackStatusReason"] == "The following resource(s) failed to create: [Bad]. "
    made = [stacks.parameter(f"{name}{suffix}") for suffix in ("", "-2", "-3", "-4")]
    assert made == ["one", name, "third", "added"]


def test_a_creation_without_a_stable_state_is_rolled_back_by_deleting_it(stacks: Stacks, name: str) -> None:
    failed = stacks.create(BEFORE_MENDED, {"Name": name}, StackName=name, DisableRollback=True)["StackId"]
    stacks.api.rollback_stack(StackName=name)
    assert (stacks.ended(failed)["StackStatus"], stacks.parameter(name)) == ("DELETE_COMPLETE", None)


def test_a_failed_update_is_rolled_back_to_the_last_stable_state(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    broken = BEFORE_MENDED.replace("Value: third", "Value: changed")
    first = stacks.update(name, broken, {"Name": f"{name}-new"}, DisableRollback=True)
    assert first["StackStatus"] == "UPDATE_FAILED"
    assert (stacks.parameter(name), stacks.parameter(f"{name}-new")) == ("one", "one")
    again = stacks.update(name, broken, {"Name": f"{name}-newer", "Value": "two"}, DisableRollback=True)
    assert (again["StackStatus"], stacks.parameter(f"{name}-newer")) == ("UPDATE_FAILED", "two")
    stacks.api.rollback_stack(StackName=name)
    poll = {"Delay": 1, "MaxAttempts": 300}
    stacks.api.get_waiter("stack_rollback_complete").wait(StackName=name, WaiterConfig=poll)
    ended = stacks.ended(name)
    assert (ended["Parameters"], ended["Outputs"]) == (made["Parameters"], made["Outputs"])
    found = {suffix: stacks.parameter(f"{name}{suffix}") for suffix in ("", "-new", "-newer", "-2", "-3", "-4")}
    assert found == {"": "one", "-new": None, "-newer": None, "-2": name, "-3": "third", "-4": None}
    with pytest.raises(ClientError, match="is in UPDATE_ROLLBACK_COMPLETE state"):
        stacks.api.rollback_stack(StackName=name)


def test_a_failed_update_can_be_mended_or_deleted(stacks: Stacks, name: str) -> None:
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name)
    stacks.update(name, BEFORE_MENDED, {"Name": f"{name}-new"}, DisableRollback=True)
    ended = stacks.update(name, MENDED, {"Name": f"{name}-new"}, DisableRollback=True)
    assert ended["StackStatus"] == "UPDATE_COMPLETE"
    assert (stacks.parameter(name), stacks.parameter(f"{name}-new")) == (None, "one")
    stacks.update(name, BEFORE_MENDED.replace("-5", "-6"), {"Name": f"{name}-newest"}, DisableRollback=True)
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    left = [stacks.parameter(f"{name}{suffix}") for suffix in ("", "-new", "-newest", "-2", "-3", "-4", "-5")]
    assert left == [None] * 7


def test_new_resources_that_are_to_be_retained_go_with_a_rollback_when_asked(stacks: Stacks, name: str) -> None:
    kept = BAD.replace("Added: {Type", "Added: {DeletionPolicy: Retain, Type")
    template = FOLLOWED.replace("Outputs:", f"{kept.strip(chr(10))}\nOutputs:")
    stacks.create(template, {"Name": name}, StackName=name)
    assert stacks.parameter(f"{name}-4") == "added"
    other = f"{name}-other"
    stacks.create(template, {"Name": other}, StackName=other, RetainExceptOnCreate=True)
    assert stacks.parameter(f"{other}-4") is None


def test_an_update_can_be_cancelled(stacks: Stacks, name: str) -> None:
    chain = "Parameters: {V: {Type: String, Default: a}}\nResources:\n  R0: &p\n    Type: AWS::SSM::Parameter\n"
    chain += "    Properties: {Type: String, Value: !Ref V}\n"
    for n in range(1, 30):
        chain += f"  R{n}: {{Type: AWS::SSM::Parameter, DependsOn: R{n - 1}, "
        chain += "Properties: {Type: String, Value: !Ref V}}\n"
    chain = chain.replace(" &p", "")
    stack = stacks.create(chain, StackName=name)["StackId"]
    stacks.start_update(name, None, {"V": "b"})
    stacks.api.cancel_update_stack(StackName=name)
    assert stacks.ended(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {stacks.parameter(id_) for id_ in stacks.physical(name).values()} == {"a"}
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated") in [
        ("stack", status, reason) for _, status, reason in stacks.events(stack)
    ]
    with pytest.raises(ClientError, match="CancelUpdateStack cannot be called from current stack status"):
        stacks.api.cancel_update_stack(StackName=name)
    with pytest.raises(WaiterError, match="UPDATE_ROLLBACK_COMPLETE"):
        stacks.api.get_waiter("stack_update_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
        )


def alarmed(sandbox: Sandbox, name: str) -> dict[str, object]:
    """Return a rollback configuration with an alarm that is OK."""
    api = sandbox.client("cloudwatch")
    api.put_metric_alarm(
        AlarmName=name,
        Namespace="tests",
        MetricName="m",
        Statistic="Sum",
        Period=3600,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    arn = api.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
    return {"RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}], "MonitoringTimeInMinutes": 1}


def test_an_alarm_that_goes_off_while_a_stack_is_monitored_rolls_it_back(
    stacks: Stacks, sandbox: Sandbox, name: str
) -> None:
    triggers = alarmed(sandbox, name)
    stack = stacks.start(FOLLOWED, {"Name": name}, StackName=name, RollbackConfiguration=triggers)
    eventually(lambda: stacks.parameter(f"{name}-2"))
    sandbox.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    ended = stacks.ended(stack)
    assert (ended["StackStatus"], ended["RollbackConfiguration"]) == ("ROLLBACK_COMPLETE", triggers)
    told = [reason for _, status, reason in stacks.events(stack) if status == "ROLLBACK_IN_PROGRESS"]
    assert "is in ALARM state" in told[0]
    assert stacks.parameter(name) is None


def test_a_trigger_that_is_no_alarm_is_refused_and_one_that_is_missing_fails(stacks: Stacks, name: str) -> None:
    arn = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:absent"
    other = {"RollbackTriggers": [{"Arn": arn, "Type": "AWS::SNS::Topic"}]}
    assert "is not a CloudWatch alarm" in stacks.refusal(FOLLOWED, {"Name": name}, RollbackConfiguration=other)
    missing = {"RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}]}
    ended = stacks.create(FOLLOWED, {"Name": name}, RollbackConfiguration=missing)
    assert (ended["StackStatus"], stacks.parameter(name)) == ("ROLLBACK_COMPLETE", None)
