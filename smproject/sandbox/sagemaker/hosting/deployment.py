"""Bringing a fleet into service: the first one of an endpoint, or one that replaces another without a gap."""

from __future__ import annotations

import logging
import shutil
import time

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.sagemaker.hosting import notices
from smproject.sandbox.sagemaker.hosting.containers import Access
from smproject.sandbox.sagemaker.hosting.endpoint import Endpoint
from smproject.sandbox.sagemaker.hosting.fleet import Fleet
from smproject.sandbox.sagemaker.hosting.plan import Plan, Step
from smproject.sandbox.service import INTERRUPTED, ServiceError

LOG = logging.getLogger(__name__)
_POLL_SECONDS = 1.0


class RollBackError(Exception):
    """The deployment must not go on; the message says why."""


def create(endpoint: Endpoint, fleet: Fleet) -> None:
    """Start an endpoint's first fleet; whatever goes wrong becomes its FailureReason."""
    endpoint.fleet = fleet
    notices.state_changed(endpoint)
    if reason := _failure(endpoint, fleet):
        fleet.stop()
        endpoint.fleet = None
        endpoint.move("Failed", reason)
    else:
        fleet.settle()
        endpoint.route((fleet, 1.0))
        endpoint.move("InService")
    notices.state_changed(endpoint)


def update(endpoint: Endpoint, fleet: Fleet, plan: Plan) -> None:
    """Replace an endpoint's fleet beside the traffic; the old one serves until the new one has proved itself."""
    old = endpoint.fleet
    if old is None:
        raise ValueError(f"{endpoint.arn} has no fleet to update")
    notices.state_changed(endpoint)
    notices.deployment_changed(endpoint)
    try:
        _shift(endpoint, old, fleet, plan)
    except RollBackError as error:
        _roll_back(endpoint, old, fleet, str(error))
    else:
        with endpoint.lock:
            endpoint.fleet, endpoint.pending, endpoint.config = fleet, None, fleet.config
        old.stop()
        fleet.settle()
        endpoint.move("InService")
    notices.deployment_changed(endpoint)
    notices.state_changed(endpoint)


def restart(endpoint: Endpoint, fleet: Fleet, former: str) -> None:
    """Start an endpoint's fleet again after a stop of the sandbox; `former` is the status that it had then."""
    endpoint.route((fleet, 1.0))
    undone = f"{INTERRUPTED} Rolled back to endpoint configuration {fleet.config.name}."
    if reason := _failure(endpoint, fleet):
        fleet.stop()
        endpoint.fleet = None
        endpoint.move("Failed", reason)
    else:
        fleet.settle()
        endpoint.move("InService", undone if former in ("Updating", "RollingBack") else "")
    notices.state_changed(endpoint)


def delete(endpoint: Endpoint) -> None:
    """Stop an endpoint's fleet."""
    notices.state_changed(endpoint)
    endpoint.route()
    if endpoint.fleet:
        endpoint.fleet.stop()
    shutil.rmtree(endpoint.place.folder, ignore_errors=True)


def alarming(endpoint: Endpoint, fleet: Fleet, names: list[str]) -> tuple[list[str], list[str]]:
    """Return which alarms are in ALARM and which there are, read with the fleet's role, as AWS does."""
    if not names:
        return [], []
    place = endpoint.place
    cloudwatch = Access.of(place.world, place.caller, fleet.role, place.arn).client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarms = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
    on = [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]
    return on, [alarm["AlarmName"] for alarm in alarms]


def _failure(endpoint: Endpoint, fleet: Fleet) -> str:
    """Start a fleet; return why it did not, empty when it did."""
    try:
        fleet.start()
    except ServiceError as error:
        return error.message
    except Exception as error:
        LOG.exception("endpoint %s failed in the sandbox", endpoint.name)
        return f"InternalServerError: the sandbox could not start the endpoint: {error!r}"
    return ""


def _shift(endpoint: Endpoint, old: Fleet, fleet: Fleet, plan: Plan) -> None:
    """Move the traffic step by step; raises RollBackError when a server or an alarm says no."""
    deadline = time.monotonic() + plan.limit
    if reason := _failure(endpoint, fleet):
        raise RollBackError(reason)
    for step in plan.steps:
        capacity = "full" if step.share >= 1 else plan.kind
        fleet.tell("ActivatingTraffic", f"Activating traffic on {capacity} capacity of {{instances}} instance(s).")
        endpoint.route((old, 1.0 - step.share), (fleet, step.share))
        for variant in fleet.variants:
            variant.tell("Baking", step.message(plan.kind, variant.instances))
        notices.deployment_changed(endpoint)
        _bake(endpoint, fleet, plan, step, deadline)


def _bake(endpoint: Endpoint, fleet: Fleet, plan: Plan, step: Step, deadline: float) -> None:
    """Watch the alarms for a step's time."""
    end = time.monotonic() + step.seconds
    while True:
        try:
            on, _ = alarming(endpoint, fleet, plan.alarms)
        except (ServiceError, BotoCoreError, ClientError) as error:
            raise RollBackError(f"The alarms could not be read: {error}") from error
        if on:
            raise RollBackError(f"One or more alarms of the auto-rollback configuration are in ALARM: {', '.join(on)}.")
        if time.monotonic() >= deadline:
            raise RollBackError("The deployment took longer than MaximumExecutionTimeoutInSeconds.")
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _POLL_SECONDS))


def _roll_back(endpoint: Endpoint, old: Fleet, fleet: Fleet, reason: str) -> None:
    """Give all traffic back to the old fleet, which has served throughout."""
    endpoint.move("RollingBack", reason)
    endpoint.route((old, 1.0))
    notices.state_changed(endpoint)
    notices.deployment_changed(endpoint)
    fleet.stop()
    endpoint.pending = None
    endpoint.move("InService", f"{reason} Rolled back to endpoint configuration {old.config.name}.")
