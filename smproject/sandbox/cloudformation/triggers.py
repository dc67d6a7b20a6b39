"""Rollback triggers: CloudWatch alarms that fail an operation on a stack while it is under way, and for a time after.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html
"""

from __future__ import annotations

import time
from collections.abc import Callable

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.world import World

_LOOK_SECONDS = 1.0


class Triggers:
    """The alarms of a stack's rollback configuration, looked at with the stack's credentials."""

    def __init__(self, world: World, stack: Stack) -> None:
        self._world, self._stack = world, stack
        configuration = stack.rollback_configuration
        self._arns = [trigger["Arn"] for trigger in configuration.get("RollbackTriggers", [])]
        self._seconds = 60 * int(configuration.get("MonitoringTimeInMinutes") or 0)

    def alarm(self) -> str:
        """Return why the operation is to fail: an alarm that went off, or one that does not exist."""
        if not self._arns:
            return ""
        owner = self._stack.owner
        names = {arn.split(":", 6)[6]: arn for arn in self._arns}
        client = self._world.client("cloudwatch", owner.credentials, owner.region)
        try:
            answer = client.describe_alarms(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        except ClientError as error:
            return f"The rollback triggers can't be looked at: {error.response['Error']['Message']}. "
        states = {each["AlarmName"]: each["StateValue"] for each in answer["MetricAlarms"] + answer["CompositeAlarms"]}
        for name, arn in names.items():
            if name not in states:
                return f"Rollback trigger {arn} does not exist. "
            if states[name] == "ALARM":
                return f"Rollback trigger {arn} is in ALARM state. "
        return ""

    def monitor(self, is_current: Callable[[], bool]) -> str:
        """Look at the alarms for the monitoring time, as long as the operation goes on; return why it is to fail."""
        if not self._arns:
            return ""
        end = time.monotonic() + self._seconds
        while not (reason := self.alarm()) and is_current() and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        return reason
