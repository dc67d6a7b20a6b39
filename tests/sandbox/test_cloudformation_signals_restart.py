"""A stack that waits for signals when the sandbox is killed has failed, as with any other interruption."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from durable import Durable
from signals import HOST, INITIATED, Signaller, group
from stacks import Stacks

ROLLING = "UpdatePolicy: {AutoScalingRollingUpdate: {WaitOnResourceSignals: true, PauseTime: PT1M}}"


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Durable]:
    made = Durable(tmp_path / "home")
    made.up()
    yield made
    made.kill()


def again(durable: Durable) -> Signaller:
    durable.saved()
    durable.kill()
    return Signaller(Stacks(durable.up()))


def test_a_creation_that_waited_has_failed(durable: Durable) -> None:
    signaller = Signaller(Stacks(durable.sandbox))
    stack = signaller.stacks.start(HOST, {"Count": "2"})
    signaller.until(stack, "Host", INITIATED)
    signaller.send(stack, "Host", "one")
    signaller = again(durable)
    ended = signaller.stacks.ended(stack)
    assert (ended["StackStatus"], "stopped" in ended["StackStatusReason"]) == ("CREATE_FAILED", True)
    with pytest.raises(ClientError, match="is in CREATE_FAILED state and cannot be signaled"):
        signaller.send(stack, "Host", "two")
    assert signaller.stacks.delete(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_rolling_update_that_waited_goes_back(durable: Durable) -> None:
    signaller = Signaller(Stacks(durable.sandbox))
    stack = signaller.stacks.create(group(ROLLING))["StackId"]
    kept = signaller.instances(stack)[1]
    signaller.stacks.start_update(stack, parameters={"Type": "t3.small"})
    signaller.until(stack, "Group", "Waiting on 1 resource signal(s)")
    signaller = again(durable)
    signaller.until(stack, "Group", "Waiting on 1 resource signal(s)", 2)
    signaller.send(stack, "Group", signaller.instances(stack)[-1])
    assert signaller.stacks.ended(stack)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert signaller.kinds(stack) == ["t3.micro", "t3.micro"]
    assert kept in signaller.instances(stack)
