"""REST calls to our own services: read into the dictionary that boto3's user passed, answered as the model says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import ClientError
from werkzeug.datastructures import EnvironHeaders, MultiDict

from smproject.sandbox import calls, models, moto_seam, replies, validation
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.replies import Reply
from smproject.sandbox.service import Caller, Request, Service, ServiceError, told


def answer(service: Service, caller: Caller, call: Call, environ: Environ) -> Reply | None:
    """Let a service's method answer a REST call; None when it has none for the operation."""
    handler = service.handler(call.operation)
    if handler is None:
        return None
    try:
        result = handler(caller, _request(service, call, environ)) or {}
    except (ServiceError, ClientError) as error:
        code, message = told(error)
        return replies.error(call, _status(call, code), code, message)
    status, headers, body = moto_seam.serialize(service.name, call.operation, result)
    return Reply(_chosen(call, result) or status, headers, body)


def _request(service: Service, call: Call, environ: Environ) -> Request:
    labels = models.labels(call.service, call.operation, calls.sent_path(environ))
    values = MultiDict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    place = moto_seam.Place(EnvironHeaders(environ), labels)
    try:
        request = moto_seam.parse(service.name, call.operation, calls.body(environ), values, place)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise ServiceError("InvalidRequestContentException", message) from error
    if broken := validation.message(moto_seam.input_shape(service.name, call.operation), request):
        raise ServiceError("ValidationException", broken)
    service.refuse_unsupported(call.operation, request)
    return request


def _chosen(call: Call, result: Mapping[str, Any]) -> int | None:
    """Return the HTTP status that a result holds, where the operation has such a member."""
    found = models.operation(call.service, call.operation)
    members = found.output_shape.members if found and found.output_shape else {}
    names = [name for name, shape in members.items() if shape.serialization.get("location") == "statusCode"]
    return next((int(result[name]) for name in names if name in result), None)


def _status(call: Call, code: str) -> int:
    """Return the HTTP status that the service model gives an error."""
    found = models.operation(call.service, call.operation)
    shapes = found.error_shapes if found else []
    return next((int(s.metadata["error"]["httpStatusCode"]) for s in shapes if s.name == code), 400)
