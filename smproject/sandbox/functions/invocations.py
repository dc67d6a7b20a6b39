"""Invoke: events run at once and answered, or queued, retried and reported to destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import base64
import json
import logging
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.functions import policies
from smproject.sandbox.functions.destinations import Destinations, Result
from smproject.sandbox.functions.model import Function, Version, new_id
from smproject.sandbox.functions.registry import Address, Registry
from smproject.sandbox.functions.worker import Event, Outcome
from smproject.sandbox.functions.workers import Workers
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.permissions import access
from smproject.sandbox.permissions.request import Principal, access_request
from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_REQUEST_BYTES = {"RequestResponse": 6_291_456, "Event": 1_048_576}
_RETRY_SECONDS = (60, 120)
_RETRIES, _AGE_SECONDS = 2, 21_600
_THROTTLE_SECONDS = 1.0  # AWS starts with one second too, and waits longer each time, up to five minutes


@dataclass(frozen=True)
class Queued:
    """An event that waits: where it goes, and since when."""

    function: Function
    qualifier: str
    event: Event
    since: float = field(default_factory=time.monotonic)


class Invocations:
    """Invokes functions for callers of the API and for AWS's services."""

    def __init__(self, world: World, registry: Registry, workers: Workers) -> None:
        self._world, self._registry, self._workers = world, registry, workers
        self._destinations = Destinations(world, self)

    def invoke(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Answer Invoke."""
        kind = request.get("InvocationType") or "RequestResponse"
        address = Address.of(caller, request)
        _demand(self._registry, caller.credentials, address)
        function = self._registry.at(address)
        payload = _payload(request, kind)
        if kind == "DryRun":
            return {"StatusCode": 204, "Payload": b""}
        event = Event(payload, new_id(), function.qualified(address.qualifier), _client_context(request))
        if kind == "Event":
            self._queue(Queued(function, address.qualifier, event))
            return {"StatusCode": 202, "Payload": b""}
        outcome = self._workers.run(function, function.serving(address.qualifier), event)
        answer = {"StatusCode": 200, "ExecutedVersion": outcome.version, "Payload": outcome.payload}
        if outcome.failed:
            answer["FunctionError"] = "Unhandled"
        if request.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(outcome.tail).decode()
        return answer

    def for_service(self, arn: str, service: str, source_arn: str, payload: bytes) -> None:
        """Queue an event of a service, such as `events.amazonaws.com`, on behalf of a resource.

        Raises ServiceError when there is no such function, or its policy does not let the service in.
        """
        function, qualifier = self.open_to(arn, service, source_arn)
        self._queue(Queued(function, qualifier, Event(payload, new_id(), arn)))

    def open_to(self, arn: str, service: str, source_arn: str) -> tuple[Function, str]:
        """Return the function that a service may invoke, and the qualifier; raises ServiceError when it may not."""
        _, _, _, region, account, _ = arn.split(":", 5)
        address = Address.of(_anyone(account, region), {"FunctionName": arn})
        function = self._registry.at(address)
        policies.demand_for_service(function, address.qualifier, service, source_arn)
        return function, address.qualifier

    def _queue(self, queued: Queued) -> None:
        version = queued.function.serving(queued.qualifier)
        self._world.background(f"event {queued.event.request_id}", lambda: self._work(queued, version))

    def _work(self, queued: Queued, version: Version) -> None:
        """Run a queued event until it succeeds, has been retried often enough, or is too old."""
        try:
            result = self._retried(queued, version)
            self._destinations.report(result)
        except (ServiceError, ClientError, BotoCoreError):
            LOG.exception("The event %s for %s was lost", queued.event.request_id, queued.event.arn)

    def _retried(self, queued: Queued, version: Version) -> Result:
        chosen = queued.function.invoke_configs.get(queued.qualifier, {})
        retries = chosen.get("MaximumRetryAttempts", _RETRIES)
        end = queued.since + chosen.get("MaximumEventAgeInSeconds", _AGE_SECONDS)
        made = Result(queued.function, queued.qualifier, version, queued.event, chosen)
        while True:
            outcome = self._once(queued, version, end)
            made = made.after(outcome)
            if outcome is None or not outcome.failed or made.count > retries:
                return made
            pause = _RETRY_SECONDS[made.count - 1]
            if time.monotonic() + pause > end:
                return made.after(None)
            time.sleep(pause)

    def _once(self, queued: Queued, version: Version, end: float) -> Outcome | None:
        """Run an event as soon as the function has room; None when it has got too old meanwhile."""
        while time.monotonic() <= end:
            try:
                return self._workers.run(queued.function, version, queued.event)
            except ServiceError as error:
                if error.code != "TooManyRequestsException":
                    message = {"errorType": error.code, "errorMessage": error.message}
                    return Outcome(json.dumps(message).encode(), True, version.number)
            time.sleep(_THROTTLE_SECONDS)
        return None


def _demand(registry: Registry, credentials: Credentials, address: Address) -> None:
    """Raise ServiceError unless a caller from another account may invoke a function."""
    found = registry.functions.get((address.account, address.region, address.name))
    request = access_request(Principal.of(credentials), policies.INVOKE, address.arn, address.account)
    access.demand(request, policies.document(found, address.qualifier) if found else None)


def _anyone(account: str, region: str) -> Caller:
    return Caller(account, region, "", Credentials("", "", "", account, ""))


def _payload(request: Request, kind: str) -> bytes:
    payload = bytes(request.get("Payload") or b"{}")
    limit = _REQUEST_BYTES.get(kind, _REQUEST_BYTES["RequestResponse"])
    if len(payload) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise ServiceError("RequestTooLargeException", message)
    try:
        json.loads(payload)
    except ValueError as error:
        message = f"Could not parse request body into json: Could not parse payload into json: {error}"
        raise ServiceError("InvalidRequestContentException", message) from error
    return payload


def _client_context(request: Request) -> dict[str, Any]:
    text = request.get("ClientContext")
    try:
        found = json.loads(base64.b64decode(text)) if text else {}
    except ValueError as error:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise ServiceError("InvalidRequestContentException", message) from error
    return dict(found)
