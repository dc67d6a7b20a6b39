"""InvokeEndpoint: a request goes to a container as it is, and its answer comes back as it is.

Reference: SageMaker Runtime API reference, InvokeEndpoint.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from urllib.parse import quote

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, ReadTimeoutError

from smproject.sandbox import calls, replies
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.replies import Reply
from smproject.sandbox.sagemaker.hosting.capture import Exchange
from smproject.sandbox.sagemaker.hosting.endpoint import Endpoint
from smproject.sandbox.sagemaker.hosting.endpoints import Endpoints
from smproject.sandbox.sagemaker.hosting.fleet import Fleet
from smproject.sandbox.sagemaker.hosting.metrics import Invocation, Metrics, Source
from smproject.sandbox.sagemaker.hosting.variant import Variant
from smproject.sandbox.service import Caller

LIMIT = 6_291_456  # bytes of a request's body
_OWN = "X-Amzn-SageMaker-"
_FORWARDED = ("Content-Type", "Accept", f"{_OWN}Custom-Attributes", f"{_OWN}Inference-Id")
_UNSUPPORTED = (
    "Enable-Explanations",
    "Inference-Component",
    "Prefix-Aware-Id",
    "Session-Id",
    "Target-Container-Hostname",
    "Target-Model",
)
_TOO_LATE = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


@dataclass(frozen=True)
class Answer:
    """What a container answered; a status of 503 or 0 (late) and a message when it did not."""

    status: int
    body: bytes
    content_type: str = ""
    attributes: str = ""


class Invocations:
    """Sends requests to endpoints' containers."""

    def __init__(self, endpoints: Endpoints, metrics: Metrics) -> None:
        self.endpoints, self.metrics = endpoints, metrics

    def answer(self, caller: Caller, call: Call, environ: Environ) -> Reply:
        """Answer an InvokeEndpoint call."""
        began = time.perf_counter()
        body, headers = calls.body(environ), _headers(environ)
        name = environ["PATH_INFO"].split("/")[2]
        if refusal := _refusal(call, body, headers):
            return refusal
        endpoint = self.endpoints.of_name(caller, name)
        target = headers.get(f"{_OWN}Target-Variant")
        if endpoint is None or not endpoint.routes:
            return replies.error(
                call, 400, "ValidationError", f"Endpoint {name} of account {caller.account} not found."
            )
        with endpoint.serving(target) as found:
            if found is None:
                message = f"Endpoint {name} has no production variant {target or 'with a weight above 0'} to invoke."
                return replies.error(call, 400, "ValidationError", message)
            return self._invoke(call, endpoint, *found, began, body, headers)

    def _invoke(  # noqa: PLR0913, PLR0917 - one request, and where it goes
        self,
        call: Call,
        endpoint: Endpoint,
        fleet: Fleet,
        variant: Variant,
        began: float,
        body: bytes,
        headers: dict[str, str],
    ) -> Reply:
        sent = time.perf_counter()
        answer = _send(variant, body, {name: headers[name] for name in _FORWARDED if name in headers})
        answered = time.perf_counter()
        good = 200 <= answer.status < 400
        if good and fleet.capture:
            kind = headers.get("Content-Type", "")
            identity = headers.get(f"{_OWN}Inference-Id", "")
            fleet.capture.keep(Exchange(variant.name, body, kind, answer.body, answer.content_type, identity))
        caller = endpoint.place.caller
        source = Source(caller.account, caller.region, endpoint.name, variant.name, fleet.config.name)
        spent = (answered - sent) * 1e6, (time.perf_counter() - began - (answered - sent)) * 1e6
        self.metrics.record(source, Invocation(answer.status or 503, *spent, variant.instances))
        return _success(variant, answer) if good else _model_error(call, endpoint, answer)


def _headers(environ: Environ) -> dict[str, str]:
    """Return the headers that the API knows."""
    names = {f"{_OWN}{name}" for name in ("Target-Variant", *_UNSUPPORTED)} | set(_FORWARDED)
    keys = {name: name.upper().replace("-", "_") for name in names}
    keys = {name: key if key == "CONTENT_TYPE" else f"HTTP_{key}" for name, key in keys.items()}
    return {name: environ[key] for name, key in keys.items() if environ.get(key)}


def _refusal(call: Call, body: bytes, headers: dict[str, str]) -> Reply | None:
    if len(body) > LIMIT:
        return replies.error(call, 413, "413", f"HTTP content length exceeded {LIMIT} bytes.")
    found = next((name for name in _UNSUPPORTED if f"{_OWN}{name}" in headers), None)
    if found:
        message = f"The sandbox does not implement {_OWN}{found} of sagemaker:InvokeEndpoint."
        return replies.error(call, 400, "ValidationError", message)
    return None


def _send(variant: Variant, body: bytes, headers: dict[str, str]) -> Answer:
    server = variant.server
    if server is None:
        return Answer(503, b"The container is not running.")
    try:
        response: HTTPResponse = server.invoke(body, headers)
    except ReadTimeoutError:
        return Answer(0, _TOO_LATE.encode())
    except HTTPError as error:
        return Answer(503, f"The container did not answer: {error}".encode())
    found = response.headers
    kind = found.get("Content-Type", "application/octet-stream")
    return Answer(response.status, response.data, kind, found.get(f"{_OWN}Custom-Attributes", ""))


def _success(variant: Variant, answer: Answer) -> Reply:
    headers = {"Content-Type": answer.content_type, "x-Amzn-Invoked-Production-Variant": variant.name}
    if answer.attributes:
        headers[f"{_OWN}Custom-Attributes"] = answer.attributes
    return Reply(200, headers, answer.body)


def _model_error(call: Call, endpoint: Endpoint, answer: Answer) -> Reply:
    """Return the error that carries what a container has answered."""
    caller, group = endpoint.place.caller, endpoint.place.log_group
    original = answer.body.decode(errors="replace")[:1024]
    side = "client" if 400 <= answer.status < 500 else "server"
    console = f"https://{caller.region}.console.aws.amazon.com/cloudwatch/home?region={caller.region}"
    message = (
        f'Received {side} error ({answer.status}) from primary with message "{original}". '
        f"See {console}#logEventViewer:group={quote(group)} in account {caller.account} for more information."
    )
    reply = replies.error(call, 424, "ModelError", message)
    facts = {"Message": message, "OriginalStatusCode": answer.status, "OriginalMessage": original}
    reply.body = json.dumps({**facts, "LogStreamArn": caller.arn_of("logs", f"log-group:{group}")}).encode()
    return reply
