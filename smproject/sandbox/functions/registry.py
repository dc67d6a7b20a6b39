"""Where functions are found: by name, partial ARN or ARN, with or without a qualifier."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

from smproject.sandbox.functions.model import Function, missing
from smproject.sandbox.service import Caller, Request, ServiceError

_NAME = re.compile(
    r"(?:arn:aws[\w-]*:lambda:(?P<region>[a-z0-9-]+):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[\w-]{1,140})(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)


@dataclass(frozen=True)
class Address:
    """Which function and which of its versions or aliases a request means; `qualifier` may be empty."""

    account: str
    region: str
    name: str
    qualifier: str = ""

    @classmethod
    def of(cls, caller: Caller, request: Request) -> Address:
        """Read the members FunctionName and Qualifier; raises ServiceError when they contradict each other."""
        found = _NAME.fullmatch(request["FunctionName"])
        if found is None:
            message = f"{request['FunctionName']} is not a valid function name or ARN."
            raise ServiceError("InvalidParameterValueException", message)
        given, inside = request.get("Qualifier") or "", found["qualifier"] or ""
        if given and inside and given != inside:
            message = "The derived qualifier from the function name does not match the specified qualifier."
            raise ServiceError("InvalidParameterValueException", message)
        account, region = found["account"] or caller.account, found["region"] or caller.region
        return cls(account, region, found["name"], given or inside)

    @property
    def arn(self) -> str:
        """Return the ARN, with the qualifier if there is one."""
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"
        return f"{arn}:{self.qualifier}" if self.qualifier else arn


@dataclass
class Registry:
    """All accounts' functions."""

    functions: dict[tuple[str, str, str], Function] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def at(self, address: Address) -> Function:
        """Return a function, which has the version or alias asked for; raises ResourceNotFoundException."""
        function = self.functions.get((address.account, address.region, address.name))
        if function is None:
            raise missing(address.arn)
        function.version(address.qualifier)
        return function

    def find(self, caller: Caller, request: Request) -> tuple[Function, str]:
        """Return the function that a request means, and the qualifier."""
        address = Address.of(caller, request)
        if address.account != caller.account:
            message = f"{caller.arn} may not administer {address.arn}: the sandbox lets other accounts only invoke."
            raise ServiceError("AccessDeniedException", message)
        return self.at(address), address.qualifier

    def of(self, caller: Caller) -> list[Function]:
        """Return the functions of the caller's account and region, by name."""
        place = (caller.account, caller.region)
        return [found for key, found in sorted(self.functions.items()) if key[:2] == place]
