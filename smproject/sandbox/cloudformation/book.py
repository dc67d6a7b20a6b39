"""All stacks of all accounts, and how a request finds the one it names."""

from __future__ import annotations

import threading
from typing import Any

from smproject.sandbox.cloudformation import limits
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.world import World


class Book:
    """The stacks, deleted ones too, oldest first; `lock` guards decisions that depend on a stack's status.

    `children` are the calls that a stack is about to make for a nested one: the nested one's name or id, the parent.
    """

    def __init__(self) -> None:
        self.stacks: list[Stack] = []
        self.lock = threading.Lock()
        self.children: dict[tuple[str, str, str], Stack] = {}

    def all(self, caller: Caller) -> list[Stack]:
        """Return the stacks of the caller's account and region, deleted ones too."""
        scope = (caller.account, caller.region)
        return [stack for stack in list(self.stacks) if (stack.owner.account, stack.owner.region) == scope]

    def all_live(self, caller: Caller) -> list[Stack]:
        """Return the stacks of the caller's account and region that are not deleted."""
        return [stack for stack in self.all(caller) if stack.status != "DELETE_COMPLETE"]

    def live(self, caller: Caller, name: str) -> Stack | None:
        """Return the stack of a name or id that is not deleted."""
        return next((stack for stack in self.all_live(caller) if name in (stack.name, stack.id)), None)

    def find(self, caller: Caller, name: str) -> Stack:
        """Return a stack by name or, deleted ones too, by id; raises ServiceError (ValidationError)."""
        limits.check_name_or_id(name)
        by_id = next((s for s in self.stacks if s.id == name and s.owner.account == caller.account), None)
        stack = self.live(caller, name) or by_id
        if stack is None:
            raise ServiceError("ValidationError", f"Stack with id {name} does not exist")
        return stack

    def by_id(self, id_: str) -> Stack:
        """Return the stack of an id, which is known to exist."""
        return next(stack for stack in self.stacks if stack.id == id_)

    def expect(self, parent: Stack, child: str) -> None:
        """Note that the next call about a nested stack, by the name or id given, is its parent's."""
        self.children[parent.owner.account, parent.owner.region, child] = parent

    def parent_of(self, caller: Caller, child: str) -> Stack | None:
        """Return the parent whose call about a nested stack this is; None when it is a user's."""
        return self.children.pop((caller.account, caller.region, child), None)


def book_of(world: World) -> Book:
    """Return the book of a world's CloudFormation."""
    service: Any = world.services["cloudformation"]
    book: Book = service.book
    return book
