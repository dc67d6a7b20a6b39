"""SageMaker's serving contract as an ASGI application: routes, limits, errors.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from server.errors import RequestError
from server.handler import Handler

logger = logging.getLogger("serve")

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ROUTES = {"/ping": "GET", "/execution-parameters": "GET", "/invocations": "POST"}


class DisconnectedError(Exception):
    """The client went away before it had sent its body."""


class App:
    """One worker's application; plain ASGI, for a framework would take a third of a one-row request's time."""

    def __init__(self, handler: Handler, workers: int, limit: int) -> None:
        self.handler, self.limit = handler, limit
        parameters = {
            "MaxConcurrentTransforms": workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": limit >> 20,
        }
        self.parameters = json.dumps(parameters).encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, headers = 200, []
        try:
            kind, body = await self.route(scope, receive)
        except DisconnectedError:
            return
        except RequestError as error:
            status, kind, body = error.status, "application/json", problem(str(error))
            # What is left of a refused body is not read, so the connection can't be used again.
            headers = [(b"connection", b"close")] if status == 413 else []
        except Exception as error:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            status, kind = 500, "application/json"
            body = problem(f"the server failed ({type(error).__name__}). The endpoint's log tells where.")
        headers += [(b"content-type", kind.encode("latin-1")), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def route(self, scope: Message, receive: Receive) -> tuple[str, bytes]:
        """Content type and body of the answer."""
        path, method = scope["path"], scope["method"]
        if path not in ROUTES:
            raise RequestError(404, f"there is no {path}. Use {', '.join(ROUTES)}.")
        if method != ROUTES[path]:
            raise RequestError(405, f"{path} does not take {method}. Use {ROUTES[path]}.")
        if path == "/ping":
            return "application/json", b"{}"
        if path == "/execution-parameters":
            return "application/json", self.parameters
        headers = dict(scope["headers"])
        body = await self.read(headers, receive)
        content_type, accept = (headers.get(name, b"").decode("latin-1") for name in (b"content-type", b"accept"))
        return await self.handler.answer(body, content_type, accept)

    async def read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The body, unless it is too large; a length that is announced decides before anything is read."""
        self.check(int(headers.get(b"content-length", 0)))
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise DisconnectedError
            parts.append(message["body"])
            size += len(message["body"])
            self.check(size)
            more = message["more_body"]
        return b"".join(parts)

    def check(self, size: int) -> None:
        """Refuse more bytes than MAX_CONTENT_LENGTH."""
        if size > self.limit:
            found = f"the body has {size} bytes or more; the limit is {self.limit} (MAX_CONTENT_LENGTH)"
            raise RequestError(413, f"{found}. Send fewer records.")


def problem(text: str) -> bytes:
    """Body of an error."""
    return json.dumps({"error": text}).encode()
