"""The one door: every AWS call enters here, is identified, answered by our services or by moto, and logged."""

from __future__ import annotations

import io
import json
import logging
import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from smproject.sandbox import moto_seam, validation
from smproject.sandbox.calllog import CallLog
from smproject.sandbox.service import Caller, Request, Service, ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
Environ = dict[str, Any]


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Call:
    """What a signed request asks for; `operation` is empty for REST services, which only moto answers."""

    access_key: str
    region: str
    service: str
    operation: str


class Door:
    """The WSGI application of the sandbox."""

    def __init__(self, world: World, log: CallLog) -> None:
        self.world, self.log = world, log
        self.moto = moto_seam.application()

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one HTTP request."""
        git = self.world.services.get("codecommit")
        if git is not None and environ["PATH_INFO"].startswith("/v1/repos/"):
            answer: Iterable[bytes] = git.git_http(environ, start_response)  # type: ignore[attr-defined]
            return answer
        call = _read_call(environ)
        if call is None:
            return self._moto(environ, start_response)
        started = time.perf_counter()
        reply = self._answer(call, environ)
        if reply is None:
            return self._logged_moto(call, environ, start_response, started)
        self._record(call, reply.status, started)
        return _send(reply, start_response)

    def _answer(self, call: Call, environ: Environ) -> Reply | None:
        """Answer a call to one of our services; None when it is moto's."""
        identity = moto_seam.identify(call.access_key)
        if identity is None:
            return _raw_error(
                call, 403, "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        service = self.world.services.get(call.service)
        if service is None or not call.operation or (service.over_moto and not service.handler(call.operation)):
            return None
        caller = Caller(identity.account, call.region, identity.arn, identity)
        return self._handle(service, call, caller, environ)

    def _handle(self, service: Service, call: Call, caller: Caller, environ: Environ) -> Reply:
        handler = service.handler(call.operation)
        if handler is None:
            message = f"The sandbox does not implement {call.service}:{call.operation}."
            return _raw_error(call, 501, "NotImplemented", message)
        try:
            result = handler(caller, _request(service, call, environ)) or {}
            return Reply(*moto_seam.serialize(service.name, call.operation, result))
        except ServiceError as error:
            return _raw_error(call, 400, error.code, error.message)
        except Exception as error:
            LOG.exception("%s:%s failed", call.service, call.operation)
            message = f"The sandbox failed in {call.service}:{call.operation}: {error!r}"
            return _raw_error(call, 500, "InternalFailure", message)

    def _logged_moto(self, call: Call, environ: Environ, start_response: Any, started: float) -> Iterable[bytes]:
        def record(status: str, headers: Any, exc_info: Any = None) -> Any:
            self._record(call, int(status.split()[0]), started)
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            return self._moto(environ, record)
        except Exception as error:  # moto runs in Flask's debug mode, so what it lacks arrives here
            missing = isinstance(error, NotImplementedError)
            if not missing:
                LOG.exception("moto failed in %s:%s", call.service, call.operation)
            message = f"The sandbox does not implement {call.service}:{call.operation or environ['REQUEST_METHOD']} ({error})."
            reply = _raw_error(
                call, 501 if missing else 500, "NotImplemented" if missing else "InternalFailure", message
            )
            self._record(call, reply.status, started)
            return _send(reply, start_response)

    def _moto(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        return self.moto(environ, start_response)

    def _record(self, call: Call, status: int, started: float) -> None:
        identity = moto_seam.identify(call.access_key)
        self.log.record(identity.arn if identity else "unknown", call.service, call.operation, status, started)


def _read_call(environ: Environ) -> Call | None:
    """Read the signature's scope and the operation's name; None for an unsigned request (a presigned S3 URL, say)."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return None
    access_key, region, service = scope.groups()
    operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if not operation and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        operation = dict(parse_qsl(_body(environ).decode())).get("Action", "")
    return Call(access_key, region, service, operation)


def _body(environ: Environ) -> bytes:
    """Read the body and leave it readable for whoever comes next."""
    if "smproject.body" not in environ:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["smproject.body"] = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(environ["smproject.body"])
    body: bytes = environ["smproject.body"]
    return body


def _request(service: Service, call: Call, environ: Environ) -> Request:
    body = _body(environ)
    values = dict(parse_qsl(body.decode(), keep_blank_values=True)) if b"Action=" in body[:2000] else {}
    request = moto_seam.parse(service.name, call.operation, body, values)
    message = validation.message(moto_seam.input_shape(service.name, call.operation), request)
    if message:
        raise ServiceError(moto_seam.validation_code(service.name), message)
    return request


def _raw_error(call: Call, status: int, code: str, message: str) -> Reply:
    """Write an error that no service model knows, in the form that the client's protocol reads."""
    request_id = str(uuid.uuid4())
    if call.operation and call.service not in moto_seam.XML_SERVICES:
        body = json.dumps({"__type": code, "message": message}).encode()
        return Reply(status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": request_id}, body)
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>".encode()
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
    return Reply(status, {"Content-Type": "text/xml"}, body)


def _send(reply: Reply, start_response: Any) -> Iterable[bytes]:
    headers = {**reply.headers, "Content-Length": str(len(reply.body))}
    start_response(f"{reply.status} {'OK' if reply.status < 400 else 'Error'}", list(headers.items()))
    return [reply.body]
