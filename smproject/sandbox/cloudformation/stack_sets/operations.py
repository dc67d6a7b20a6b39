"""What can be asked about operations on stack sets, and how one is stopped."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.stack_sets import views
from smproject.sandbox.cloudformation.stack_sets.shelf import Shelf
from smproject.sandbox.service import Caller, Request, ServiceError, page


class StackSetOperations:
    """The descriptions of operations, their results, and StopStackSetOperation."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def describe_stack_set_operation(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe an operation."""
        found = self.shelf.find(caller, request)
        return {"StackSetOperation": views.operation(self.shelf.operation(found, request["OperationId"]), found)}

    def list_stack_set_operations(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the operations on a set, newest first."""
        found = self.shelf.find(caller, request)
        return page([views.operation(each, found) for each in reversed(found.operations)], request, "Summaries")

    def list_stack_set_operation_results(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List how an operation went for each instance, by status where that is asked for."""
        found = self.shelf.operation(self.shelf.find(caller, request), request["OperationId"])
        statuses = {each["Values"] for each in request.get("Filters", [])}
        results = [each for each in found.results.values() if not statuses or each.status in statuses]
        return page([views.result(each) for each in results], request, "Summaries")

    def stop_stack_set_operation(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let an operation do no more than it has begun."""
        found = self.shelf.operation(self.shelf.live(caller, request), request["OperationId"])
        with self.shelf.lock:
            if found.status != "RUNNING":
                message = f"Operation {found.id} is in status {found.status} and can not be stopped"
                raise ServiceError("InvalidOperationException", message)
            found.status = "STOPPING"
        return {}
