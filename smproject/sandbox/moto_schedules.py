"""Schedules, scheduled rules and bucket events, which moto keeps (tests/sandbox/test_schedules.py)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from moto.events.exceptions import ValidationException as RuleRefused
from moto.events.models import EventsBackend, events_backends
from moto.s3 import notifications
from moto.scheduler.exceptions import ValidationException as ScheduleRefused
from moto.scheduler.models import EventBridgeSchedulerBackend, scheduler_backends

Facts = dict[str, Any]
Check = Callable[[Facts], None]
_create_schedule, _update_schedule = (
    EventBridgeSchedulerBackend.create_schedule,
    EventBridgeSchedulerBackend.update_schedule,
)
_put_rule = EventsBackend.put_rule
_SEQUENCE, _SEQUENCE_LOCK = iter(range(1, 1 << 62)), threading.Lock()
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
_REASONS = {
    "Put": "PutObject",
    "Post": "POST Object",
    "Copy": "CopyObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
    "Delete": "DeleteObject",
    "DeleteMarkerCreated": "DeleteObject",
}


@dataclass(frozen=True)
class Kept:
    """A schedule or a scheduled rule: where it is, and its facts in the API's words."""

    account: str
    region: str
    arn: str
    facts: Facts


def schedules() -> list[Kept]:
    """Return the schedules of all accounts."""
    return [
        Kept(account, region, made.arn, made.to_dict())
        for account, regions in list(scheduler_backends.items())
        for region, backend in list(regions.items())
        for group in list(backend.schedule_groups.values())
        for made in list(group.schedules.values())
    ]


def scheduled_rules() -> list[Kept]:
    """Return the rules with a schedule of all accounts."""
    return [
        Kept(account, region, rule.arn, rule.describe())
        for account, regions in list(events_backends.items())
        for region, backend in list(regions.items())
        for bus in list(backend.event_buses.values())
        for rule in list(bus.rules.values())
        if rule.scheduled_expression
    ]


def check(schedule: Check, rule: Check) -> None:
    """Let both look at a new or changed schedule (in moto's words) and rule expression: their ValueError refuses it."""

    def checked(told: Facts) -> None:
        try:
            schedule(told)
        except ValueError as error:
            raise ScheduleRefused(str(error)) from error

    def create(self: EventBridgeSchedulerBackend, **told: Any) -> Any:
        checked(told)
        return _create_schedule(self, **told)

    def update(self: EventBridgeSchedulerBackend, **told: Any) -> Any:
        checked(told)
        return _update_schedule(self, **told)

    def put(self: EventsBackend, name: str, **told: Any) -> Any:
        try:
            rule(told)
        except ValueError as error:
            raise RuleRefused("Parameter ScheduleExpression is not valid.") from error
        return _put_rule(self, name, **told)

    EventBridgeSchedulerBackend.create_schedule = create
    EventBridgeSchedulerBackend.update_schedule = update
    EventsBackend.put_rule = put


def moment(value: Any) -> datetime | None:
    """Return a date that moto keeps as seconds, or as text."""
    if value in (None, ""):
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
    return datetime.fromtimestamp(float(value), timezone.utc)


@dataclass(frozen=True)
class BucketEvent:
    """What a bucket tells EventBridge of an object."""

    account: str
    region: str
    bucket: str
    arn: str
    kind: str
    detail: Facts


def tell_events(deliver: Callable[[BucketEvent], None]) -> None:
    """Let `deliver` have what buckets send to EventBridge, in place of moto, which skips states, roles and targets."""

    def send(_account: str, bucket: Any, name: Any, key: Any) -> None:
        _, action = str(name.value).removeprefix("s3:").split(":")
        with _SEQUENCE_LOCK:
            sequence = next(_SEQUENCE)
        versioned = {"version-id": key.version_id} if bucket.is_versioned else {}
        detail = {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), **versioned}
            | {"sequencer": f"{sequence:016X}"},
            "requester": bucket.account_id,
            "reason": _REASONS.get(action, action),
        }
        kind = notifications._detail_type(name)
        deliver(BucketEvent(bucket.account_id, bucket.region_name, bucket.name, bucket.arn, kind, detail))

    notifications._send_event_bridge_message = send
