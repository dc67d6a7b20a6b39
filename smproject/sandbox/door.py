"""The one door: every AWS call enters here, is identified, answered by our services or by moto, and logged."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox import calls, container_credentials, git_hosts, git_http, moto_seam, replies, validation
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.moto_seam import ANONYMOUS, Credentials
from smproject.sandbox.permissions.gate import Gate, Judgement, Used, assumed, refusal
from smproject.sandbox.replies import Reply
from smproject.sandbox.service import Caller, Request, Service, ServiceError, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
Uses = tuple[Used, ...]
_GIT = "/v1/repos/"
# Of moto's services those whose calls may wait: for a body to arrive, for a subscriber's answer, for a message.
_WAITING = {"s3", "sns", "sqs"}


class Door:
    """The WSGI application of the sandbox."""

    def __init__(self, world: World) -> None:
        self.world, self.gate = world, Gate(world)
        self.host = git_hosts.GitHost(world)
        self.moto = moto_seam.application()
        self._turns: dict[str, threading.Lock] = {}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Answer one HTTP request."""
        started = time.perf_counter()
        if environ["PATH_INFO"].startswith((git_hosts.PREFIX, git_hosts.BY_CONNECTION)):
            return self.host(environ, start_response)
        if environ["PATH_INFO"] == container_credentials.PATH:
            return self.world.containers.answer(environ).send(start_response)
        if environ["PATH_INFO"].startswith(_GIT):
            return self._git(environ, start_response, started)
        try:
            call = calls.read(environ)
        except UnicodeDecodeError as error:
            unread = Call("", "", "", "", calls.QUERY)
            return replies.error(unread, 400, "MalformedQueryString", str(error)).send(start_response)
        identity = ANONYMOUS if call.needs_no_signature else moto_seam.identify(call.access_key)
        refused, uses = self._judged(identity, call, environ)
        reply = refused or self._answer(identity, call, environ) or self._moto(call, environ, start_response)
        status = reply.status if isinstance(reply, Reply) else reply[0]
        uses = uses or assumed(call, environ, status)
        self.world.log.record(identity, call.service, call.operation, status, started, uses)
        self.world.touched(call.service, identity.account if identity else "", call.operation)
        return reply.send(start_response) if isinstance(reply, Reply) else reply[1]

    def _git(self, environ: Environ, start_response: Any, started: float) -> Iterable[bytes]:
        """Let CodeCommit answer git; judged and logged under the names that IAM has for it."""
        codecommit: Any = self.world.services["codecommit"]
        begun: list[str] = []

        def begin(status: str, headers: list[tuple[str, str]]) -> Any:
            begun.append(status)
            return start_response(status, headers)

        operation = "GitPush" if "git-receive-pack" in environ["PATH_INFO"] + environ["QUERY_STRING"] else "GitPull"
        identity = moto_seam.identify((git_http.user_name(environ) or "").partition("%")[0])
        repository = environ["PATH_INFO"].removeprefix(_GIT).partition("/")[0]
        judged = Judgement()
        if identity:
            judged = self.gate.judge_git(identity, f"codecommit:{operation}", repository, self.world.region)
        body: Iterable[bytes]
        if judged.reason:
            calls.discard(environ)
            body = git_http.refuse(begin, "403 Forbidden", judged.reason)
        else:
            body = codecommit.git_http(environ, begin)
        self.world.log.record(identity, "codecommit", operation, int(begun[0].split()[0]), started, judged.uses)
        return body

    def _judged(self, identity: Credentials | None, call: Call, environ: Environ) -> tuple[Reply | None, Uses]:
        """Return the answer to a call that may not be made, and the permissions that were asked for."""
        if identity is None:
            calls.discard(environ)
            return _stranger(call), ()
        if not calls.well_formed(call, environ):
            text = "The request's body is not a JSON object."
            return replies.error(call, 400, "SerializationException", text), ()
        if call.service == "s3" and call.operation.partition("?")[2] in moto_seam.S3_LACKS:
            return _missing(call), ()
        try:
            judged = self.gate.judge(identity, call, environ)
        except ServiceError as error:
            calls.discard(environ)
            return replies.error(call, 501, error.code, error.message), ()
        except Exception as error:
            LOG.exception("the permissions of %s:%s could not be judged", call.service, call.operation)
            return _broken(call, error), ()
        return (refusal(judged, call, environ) if judged.reason else None), judged.uses

    def _answer(self, identity: Credentials | None, call: Call, environ: Environ) -> Reply | None:
        """Answer a call to one of our services; None when it is moto's."""
        service = self.world.services.get(call.service)
        if identity is None or service is None or (service.over_moto and not service.handler(call.operation)):
            return None
        return self._handle(service, call, Caller(identity.account, call.region, identity.arn, identity), environ)

    def _handle(self, service: Service, call: Call, caller: Caller, environ: Environ) -> Reply:
        handler = service.handler(call.operation)
        try:
            if call.wire == calls.REST:
                return service.http(caller, call, environ) or _missing(call)
            if handler is None:
                return _missing(call)
            result = handler(caller, _request(service, call, environ)) or {}
            return Reply(*moto_seam.serialize(service.name, call.operation, result))
        except (ServiceError, ClientError) as error:  # a service acts by API calls: what they refuse, it refuses
            return replies.error(call, 400, *told(error))
        except Exception as error:
            LOG.exception("%s:%s failed", call.service, call.operation)
            return _broken(call, error)

    def _moto(self, call: Call, environ: Environ, start_response: Any) -> Reply | tuple[int, Iterable[bytes]]:
        """Let moto answer: its HTTP status and body, or our error for what it lacks."""
        begun: list[Any] = []
        try:
            with self._turn(call.service):
                body = self.moto(environ, lambda *begin: begun.extend(begin))
        except NotImplementedError:
            return _missing(call)
        except Exception as error:  # moto runs in Flask's debug mode, so its failures arrive here
            LOG.exception("moto failed in %s:%s", call.service, call.operation)
            return _broken(call, error)
        status, headers = int(begun[0].split()[0]), dict(begun[1])
        if status >= 400 and headers.get("Content-Type", "").startswith("text/html") and call.service != "s3":
            return _missing(call)  # no AWS error is HTML: this is Flask, which has no such route
        start_response(*begun)
        return status, body

    def _turn(self, service: str) -> AbstractContextManager[Any]:
        """Let a service of moto answer one call at a time: it walks through what other calls change."""
        return nullcontext() if service in _WAITING else self._turns.setdefault(service, threading.Lock())


def _stranger(call: Call) -> Reply:
    """Refuse a call that nobody signed, or somebody whom the sandbox doesn't know."""
    if not call.access_key:
        if call.wire == calls.REST:
            return replies.error(call, 403, "AccessDenied", "Access Denied")
        return replies.error(call, 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    if call.service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return replies.error(call, 403, "InvalidAccessKeyId", message)
    code = "InvalidClientTokenId" if call.wire == calls.QUERY else "UnrecognizedClientException"
    return replies.error(call, 403, code, "The security token included in the request is invalid.")


def _missing(call: Call) -> Reply:
    message = f"The sandbox does not implement {call.service}:{call.operation}."
    return replies.error(call, 501, "NotImplemented", message)


def _broken(call: Call, error: Exception) -> Reply:
    message = f"The sandbox failed in {call.service}:{call.operation}: {error!r}"
    return replies.error(call, 500, "InternalFailure", message)


def _request(service: Service, call: Call, environ: Environ) -> Request:
    body = calls.body(environ)
    values = calls.form(environ) if call.wire == calls.QUERY else {}
    try:
        request = moto_seam.parse(service.name, call.operation, body, values)
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request is malformed: {error}") from error
    message = validation.message(moto_seam.input_shape(service.name, call.operation), request)
    if message:
        raise ServiceError(moto_seam.validation_code(service.name), message)
    service.refuse_unsupported(call.operation, request)
    return request
