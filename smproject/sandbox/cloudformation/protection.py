"""What protects stacks: their policies, and protection against deletion."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.options import document
from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.world import World


class Protection:
    """SetStackPolicy, GetStackPolicy and UpdateTerminationProtection."""

    def __init__(self, world: World, book: Book) -> None:
        self.world, self.book = world, book

    def set_stack_policy(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Put a stack's policy."""
        stack = self.book.find(caller, request["StackName"])
        text = document(self.world, caller, request, "StackPolicy")
        if text is None:
            message = "You must specify either StackPolicyURL or StackPolicyBody"
            raise ServiceError("ValidationError", message)
        stack.policy = text
        return {}

    def get_stack_policy(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's policy, if it has one."""
        policy = self.book.find(caller, request["StackName"]).policy
        return {"StackPolicyBody": policy} if policy else {}

    def update_termination_protection(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Protect a stack, and those nested in it, against deletion, or no longer."""
        stack = self.book.find(caller, request["StackName"])
        if stack.root:
            message = f"Termination protection of the nested stack {stack.id} is that of its root stack {stack.root}."
            raise ServiceError("ValidationError", message)
        if stack.status.startswith("DELETE_"):
            raise ServiceError(
                "ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated."
            )
        stack.termination_protection = request["EnableTerminationProtection"]
        return {"StackId": stack.id}
