"""What can be asked about stacks."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import views
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.stacks import Resource, Stack
from smproject.sandbox.service import Caller, Request, ServiceError, page

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_LIMITS = {"StackLimit": 2000, "StackOutputsLimit": 200, "ConcurrentResourcesLimit": 2500}


class Queries:
    """The descriptions of stacks, their events and their resources."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def describe_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one stack by name or id, or all live ones."""
        if name := request.get("StackName"):
            return {"Stacks": [views.stack(self.book.find(caller, name), self.book)]}
        found = [views.stack(stack, self.book) for stack in reversed(self.book.all_live(caller))]
        return page(found, request, "Stacks")

    def list_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List stacks, deleted ones too, by status."""
        wanted = request.get("StackStatusFilter")
        found = [s for s in reversed(self.book.all(caller)) if not wanted or s.status in wanted]
        return page([views.summary(s) for s in found], request, "StackSummaries")

    def describe_stack_events(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's events, newest first."""
        return page(self.book.find(caller, request["StackName"]).events[::-1], request, "StackEvents")

    def list_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a stack's resources."""
        stack = self.book.find(caller, request["StackName"])
        return page([views.resource_summary(one) for one in _resources(stack)], request, "StackResourceSummaries")

    def describe_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a stack's resources, or the one with a logical id; the stack may be named by a physical id."""
        stack = self._stack(caller, request)
        found = [views.resource(stack, one) for one in _resources(stack, request.get("LogicalResourceId"))]
        return {"StackResources": found}

    def describe_stack_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one resource of a stack."""
        name, stack = request["LogicalResourceId"], self.book.find(caller, request["StackName"])
        found = _resources(stack, name)
        if not found:
            message = f"Resource {name} does not exist for stack {request['StackName']}"
            raise ServiceError("ValidationError", message)
        return {"StackResourceDetail": views.resource_detail(stack, found[0])}

    def describe_account_limits(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell what an account may have; of these, the sandbox enforces the number of stacks and of outputs."""
        return {"AccountLimits": [{"Name": name, "Value": value} for name, value in _LIMITS.items()]}

    def _stack(self, caller: Caller, request: Request) -> Stack:
        name, physical_id = request.get("StackName"), request.get("PhysicalResourceId")
        if (name is None) == (physical_id is None):
            message = "Either StackName or PhysicalResourceId must be specified, but not both."
            raise ServiceError("ValidationError", message)
        if name is not None:
            return self.book.find(caller, name)
        for stack in self.book.all_live(caller):
            if any(one.made and one.made.ref == physical_id for one in _resources(stack)):
                return stack
        raise ServiceError("ValidationError", f"Stack for {physical_id} does not exist")


def _resources(stack: Stack, logical_id: str | None = None) -> list[Resource]:
    return [one for one in list(stack.resources.values()) if logical_id in (None, one.logical_id)]
