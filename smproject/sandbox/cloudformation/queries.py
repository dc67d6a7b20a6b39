"""What can be asked about stacks."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import views
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.service import Caller, Request, ServiceError, page


class Queries:
    """The descriptions of stacks, their events and their resources."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def describe_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one stack by name or id, or all live ones."""
        if name := request.get("StackName"):
            return {"Stacks": [views.stack(self.book.find(caller, name))]}
        return page([views.stack(stack) for stack in self.book.all_live(caller)], request, "Stacks")

    def list_stacks(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List stacks, deleted ones too, by status."""
        wanted = request.get("StackStatusFilter")
        found = [s for s in reversed(self.book.all(caller)) if not wanted or s.status in wanted]
        return page([views.stack(s) for s in found], request, "StackSummaries")

    def describe_stack_events(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's events, newest first."""
        return page(self.book.find(caller, request["StackName"]).events[::-1], request, "StackEvents")

    def list_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a stack's resources."""
        stack = self.book.find(caller, request["StackName"])
        return page(views.resource_summaries(stack), request, "StackResourceSummaries")

    def describe_stack_resources(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a stack's resources, or the one with a logical id."""
        stack = self.book.find(caller, request["StackName"])
        return {"StackResources": views.resources(stack, request.get("LogicalResourceId"))}

    def describe_stack_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one resource of a stack."""
        found = self.describe_stack_resources(caller, request)["StackResources"]
        if not found:
            name, stack = request["LogicalResourceId"], request["StackName"]
            raise ServiceError("ValidationError", f"Resource {name} does not exist for stack {stack}")
        return {"StackResourceDetail": found[0] | {"LastUpdatedTimestamp": found[0]["Timestamp"]}}
