"""EventBridge: moto keeps buses, rules and targets; this matches events with rules and really delivers them."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox import moto_events, moto_schedules, moto_seam
from smproject.sandbox.events_input import target_input, with_paths
from smproject.sandbox.events_targets import ACTED_BY_MOTO, SENDERS, Delivery
from smproject.sandbox.moto_schedules import BucketEvent, Kept
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.permissions import access, gate
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.request import Principal, access_request
from smproject.sandbox.service import Caller, Request, Service, ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
TIME = "%Y-%m-%dT%H:%M:%SZ"
PUT = "events:PutEvents"
Event = dict[str, Any]


@dataclass(frozen=True)
class Bus:
    """An event bus; `forwarded` tells that the event came here from another bus."""

    account: str
    region: str
    name: str
    forwarded: bool = False


class EventsService(Service):
    """EventBridge. Rules with a schedule are run by the clock of `schedules`."""

    name = "events"
    over_moto = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._rules_behind: dict[str, str] = {}
        self._failures = threading.Lock()
        moto_schedules.tell_events(self._tell)

    def put_events(self, caller: Caller, request: Request) -> Request:
        """Accept events; what becomes of them is not the caller's to see, as on AWS."""
        answers = [self._accept(caller, entry) for entry in request["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def put_permission(self, caller: Caller, request: Request) -> None:
        """Put one statement into a bus's policy, or the whole policy in its place."""
        name = request.get("EventBusName") or "default"
        described = self._describe(caller, name)
        if "Policy" in request:
            statements = _statements(request["Policy"])
        else:
            new = _statement(request, described["Arn"])
            statements = [each for each in _statements(described.get("Policy")) if each["Sid"] != new["Sid"]] + [new]
        moto_events.set_statements(caller.account, caller.region, described["Name"], statements)

    def update_event_bus(self, caller: Caller, request: Request) -> Request:
        """Change what is said of a bus."""
        if "LogConfig" in request:
            raise ServiceError("NotImplemented", "The sandbox does not implement LogConfig of event buses.")
        described = self._describe(caller, request.get("Name") or "default")
        moto_events.update_bus(caller.account, caller.region, described["Name"], request)
        kept = ("Description", "KmsKeyIdentifier", "DeadLetterConfig")
        return {name: described[name] for name in ("Arn", "Name")} | {n: request[n] for n in kept if n in request}

    def start_replay(self, caller: Caller, request: Request) -> Request:
        """Refuse: archives are filled here, but not replayed."""
        raise ServiceError("NotImplemented", "The sandbox does not implement events:StartReplay.")

    def emit(  # noqa: PLR0913, PLR0917 - the fields of an event
        self,
        account: str,
        region: str,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Iterable[str] = (),
    ) -> str:
        """Send an event of a service to an account's default bus; return the event's id at once."""
        told = {"source": source, "detail-type": detail_type, "detail": detail, "resources": list(resources)}
        event = _envelope(account, region, told)
        self._route(event, Bus(account, region, "default"))
        return str(event["id"])

    def run_rule(self, rule: Kept, due: datetime) -> None:
        """Send the event of a rule with a schedule to its targets."""
        told = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": [rule.arn]}
        event, bus = _envelope(rule.account, rule.region, told, due), Bus(rule.account, rule.region, "default")
        client = self.world.client("events", self.world.service_credentials(rule.account), rule.region)
        self.world.background(f"event {event['id']}", lambda: self._deliver_by(client, event, bus, rule.facts))

    def rule_behind(self, access_key: str) -> str | None:
        """Return the ARN of the rule whose target is being called with an access key."""
        return self._rules_behind.get(access_key)

    def _tell(self, told: BucketEvent) -> None:
        """Send what happened to an object of a bucket that wants EventBridge to know."""
        self.emit(told.account, told.region, "aws.s3", told.kind, told.detail, [told.arn])

    def _accept(self, caller: Caller, entry: Request) -> Request:
        try:
            detail = _detail(entry)
            bus = self._bus(caller, entry.get("EventBusName") or "default", entry["Source"], entry["DetailType"])
        except ServiceError as error:
            return {"ErrorCode": error.code, "ErrorMessage": error.message}
        told = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail}
        told["resources"] = entry.get("Resources") or []
        event = _envelope(caller.account, caller.region, told, entry.get("Time"))
        self._route(event, bus)
        return {"EventId": event["id"]}

    def _describe(self, caller: Caller, name: str) -> Request:
        client = self.world.client("events", self.world.service_credentials(caller.account), caller.region)
        try:
            found: Request = client.describe_event_bus(Name=name)
        except ClientError as error:
            raise ServiceError("ResourceNotFoundException", f"Event bus {name} does not exist.") from error
        return found

    def _bus(self, caller: Caller, name: str, source: str, kind: str) -> Bus:
        """Find a bus by name or ARN; another account's bus must let the caller in by its policy."""
        parts = name.split(":")
        account, region, short = (
            (parts[4], parts[3], parts[5].partition("/")[2])
            if len(parts) == 6
            else (caller.account, caller.region, name)
        )
        client = self.world.client("events", self.world.service_credentials(account), region)
        try:
            bus = client.describe_event_bus(Name=short)
        except ClientError as error:
            raise ServiceError("InvalidArgument", f"Event bus {short} does not exist in account {account}.") from error
        asked = access_request(Principal.of(caller.credentials), PUT, bus["Arn"], account, _keys(source, kind))
        access.demand(asked, kept(bus["Policy"], bus["Arn"]) if bus.get("Policy") else None)
        return Bus(account, region, short)

    def _route(self, event: Event, bus: Bus) -> None:
        self.world.background(f"event {event['id']}", lambda: self._deliver_all(event, bus))

    def _deliver_all(self, event: Event, bus: Bus) -> None:
        client = self.world.client("events", self.world.service_credentials(bus.account), bus.region)
        for found in client.get_paginator("list_rules").paginate(EventBusName=bus.name):
            for rule in found["Rules"]:
                if rule["State"] == "ENABLED" and _matches(rule, event):
                    self._deliver_by(client, event, bus, rule)

    def _deliver_by(self, client: Any, event: Event, bus: Bus, rule: Request) -> None:
        """Deliver to every target of a rule."""
        for listed in client.get_paginator("list_targets_by_rule").paginate(Rule=rule["Name"], EventBusName=bus.name):
            for target in listed["Targets"]:
                self._deliver(event, bus, rule, target)

    def _deliver(self, event: Event, bus: Bus, rule: Request, target: Request) -> None:
        """Deliver to one target; a failure goes to its dead-letter queue and to `failed-deliveries.jsonl`."""
        try:
            self._send(event, bus, rule, target)
        except (ServiceError, BotoCoreError, ClientError, ValueError, LookupError) as error:
            self._record_failure(event, rule, target, error)
            self._dead_letter(event, rule, target, error)

    def _send(self, event: Event, bus: Bus, rule: Request, target: Request) -> None:
        service = target["Arn"].split(":")[2]
        if target["Arn"].endswith(":::"):  # as EventBridge names the archive behind a rule of its own
            moto_events.archive(bus.account, bus.region, rule["Name"], event)
            return
        if service == "events":
            self._forward(event, bus, rule, target)
            return
        if service not in SENDERS or not (service in ACTED_BY_MOTO or service in self.world.services):
            raise ServiceError("NotImplemented", f"The sandbox does not deliver events to {service} ({target['Arn']}).")
        text, sender = target_input(event, rule, target), self._sender(bus, rule, target)
        client = self.world.client(service, sender, target["Arn"].split(":")[3] or bus.region)
        self._rules_behind[sender.access_key] = rule["Arn"]  # stays: a rule has a session of its own
        SENDERS[service](Delivery(client, with_paths(event, target), text, event, self.world, rule["Arn"]))

    def _sender(self, bus: Bus, rule: Request, target: Request) -> Credentials:
        """Return the credentials of the target's role, or EventBridge's own where the target has none."""
        if "RoleArn" in target:
            return self.world.assume(target["RoleArn"], "events.amazonaws.com", f"events-{rule['Name']}", rule["Arn"])
        return self.world.service_credentials(target["Arn"].split(":")[4] or bus.account)

    def _forward(self, event: Event, bus: Bus, rule: Request, target: Request) -> None:
        """Pass an event on to another bus, unchanged; AWS does so once only."""
        if bus.forwarded:
            raise ServiceError("NotForwarded", f"EventBridge does not pass a forwarded event on to {target['Arn']}.")
        source, kind = event["source"], event["detail-type"]
        sender = self._forwarder(bus, rule, target, _keys(source, kind))
        found = self._bus(Caller(bus.account, bus.region, sender.arn, sender), target["Arn"], source, kind)
        self._route(event, Bus(found.account, found.region, found.name, forwarded=True))

    def _forwarder(self, bus: Bus, rule: Request, target: Request, keys: dict[str, str]) -> Credentials:
        """Return the credentials of the target's role, which must be allowed to put events, or the account's own."""
        if "RoleArn" not in target:
            return Credentials("", "", "", bus.account, f"arn:aws:iam::{bus.account}:root", "")
        sender = self._sender(bus, rule, target)
        if reason := gate.use(self.world, sender, PUT, target["Arn"], keys):
            raise ServiceError("AccessDeniedException", reason)
        return sender

    def _record_failure(self, event: Event, rule: Request, target: Request, error: Exception) -> None:
        LOG.warning("Rule %s could not deliver event %s to %s: %s", rule["Arn"], event["id"], target["Arn"], error)
        line = {"time": _now(), "rule": rule["Arn"], "target": target["Arn"], "error": str(error), "event": event}
        with self._failures, (self.world.home / "failed-deliveries.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _dead_letter(self, event: Event, rule: Request, target: Request, error: Exception) -> None:
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return
        _, _, _, region, account, name = queue.split(":")
        facts = {"RULE_ARN": rule["Arn"], "TARGET_ARN": target["Arn"], "ERROR_MESSAGE": str(error)}
        facts["ERROR_CODE"] = getattr(error, "code", None) or type(error).__name__
        attributes = {key: {"DataType": "String", "StringValue": value} for key, value in facts.items()}
        sqs = self.world.client("sqs", self.world.service_credentials(account), region)
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event), MessageAttributes=attributes)
        except ClientError as failure:
            LOG.warning("The dead-letter queue %s of rule %s failed: %s", queue, rule["Arn"], failure)


def events_of(world: World) -> EventsService:
    """Return the world's EventBridge."""
    return cast(EventsService, world.services["events"])


def _envelope(account: str, region: str, told: Mapping[str, Any], time: datetime | None = None) -> Event:
    """Write an event as docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html has it.

    `told` holds source, detail-type, detail and resources.
    """
    moment = time.strftime(TIME) if time else _now()
    own = {"version": "0", "id": str(uuid.uuid4()), "account": account, "time": moment, "region": region}
    event: Event = json.loads(json.dumps({**own, **told}))
    return event


def _detail(entry: Request) -> dict[str, Any]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            message = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            raise ServiceError("InvalidArgument", message)
    if entry["Source"].startswith("aws."):
        raise ServiceError("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError as error:
        raise ServiceError("MalformedDetail", "Detail is malformed.") from error
    if not isinstance(detail, dict):
        raise ServiceError("MalformedDetail", "Detail is malformed.")
    return detail


def _statements(policy: str | None) -> list[dict[str, Any]]:
    try:
        found = json.loads(policy)["Statement"] if policy else []
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError("ValidationException", "This policy contains invalid Json") from error
    statements = found if isinstance(found, list) else [found]
    needed = ("Sid", "Effect", "Principal", "Action", "Resource")
    if not all(isinstance(each, dict) and all(name in each for name in needed) for each in statements):
        raise ServiceError("ValidationException", f"Each statement of a policy needs {', '.join(needed)}.")
    return statements


def _statement(request: Request, bus_arn: str) -> dict[str, Any]:
    """Write a statement of the parts that PutPermission takes in place of a policy."""
    missing = [name for name in ("Action", "Principal", "StatementId") if not request.get(name)]
    if missing:
        raise ServiceError("ValidationException", f"Parameter {missing[0]} must be specified.")
    principal, condition = request["Principal"], request.get("Condition")
    return {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": request["Action"],
        "Resource": bus_arn,
        **({"Condition": {condition["Type"]: {condition["Key"]: condition["Value"]}}} if condition else {}),
    }


def _matches(rule: Request, event: Event) -> bool:
    pattern: str = rule.get("EventPattern") or ""  # a scheduled rule has none
    return bool(pattern) and moto_seam.event_matches(pattern, event)


def _keys(source: str, kind: str) -> dict[str, str]:
    """Return the condition keys of an event that is put.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    return {"events:source": source, "events:detail-type": kind}


def _now() -> str:
    return datetime.now(timezone.utc).strftime(TIME)
