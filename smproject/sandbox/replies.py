"""HTTP answers, and errors in the form that the client's protocol reads."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from smproject.sandbox.calls import QUERY, REST, Call

_REST_XML = {"s3", "s3express", "route53", "cloudfront"}  # the other services without operation names speak JSON


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def send(self, start_response: Any) -> Iterable[bytes]:
        """Answer the WSGI request."""
        headers = {**self.headers, "Content-Length": str(len(self.body))}
        start_response(f"{self.status} {'OK' if self.status < 400 else 'Error'}", list(headers.items()))
        return [self.body]


def error(call: Call, status: int, code: str, message: str) -> Reply:
    """Return an error that AWS's clients raise as `code` with `message`."""
    request_id = str(uuid.uuid4())
    if call.wire == QUERY or (call.wire == REST and call.service in _REST_XML):
        return Reply(status, {"Content-Type": "text/xml"}, _xml(call, code, message, request_id).encode())
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": request_id, "x-amzn-ErrorType": code}
    return Reply(status, headers, json.dumps({"__type": code, "message": message}).encode())


def _xml(call: Call, code: str, message: str, request_id: str) -> str:
    detail = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.wire == REST:
        return f"<Error>{detail}<RequestId>{request_id}</RequestId></Error>"
    detail = f"<Error><Type>Sender</Type>{detail}</Error>"
    return f"<ErrorResponse>{detail}<RequestId>{request_id}</RequestId></ErrorResponse>"
