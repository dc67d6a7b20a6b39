"""Where the results of queued events go: destinations, and the dead-letter queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.functions.model import Function, Version
from smproject.sandbox.functions.worker import Event, Outcome
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.functions.invocations import Invocations

LOG = logging.getLogger(__name__)
SERVICES = ("sqs", "sns", "lambda", "events")


@dataclass(frozen=True)
class Result:
    """How a queued event has ended after `count` attempts; no outcome when it got too old."""

    function: Function
    qualifier: str
    version: Version
    event: Event
    config: dict[str, Any]
    count: int = 0
    outcome: Outcome | None = None
    condition: str = ""

    def after(self, outcome: Outcome | None) -> Result:
        """Return the result after one more attempt, or after the event has got too old."""
        if outcome is None:
            return replace(self, condition="EventAgeExceeded")
        condition = "RetriesExhausted" if outcome.failed else "Success"
        return replace(self, count=self.count + 1, outcome=outcome, condition=condition)

    def record(self) -> dict[str, Any]:
        """Return what a destination receives."""
        request = {
            "requestId": self.event.request_id,
            "functionArn": self.function.qualified(self.qualifier or "$LATEST"),
            "condition": self.condition,
            "approximateInvokeCount": self.count,
        }
        moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        found = {"version": "1.0", "timestamp": moment, "requestContext": request}
        found["requestPayload"] = json.loads(self.event.payload)
        if self.outcome:
            failed = {"functionError": "Unhandled"} if self.outcome.failed else {}
            found["responseContext"] = {"statusCode": 200, "executedVersion": self.version.number, **failed}
            found["responsePayload"] = json.loads(self.outcome.payload)
        return found


class Destinations:
    """Sends results on, with the function's role."""

    def __init__(self, world: World, invocations: Invocations) -> None:
        self._world, self._invocations = world, invocations

    def report(self, result: Result) -> None:
        """Send a result to its destination, and a failed event to the dead-letter queue; failures are logged."""
        succeeded = result.condition == "Success"
        chosen = result.config.get("DestinationConfig", {}).get("OnSuccess" if succeeded else "OnFailure", {})
        if arn := chosen.get("Destination"):
            self._try(result, arn, result.record())
        if not succeeded and (arn := result.version.settings.get("DeadLetterConfig", {}).get("TargetArn")):
            self._try(result, arn, json.loads(result.event.payload), _attributes(result))

    def _try(self, result: Result, arn: str, content: Any, attributes: dict[str, Any] | None = None) -> None:
        try:
            self._send(result, arn, json.dumps(content), attributes or {})
        except (ServiceError, ClientError, BotoCoreError) as error:
            LOG.warning("%s could not report to %s: %s", result.function.arn, arn, error)

    def _send(self, result: Result, arn: str, text: str, attributes: dict[str, Any]) -> None:
        _, _, service, region, account, resource = arn.split(":", 5)
        role = result.version.settings["Role"]
        credentials = self._world.assume(role, "lambda.amazonaws.com", result.function.name, result.function.arn)
        client = self._world.client(service, credentials, region)
        if service == "sqs":
            url = client.get_queue_url(QueueName=resource, QueueOwnerAWSAccountId=account)["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody=text, MessageAttributes=attributes)
        elif service == "sns":
            client.publish(TopicArn=arn, Message=text, MessageAttributes=attributes)
        elif service == "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
        else:
            self._put_event(client, result, arn, text)

    def _put_event(self, client: Any, result: Result, bus: str, text: str) -> None:
        outcome = "Success" if result.condition == "Success" else "Failure"
        kind = f"Lambda Function Invocation Result - {outcome}"
        resources = [bus, result.function.qualified(result.qualifier or "$LATEST")]
        entry = {"Source": "lambda", "DetailType": kind, "Detail": text, "Resources": resources, "EventBusName": bus}
        client.put_events(Entries=[entry])


def _attributes(result: Result) -> dict[str, Any]:
    """Return what a dead letter tells of its event."""
    told = json.loads(result.outcome.payload).get("errorMessage", "") if result.outcome else result.condition
    facts = {"RequestID": result.event.request_id, "ErrorMessage": str(told)[:1024] or "-"}
    return {key: {"DataType": "String", "StringValue": value} for key, value in facts.items()}
