"""Rolling updates: a group's instances are replaced in batches, while enough of them stay in service.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context
from smproject.sandbox.cloudformation.signals import duration, needed, tell_missing, unable
from smproject.sandbox.service import ServiceError

_POLL_SECONDS = 0.1


def described(client: Any, group: str) -> dict[str, Any] | None:
    """Return the description of a group; None when there is none."""
    found = client.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return dict(found[0]) if found else None


def instances(client: Any, group: str) -> list[dict[str, Any]] | None:
    """Return the instances of a group; None when there is no group."""
    found = described(client, group)
    return list(found["Instances"]) if found else None


class Rolling:
    """One rolling update of a group, as an AutoScalingRollingUpdate says."""

    def __init__(self, context: Context, group: str, policy: Properties, max_size: int) -> None:
        self._context, self._client, self._group = context, context.client("autoscaling"), group
        self._waits = text(policy.get("WaitOnResourceSignals")) == "true"
        self._pause = str(policy.get("PauseTime", "PT5M" if self._waits else "PT0S"))
        self._percent = float(policy.get("MinSuccessfulInstancesPercent", 100))
        self._suspended = list(policy.get("SuspendProcesses", []))
        self._size = int((described(self._client, group) or {})["DesiredCapacity"])
        active = needed(self._size, float(policy.get("MinActiveInstancesPercent", 0)))
        self._in_service = max(int(policy.get("MinInstancesInService", 0)), active)
        if self._in_service >= max_size:
            raise ValueError("MinInstancesInService must be less than the autoscaling group's MaxSize.")
        self._batch = min(int(policy.get("MaxBatchSize", 1)), max_size - self._in_service)
        self._total = self._failed = self._added = 0

    def replace(self, older: list[str]) -> None:
        """Replace these instances; raises ValueError when too few of the new ones signal success."""
        self._total, left = len(older), list(older)
        self._tell_plan(len(older))
        with self._alone():
            spare = self._in_service + min(self._batch, len(left)) - self._size
            if spare > 0:
                self._context.tell(
                    f"Temporarily setting autoscaling group MinSize and DesiredCapacity to {self._size + spare}."
                )
                self._add(spare)
            while left:
                batch, left = left[: self._batch], left[self._batch :]
                self._turn(batch, f"{100 * (self._total - len(left)) // self._total}%")

    def _tell_plan(self, count: int) -> None:
        signals = (
            f" Waiting on resource signals with a timeout of {self._pause} when new instances are added to the "
            "autoscaling group."
        )
        self._context.tell(
            f"Rolling update initiated. Terminating {count} obsolete instance(s) in batches of {self._batch}, while "
            f"keeping at least {self._in_service} instance(s) in service.{signals if self._waits else ''}"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Suspend what could disturb the update, and let the group have the size that it had at the end."""
        processes = {"AutoScalingGroupName": self._group, "ScalingProcesses": self._suspended}
        if self._suspended:
            call(self._client, "SuspendProcesses", processes)
        try:
            yield
        finally:
            self._settle()
            if self._suspended:
                call(self._client, "ResumeProcesses", processes)

    def _turn(self, batch: list[str], progress: str) -> None:
        """Terminate a batch of instances, and launch as many as the group lacks then."""
        present = [each["InstanceId"] for each in instances(self._client, self._group) or []]
        new = max(0, min(len(batch), self._size - self._added))
        named = f"[{','.join(batch)}]"
        self._context.tell(f"Terminating instance(s) {named}; replacing with {new} new instance(s).")
        for each in set(batch) & set(present):
            self._terminate(each)
        self._context.tell(f"Successfully terminated instance(s) {named} (Progress {progress}).")
        if new:
            self._add(new)

    def _add(self, count: int) -> None:
        """Launch further instances, and wait until they have had their time, or have signalled."""
        self._resize(len(instances(self._client, self._group) or []) + count)
        self._added += count
        if not self._waits:
            self._rest()
            return
        waiting = f"Waiting on {count} resource signal(s) with a timeout of {self._pause}."
        self._context.tell(f"New instance(s) added to autoscaling group - {waiting}")
        found = self._context.signalled(count, duration(self._pause))
        tell_missing(count - len(found), self._context.tell)
        self._failed += count - sum(status == "SUCCESS" for _, status in found)
        if self._failed > self._total - needed(self._total, self._percent):
            raise ValueError(
                f"Received {self._failed} FAILURE signal(s) out of {self._total}.  {unable(self._percent)}"
            )

    def _settle(self) -> None:
        """Give the group its size again; of too many instances the newest go."""
        for each in (instances(self._client, self._group) or [])[self._size :]:
            self._terminate(each["InstanceId"])
        self._resize(self._size)

    def _terminate(self, instance: str) -> None:
        request = {"InstanceId": instance, "ShouldDecrementDesiredCapacity": True}
        call(self._client, "TerminateInstanceInAutoScalingGroup", request)

    def _resize(self, size: int) -> None:
        request = {"AutoScalingGroupName": self._group, "DesiredCapacity": size}
        call(self._client, "SetDesiredCapacity", request)

    def _rest(self) -> None:
        ends = time.monotonic() + duration(self._pause)
        while time.monotonic() < ends:
            if self._context.halted():
                raise ServiceError("Cancelled", "Resource update cancelled")
            time.sleep(_POLL_SECONDS)
