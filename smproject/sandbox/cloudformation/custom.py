"""What CloudFormation asks of a custom resource's provider, and what it makes of the answer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context
from smproject.sandbox.service_bucket import ServiceBucket

SECONDS = 3600
_LINK_SECONDS = 7200
_POLL_SECONDS = 0.1
_BYTES, _ID_BYTES = 4096, 1024
_DOINGS = {"Create": "creation", "Update": "update", "Delete": "deletion"}
_SUBJECT = "AWS CloudFormation custom resource request"


class CustomResourceError(ValueError):
    """A request that failed, as the stack's events tell it; `ref` is the physical id that the provider has given."""

    def __init__(self, message: str, ref: str = "") -> None:
        super().__init__(message)
        self.ref = ref


@dataclass(frozen=True)
class Response:
    """A provider's answer to a request that succeeded."""

    ref: str
    data: dict[str, Any] = field(default_factory=dict)
    no_echo: bool = False


def ask(context: Context, type_: str, kind: str, properties: Properties, **facts: Any) -> Response:
    """Send a request (Create, Update or Delete) to the provider that ServiceToken names, and wait for the answer.

    Raises CustomResourceError for a failure, an unusable answer or none in time.
    """
    bucket = mailbox(context)
    key, seconds = f"{context.stack_id}|{context.logical_id}|{uuid.uuid4()}", _seconds(properties)
    request = {
        "RequestType": kind,
        "ServiceToken": properties["ServiceToken"],
        "ResponseURL": bucket.url("put_object", key, _LINK_SECONDS),
        "StackId": context.stack_id,
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": context.logical_id,
        "ResourceType": type_,
        "ResourceProperties": as_text(properties),
        **facts,
    }
    _send(context, properties["ServiceToken"], request)
    try:
        return _answer(bucket, key, request, time.monotonic() + seconds, context.halted)
    finally:
        bucket.forget(key)


def mailbox(context: Context) -> ServiceBucket:
    """Return the bucket that takes the answers of custom resources and the signals of wait conditions."""
    return ServiceBucket(context.world, "cloudformation-custom-resource-response")


def as_text(value: Any) -> Any:
    """Return properties with all their values as strings, as providers receive them."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items()}
    return [as_text(item) for item in value] if isinstance(value, list) else text(value)


def _seconds(properties: Properties) -> int:
    given = text(properties.get("ServiceTimeout", SECONDS))
    if not given.isdigit() or not 1 <= int(given) <= SECONDS:
        raise CustomResourceError(f"ServiceTimeout must be an integer from 1 to {SECONDS}, not {given}.")
    return int(given)


def check_token(context: Context, token: Any) -> str:
    """Return the service that a token names: `lambda` or `sns`; raises CustomResourceError for what is no token."""
    parts = str(token).split(":")
    if len(parts) < 6 or parts[2] not in ("lambda", "sns") or parts[3] != context.caller.region:
        message = "it must be the ARN of a Lambda function or an SNS topic in the stack's region."
        raise CustomResourceError(f"Invalid service token {token}: {message}")
    return parts[2]


def _send(context: Context, token: Any, request: dict[str, Any]) -> None:
    """Hand a request to a Lambda function or an SNS topic, with the stack's permissions."""
    service, document = check_token(context, token), json.dumps(request)
    if service == "lambda":
        context.client("lambda").invoke(FunctionName=token, InvocationType="Event", Payload=document.encode())
    else:
        context.client("sns").publish(TopicArn=token, Message=document, Subject=_SUBJECT)


def _answer(
    bucket: ServiceBucket, key: str, request: dict[str, Any], deadline: float, halted: Callable[[], bool]
) -> Response:
    read = 0
    while True:
        received = bucket.received(key)
        for content in received[read:]:
            found = _own(content, request)
            if found is not None:
                return _read(found, request)
        read = len(received)
        if halted():
            raise CustomResourceError(f"Resource {_DOINGS[request['RequestType']]} cancelled")
        if time.monotonic() > deadline:
            raise CustomResourceError(
                "CloudFormation did not receive a response from your Custom Resource. "
                f"Please check your logs for requestId [{request['RequestId']}]."
            )
        time.sleep(_POLL_SECONDS)


def _own(content: bytes, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return what an answer says; None when it answers something else."""
    if len(content) > _BYTES:
        raise CustomResourceError("Response object is too long.")
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CustomResourceError("Response is not valid JSON.") from error
    if not isinstance(found, dict):
        raise CustomResourceError("Response is not a JSON object.")
    same = all(found.get(name) == request[name] for name in ("StackId", "RequestId", "LogicalResourceId"))
    return found if same else None


def _read(found: dict[str, Any], request: dict[str, Any]) -> Response:
    ref = found.get("PhysicalResourceId")
    known = ref if isinstance(ref, str) and 0 < len(ref.encode()) <= _ID_BYTES else ""
    if found.get("Status") == "FAILED":
        raise CustomResourceError(
            "Received response status [FAILED] from custom resource. "
            f"Message returned: {found.get('Reason') or ''} (RequestId: {request['RequestId']})",
            known,
        )
    if found.get("Status") != "SUCCESS":
        raise CustomResourceError(f"Invalid Response object: Status {found.get('Status')!r} is not SUCCESS or FAILED.")
    if not known:
        raise CustomResourceError("Invalid PhysicalResourceId")
    data = found.get("Data") or {}
    if not isinstance(data, dict):
        raise CustomResourceError("Invalid Response object: Data must be an object.", known)
    return Response(known, data, text(found.get("NoEcho", False)) == "true")
