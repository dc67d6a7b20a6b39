"""All stacks of all accounts, and how a request finds the one it names."""

from __future__ import annotations

import threading

from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Caller, ServiceError


class Book:
    """The stacks, deleted ones too, oldest first; `lock` guards decisions that depend on a stack's status."""

    def __init__(self) -> None:
        self.stacks: list[Stack] = []
        self.lock = threading.Lock()

    def all(self, caller: Caller) -> list[Stack]:
        """Return the stacks of the caller's account and region, deleted ones too."""
        scope = (caller.account, caller.region)
        return [stack for stack in self.stacks if (stack.owner.account, stack.owner.region) == scope]

    def all_live(self, caller: Caller) -> list[Stack]:
        """Return the stacks of the caller's account and region that are not deleted."""
        return [stack for stack in self.all(caller) if stack.status != "DELETE_COMPLETE"]

    def live(self, caller: Caller, name: str) -> Stack | None:
        """Return the stack of a name or id that is not deleted."""
        return next((stack for stack in self.all_live(caller) if name in (stack.name, stack.id)), None)

    def find(self, caller: Caller, name: str) -> Stack:
        """Return a stack by name or, deleted ones too, by id; raises ServiceError (ValidationError)."""
        by_id = next((s for s in self.stacks if s.id == name and s.owner.account == caller.account), None)
        stack = self.live(caller, name) or by_id
        if stack is None:
            raise ServiceError("ValidationError", f"Stack with id {name} does not exist")
        return stack
