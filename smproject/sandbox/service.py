"""What every service of the sandbox shares: who calls, how operations are found, how errors look."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from botocore import xform_name
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from smproject.sandbox.calls import Call, Environ
    from smproject.sandbox.moto_seam import Credentials
    from smproject.sandbox.replies import Reply
    from smproject.sandbox.world import World

INTERRUPTED = "The sandbox was stopped while this was under way."
Request = dict[str, Any]
Handler = Callable[["Caller", Request], Mapping[str, Any] | None]


class ServiceError(Exception):
    """An error that reaches the client in AWS's shape: `code` is the exception's name in the service model."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Caller:
    """Who made a call: the account and region it acts in, the principal's ARN, and the credentials to act on."""

    account: str
    region: str
    arn: str
    credentials: Credentials

    def arn_of(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in the caller's account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def owns(self, arn: str) -> bool:
        """Tell whether an ARN lies in the caller's account."""
        return arn.split(":")[4:5] == [self.account]


@runtime_checkable
class Resumable(Protocol):
    """A part of a service that has something to do after a start with former state."""

    def resume(self) -> None:
        """Fail what was interrupted, start what must live."""


class Service:
    """An AWS service of our own: each method named like an operation (snake_case) answers that operation.

    A handler takes the caller and the request as boto3's user wrote it, and returns the response the same way.
    """

    name: ClassVar[str]  # botocore's service name
    signing_name: ClassVar[str] = ""  # the name in a request's signature, where it differs
    over_moto: ClassVar[bool] = False  # True: operations without a method are moto's; False: they are refused
    # Request members that a handler would ignore, as `Member` or `Operation.Member`: they are refused instead.
    unsupported: ClassVar[frozenset[str]] = frozenset()
    parts: Sequence[object] = ()  # where a service is made of several objects: those with its operations

    def __init__(self, world: World) -> None:
        self.world = world

    def handler(self, operation: str) -> Handler | None:
        """Return the method that answers an operation such as `CreateProject`; None when it isn't implemented."""
        return self.first_handler([self], operation)

    def http(self, caller: Caller, call: Call, environ: Environ) -> Reply | None:
        """Answer a REST call, whose request is its path, headers and raw body; None when there is no such call."""
        return None

    def resume(self) -> None:
        """Take up former state after a start: fail what was interrupted, start what must live; here, part by part."""
        for part in self.parts:
            if isinstance(part, Resumable):
                part.resume()

    def refuse_unsupported(self, operation: str, request: Request) -> None:
        """Raise ServiceError for a member that would be ignored."""
        found = sorted(name for name in request if {name, f"{operation}.{name}"} & self.unsupported)
        if found:
            raise ServiceError(
                "NotImplemented", f"The sandbox does not implement {found[0]} of {self.name}:{operation}."
            )

    @staticmethod
    def first_handler(parts: Iterable[object], operation: str) -> Handler | None:
        """Return the first part's method that answers an operation."""
        name = xform_name(operation)
        return next((getattr(part, name) for part in parts if hasattr(part, name)), None)


def told(error: ServiceError | ClientError) -> tuple[str, str]:
    """Return code and message of an error of our own services or of one that was called."""
    if isinstance(error, ServiceError):
        return error.code, error.message
    return error.response["Error"]["Code"], error.response["Error"]["Message"]


def now() -> datetime:
    """Return the time in UTC, as the service models want it."""
    return datetime.now(timezone.utc)


def unique_id(length: int, alphabet: str = string.ascii_lowercase + string.digits) -> str:
    """Return a random identifier in AWS's style."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def page(  # noqa: PLR0913, PLR0917 - services spell these members differently
    items: list[Any], request: Request, key: str, size: str = "MaxResults", token: str = "NextToken", default: int = 100
) -> dict[str, Any]:
    """Cut one page out of a listing: `{key: items}` and, when more follow, the token of the next page."""
    start = _offset(request.get(token))
    end = start + int(request.get(size) or default)
    more = {token[:1].upper() + token[1:] if key[:1].isupper() else token: str(end)} if end < len(items) else {}
    return {key: items[start:end], **more}


def _offset(token: str | None) -> int:
    if token and not token.isdigit():
        raise ServiceError("ValidationException", f"The pagination token {token!r} is not valid.")
    return int(token or 0)
