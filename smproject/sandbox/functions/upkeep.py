"""Tags and reserved concurrency of functions."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.functions.model import Function
from smproject.sandbox.functions.registry import Registry
from smproject.sandbox.service import Caller, Request


class Upkeep:
    """Changes what does not belong to a version."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def list_tags(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a function's tags."""
        return {"Tags": self._tagged(caller, request).tags}

    def tag_resource(self, caller: Caller, request: Request) -> None:
        """Add or change tags."""
        self._tagged(caller, request).tags.update(request["Tags"])

    def untag_resource(self, caller: Caller, request: Request) -> None:
        """Remove tags."""
        tags = self._tagged(caller, request).tags
        for key in request["TagKeys"]:
            tags.pop(key, None)

    def put_function_concurrency(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Limit how many invocations run at a time; 0 stops the function."""
        function, _ = self._registry.find(caller, request)
        function.reserved = int(request["ReservedConcurrentExecutions"])
        return {"ReservedConcurrentExecutions": function.reserved}

    def get_function_concurrency(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return the limit, if there is one."""
        function, _ = self._registry.find(caller, request)
        return {} if function.reserved is None else {"ReservedConcurrentExecutions": function.reserved}

    def delete_function_concurrency(self, caller: Caller, request: Request) -> None:
        """Remove the limit."""
        function, _ = self._registry.find(caller, request)
        function.reserved = None

    def _tagged(self, caller: Caller, request: Request) -> Function:
        return self._registry.find(caller, {"FunctionName": request["Resource"]})[0]
