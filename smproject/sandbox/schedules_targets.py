"""How a schedule invokes its target: with its role, again after what may pass, and else into its dead-letter queue.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.events_targets import SENDERS, Delivery, queue_url
from smproject.sandbox.moto_schedules import Kept
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.service import ServiceError, now, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
TIME = "%Y-%m-%dT%H:%M:%SZ"
_READING = ("batchGet", "describe", "get", "list", "poll", "query", "receive", "scan", "search", "select")
# Names that AWS's SDK for Java, which universal targets follow, has for what boto3 calls otherwise.
_NAMES = {"cloudwatchlogs": "logs", "eventbridge": "events", "sfn": "stepfunctions"}
_LONGEST_WAIT = 60.0  # seconds between two tries; they begin with one
_LASTING = (ServiceError, BotoCoreError, ValueError, LookupError, AttributeError)


@dataclass(frozen=True)
class Occasion:
    """One time that a schedule is due."""

    world: World
    schedule: Kept
    due: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def target(self) -> dict[str, Any]:
        """Return the schedule's target."""
        found: dict[str, Any] = self.schedule.facts["Target"]
        return found


def refuse(target: dict[str, Any]) -> None:
    """Raise ValueError for a target that no schedule can have here."""
    arn, named = target["Arn"], ""
    if arn.startswith(UNIVERSAL):
        _, _, action = arn.removeprefix(UNIVERSAL).partition(":")
        if not action or action.startswith(_READING):
            named = f"The API operation of {arn} only reads: a schedule can't call it."
    elif arn.split(":")[2:3] not in [[service] for service in (*SENDERS, "events")]:
        named = f"The sandbox does not invoke targets like {arn}."
    if named:
        raise ValueError(named)


def invoke(occasion: Occasion) -> None:
    """Invoke the target until it is done or given up."""
    attempt, begun = 1, time.monotonic()
    policy = occasion.target.get("RetryPolicy", {})
    waits = _waits(int(policy.get("MaximumRetryAttempts", 185)))
    while True:
        try:
            _send(occasion, attempt)
        except ClientError as error:
            wait = next(waits, None) if _may_pass(error) else None
            late = wait is not None and time.monotonic() + wait - begun > policy.get("MaximumEventAgeInSeconds", 86400)
            if wait is None or late:
                _give_up(occasion, attempt, *told(error))
                return
            attempt += 1
            time.sleep(wait)
        except _LASTING as error:
            _give_up(occasion, attempt, getattr(error, "code", type(error).__name__), str(error))
            return
        else:
            return


def _waits(attempts: int) -> Iterator[float]:
    return (min(2.0**number, _LONGEST_WAIT) for number in range(attempts))


def _may_pass(error: ClientError) -> bool:
    """Tell whether another try may go better: throttling and the service's own failures."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 or "Throttl" in error.response["Error"]["Code"]


def _role(occasion: Occasion) -> Credentials:
    """Return the role's credentials; schedules act for their group.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    kept, group = occasion.schedule, occasion.schedule.facts["GroupName"]
    source = f"arn:aws:scheduler:{kept.region}:{kept.account}:schedule-group/{group}"
    return occasion.world.assume(occasion.target["RoleArn"], "scheduler.amazonaws.com", f"scheduler-{group}", source)


def _send(occasion: Occasion, attempt: int) -> None:
    world, target, region = occasion.world, occasion.target, occasion.schedule.region
    text, role = _input(occasion, attempt), _role(occasion)
    if target["Arn"].startswith(UNIVERSAL):
        service, _, action = target["Arn"].removeprefix(UNIVERSAL).partition(":")
        getattr(world.client(_NAMES.get(service, service), role, region), xform_name(action))(**json.loads(text))
        return
    service = target["Arn"].split(":")[2]
    client = world.client(service, role, target["Arn"].split(":")[3] or region)
    if service == "events":
        named = target["EventBridgeParameters"]
        entry = {"Source": named["Source"], "DetailType": named["DetailType"], "Detail": text}
        _accepted(client.put_events(Entries=[entry | {"EventBusName": target["Arn"]}])["Entries"][0])
        return
    SENDERS[service](Delivery(client, target, text, {"id": occasion.id}, world, occasion.schedule.arn))


def _accepted(entry: dict[str, str]) -> None:
    if "ErrorCode" in entry:
        raise ServiceError(entry["ErrorCode"], entry["ErrorMessage"])


def _input(occasion: Occasion, attempt: int) -> str:
    """Return what the target receives: its input with the occasion's facts, or the event that stands for none."""
    kept, due = occasion.schedule, occasion.due.strftime(TIME)
    if "Input" not in occasion.target:
        own = {"version": "0", "id": occasion.id, "detail-type": "Scheduled Event", "source": "aws.scheduler"}
        place = {"account": kept.account, "time": due, "region": kept.region, "resources": [kept.arn]}
        return json.dumps(own | place | {"detail": "{}"}) if not occasion.target["Arn"].startswith(UNIVERSAL) else "{}"
    facts = {"schedule-arn": kept.arn, "scheduled-time": due, "execution-id": occasion.id, "attempt-number": attempt}
    text = str(occasion.target["Input"])
    for name, value in facts.items():
        text = text.replace(f"<aws.scheduler.{name}>", str(value))
    return text


def _give_up(occasion: Occasion, attempt: int, code: str, message: str) -> None:
    """Tell the log, and send what could not be delivered to the dead-letter queue, with the schedule's role."""
    kept, target = occasion.schedule, occasion.target
    LOG.warning("Schedule %s could not invoke %s: %s", kept.arn, target["Arn"], message)
    event = {"source": "aws.scheduler", "resources": [kept.arn], "id": occasion.id}
    line = {"time": now().strftime(TIME), "target": target["Arn"], "error": message, "event": event}
    with (occasion.world.home / "failed-deliveries.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    queue = target.get("DeadLetterConfig", {}).get("Arn")
    if not queue:
        return
    facts = {"SCHEDULE_ARN": kept.arn, "TARGET_ARN": target["Arn"], "EXECUTION_ID": occasion.id, "ERROR_CODE": code}
    facts |= {"ERROR_MESSAGE": message, "RETRY_ATTEMPTS": str(attempt - 1)}
    facts["SCHEDULED_TIME"] = occasion.due.strftime(TIME)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in facts.items()}
    try:
        sqs = occasion.world.client("sqs", _role(occasion), queue.split(":")[3])
        url = queue_url(occasion.world, queue)
        sqs.send_message(QueueUrl=url, MessageBody=_input(occasion, attempt), MessageAttributes=attributes)
    except (ClientError, ServiceError) as error:
        LOG.warning("The dead-letter queue %s of schedule %s failed: %s", queue, kept.arn, error)
