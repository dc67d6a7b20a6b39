"""Signals: what a resource waits for by its CreationPolicy or UpdatePolicy, and SignalResource, which sends them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from smproject.sandbox.cloudformation import resources
from smproject.sandbox.cloudformation.book import Book, book_of
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context
from smproject.sandbox.cloudformation.stacks import Resource, Stack
from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.world import World

_POLL_SECONDS = 0.1
DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_MOST_SECONDS = 43_200
_IN_MOTION = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}


class Inbox:
    """Where the signals for a resource arrive while it is made or changed; a context manager."""

    def __init__(self, world: World, stack: Stack, resource: Resource, halted: Callable[[], bool]) -> None:
        self._lock, self._stack, self._resource, self._halted = book_of(world).lock, stack, resource, halted
        self._signals: dict[str, str] = {}
        self._read = 0

    def __enter__(self) -> Inbox:
        """Take signals from now on."""
        self._stack.awaited[self._resource.logical_id] = self._signals
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more signals."""
        with self._lock:
            self._stack.awaited.pop(self._resource.logical_id, None)

    def wait(self, count: int, seconds: float, fails_at_once: bool = False) -> list[tuple[str, str]]:
        """Wait for so many further signals until the time is up; return those that came: id, SUCCESS or FAILURE."""
        deadline = time.monotonic() + seconds
        while len(found := self._new()) < count and time.monotonic() < deadline:
            if fails_at_once and any(status == "FAILURE" for _, status in found):
                break
            if self._halted():
                verb = "creation" if self._resource.status.startswith("CREATE") else "update"
                raise ServiceError("Cancelled", f"Resource {verb} cancelled")
            time.sleep(_POLL_SECONDS)
        self._read += len(found)
        return found

    def demand_created(self, policy: Properties) -> None:
        """Wait for the signals that a CreationPolicy asks for; raises ValueError for failure, or when they don't come.

        Of a group's instances so many must succeed; any other resource fails with the first that tells failure.
        """
        if (asked := policy.get("ResourceSignal")) is None:
            return
        is_group = self._resource.type == "AWS::AutoScaling::AutoScalingGroup"
        count = int(asked.get("Count", 1))
        found = self.wait(count, duration(asked.get("Timeout", "PT5M")), fails_at_once=not is_group)
        if is_group:
            tell_missing(count - len(found), self.tell)
            share = policy.get("AutoScalingCreationPolicy", {})
            _check_share(found, count, float(share.get("MinSuccessfulInstancesPercent", 100)))
        else:
            _check_all(found, count)

    def tell(self, reason: str) -> None:
        """Tell in the stack's events how far the resource is."""
        self._stack.move_resource(self._resource, self._resource.status, reason)

    def _new(self) -> list[tuple[str, str]]:
        with self._lock:
            return list(self._signals.items())[self._read :]


def _check_all(found: list[tuple[str, str]], count: int) -> None:
    """Refuse signals of which one tells failure, or that are too few."""
    for who, status in found:
        if status == "FAILURE":
            raise ValueError(f"Received FAILURE signal with UniqueId {who}")
    if len(found) < count:
        raise ValueError(f"Failed to receive {count - len(found)} resource signal(s) within the specified duration")


def _check_share(found: list[tuple[str, str]], count: int, percent: float) -> None:
    """Refuse signals of which too few tell success."""
    succeeded = sum(status == "SUCCESS" for _, status in found)
    if succeeded < needed(count, percent):
        raise ValueError(f"Received {succeeded} SUCCESS signal(s) out of {count}.  {unable(percent)}")


def tell_missing(missing: int, tell: Callable[[str], None]) -> None:
    """Tell that signals have not come in time."""
    if missing > 0:
        counted = "Each resource signal timeout is counted as a FAILURE."
        tell(f"Failed to receive {missing} resource signal(s) for the current batch.  {counted}")


def needed(count: int, percent: float) -> int:
    """Return how many of so many signals must tell success: of five, three are half."""
    return math.ceil(round(count * percent / 100, 3))


def unable(percent: float) -> str:
    """Return how CloudFormation says that too few signals told success."""
    return f"Unable to satisfy {percent:g}% MinSuccessfulInstancesPercent requirement"


def duration(value: str) -> int:
    """Return the seconds of an ISO 8601 duration of hours, minutes and seconds, at most twelve hours."""
    matched = DURATION.fullmatch(value)
    hours, minutes, seconds = (int(part or 0) for part in matched.groups()) if matched else (0, 0, 0)
    return min(3600 * hours + 60 * minutes + seconds, _MOST_SECONDS)


@contextmanager
def changing(world: World, stack: Stack, resource: Resource, halted: Callable[[], bool]) -> Iterator[Context]:
    """Say where and for whom a resource is changed, while signals for it are taken."""
    policy = resources.policy(world, stack, resource, "UpdatePolicy")
    with Inbox(world, stack, resource, halted) as inbox:
        yield replace(
            resources.context(world, stack, resource),
            halted=halted,
            policy=policy,
            tell=inbox.tell,
            signalled=inbox.wait,
        )


class Signals:
    """SignalResource."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def signal_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell a resource that waits that something has succeeded or failed."""
        stack, name = self.book.find(caller, request["StackName"]), request["LogicalResourceId"]
        who, status = request["UniqueId"], request["Status"]
        with self.book.lock:
            if stack.status not in _IN_MOTION:
                raise _refused(f"Stack {stack.id} is in {stack.status} state and cannot be signaled")
            if name not in stack.resources:
                raise _refused(f"Resource {name} does not exist for stack {request['StackName']}")
            resource, signals = stack.resources[name], stack.awaited.get(name)
            if signals is None:
                raise _refused(f"Resource {name} is in {resource.status} state and cannot be signaled")
            if who in signals and status != "FAILURE":
                already = f"Signal with ID {who} for resource {name} already exists."
                raise _refused(f"{already} Signals may only be updated with a FAILURE status.")
            stack.move_resource(resource, resource.status, f"Received {status} signal with UniqueId {who}")
            signals[who] = status
        return {}


def _refused(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)
