"""Macros: which there are, and invoking the function of one to process a template or a part of it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation.syntax import invalid
from smproject.sandbox.service import Caller, ServiceError, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_SUCCESS = "success"  # whatever else a function answers is a failure


@dataclass(frozen=True)
class Macro:
    """A macro: its function by name or ARN, and where and by whom errors of its invocations are logged."""

    name: str
    stack_id: str
    function: str
    log_group: str = ""
    log_role: str = ""
    description: str = ""


class Macros:
    """The macros of all accounts, by account, region and name."""

    def __init__(self) -> None:
        self.macros: dict[tuple[str, str, str], Macro] = {}

    def find(self, owner: Caller, name: str) -> Macro:
        """Return a macro; raises ServiceError (ValidationError) when the account has none of the name."""
        found = self.macros.get((owner.account, owner.region, name))
        if found is None:
            raise invalid(f"No transform named {transform_id(owner, name)} found.")
        return found

    def add(self, owner: Caller, macro: Macro) -> None:
        """Keep a new macro; raises ServiceError (AlreadyExistsException) for a name that is taken."""
        there = self.macros.setdefault((owner.account, owner.region, macro.name), macro)
        if there is not macro:
            message = f"{macro.name} already exists in stack {there.stack_id}"
            raise ServiceError("AlreadyExistsException", message)

    def replace(self, owner: Caller, macro: Macro) -> None:
        """Let a macro be another from now on."""
        self.macros[owner.account, owner.region, macro.name] = macro

    def remove(self, owner: Caller, name: str) -> None:
        """Forget a macro."""
        self.macros.pop((owner.account, owner.region, name), None)


def macros_of(world: World) -> Macros:
    """Return the macros of a world's CloudFormation."""
    service: Any = world.services["cloudformation"]
    found: Macros = service.macros
    return found


def transform_id(owner: Caller, name: str) -> str:
    """Return how CloudFormation calls an account's macro in its messages."""
    return f"{owner.account}::{name}"


@dataclass(frozen=True)
class Invoker:
    """Invokes macros for a template whose parameters have `values`, with the permissions of who acts for its stack."""

    world: World
    owner: Caller
    values: dict[str, Any]

    def find(self, name: str) -> Macro:
        """Return a macro of the account."""
        return macros_of(self.world).find(self.owner, name)

    def process(self, name: str, fragment: Any, params: dict[str, Any]) -> Any:
        """Return what a macro makes of a template or a part of it; raises ServiceError (ValidationError) when it fails.

        Failures are logged where the macro says.
        """
        macro, request_id = self.find(name), str(uuid.uuid4())
        event = {
            "region": self.owner.region,
            "accountId": self.owner.account,
            "fragment": fragment,
            "transformId": transform_id(self.owner, name),
            "params": params,
            "requestId": request_id,
            "templateParameterValues": self.values,
        }
        try:
            return self._invoke(macro, event)
        except ServiceError as error:
            _log(self.world, self.owner, macro, {"requestId": request_id, "errorMessage": error.message})
            raise

    def _invoke(self, macro: Macro, event: dict[str, Any]) -> Any:
        client = self.world.client("lambda", self.owner.credentials, self.owner.region)
        try:
            answer = client.invoke(FunctionName=macro.function, Payload=json.dumps(event, default=str).encode())
        except ClientError as error:
            raise _failed(event, f"with: {told(error)[1]}") from error
        if "FunctionError" in answer:
            raise _failed(event, "without an error message")
        return _fragment(event, answer["Payload"].read())


def _fragment(event: dict[str, Any], payload: bytes) -> Any:
    """Return the fragment in a function's answer."""
    try:
        answer = json.loads(payload)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("requestId") != event["requestId"] or "status" not in answer:
        raise _malformed(event)
    if answer["status"] != _SUCCESS:
        message = answer.get("errorMessage")
        raise _failed(event, f"with: {message}" if message else "without an error message")
    if "fragment" not in answer:
        raise _malformed(event)
    return answer["fragment"]


def _failed(event: dict[str, Any], how: str) -> ServiceError:
    return invalid(f"Transform {event['transformId']} failed {how}. Rollback requested by user.")


def _malformed(event: dict[str, Any]) -> ServiceError:
    return invalid(f"Received malformed response from transform {event['transformId']}. Rollback requested by user.")


def _log(world: World, owner: Caller, macro: Macro, entry: dict[str, Any]) -> None:
    """Send an entry to a macro's log group as its role, or as who acts for the stack; the failure itself goes first."""
    if not macro.log_group:
        return
    stream = f"{macro.name}/{entry['requestId']}"
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(entry)}
    try:
        credentials = owner.credentials
        if macro.log_role:
            credentials = world.assume(macro.log_role, "cloudformation.amazonaws.com", "AWSCloudFormation")
        logs = world.client("logs", credentials, owner.region)
        logs.create_log_stream(logGroupName=macro.log_group, logStreamName=stream)
        logs.put_log_events(logGroupName=macro.log_group, logStreamName=stream, logEvents=[event])
    except (ServiceError, ClientError, BotoCoreError) as error:
        LOG.warning("An error of the macro %s could not be logged to %s: %s", macro.name, macro.log_group, error)
