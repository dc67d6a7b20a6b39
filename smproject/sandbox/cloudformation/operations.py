"""What changes stacks: refused beforehand where AWS would refuse it, else done in the background."""

from __future__ import annotations

import uuid
from typing import Any

from smproject.sandbox.cloudformation import definitions, executor, resources, rollback, update
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import Caller, Request, ServiceError, now
from smproject.sandbox.world import World

_UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


class Operations:
    """CreateStack, UpdateStack, DeleteStack and what else sets a stack in motion."""

    def __init__(self, world: World, book: Book) -> None:
        self.world, self.book = world, book

    def create_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused, then create the resources in the background."""
        name, role = request["StackName"], request.get("RoleARN") or ""
        arn = caller.arn_of("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        owner = self.owner(caller, role, arn)
        definition = definitions.read(self.world, caller, owner, request)
        on_failure = "DO_NOTHING" if request.get("DisableRollback") else request.get("OnFailure") or "ROLLBACK"
        stack = Stack(name, arn, owner, definition, on_failure, role)
        order = resources.plan(stack, definition)
        with self.book.lock:
            if self.book.live(caller, name):
                raise ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")
            self.book.stacks.append(stack)
            stack.move("CREATE_IN_PROGRESS", "User Initiated")
        self.world.background(f"create {name}", lambda: executor.create(self.world, stack, order))
        return {"StackId": stack.id}

    def update_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused and what changes nothing, then update the resources in the background."""
        stack = self.book.find(caller, request["StackName"])
        _refuse_update(stack)
        if request.get("DisableRollback"):
            raise ServiceError("NotImplemented", "The sandbox does not implement DisableRollback of UpdateStack.")
        role, before = request.get("RoleARN") or stack.role_arn, stack.definition
        owner = self.owner(caller, role, stack.id)
        definition = definitions.read(self.world, caller, owner, request, before)
        order = resources.plan(stack, definition)
        if not update.is_needed(stack, definition, order):
            raise ServiceError("ValidationError", "No updates are to be performed.")
        with self.book.lock:
            _refuse_update(stack)
            stack.owner, stack.role_arn, stack.definition, stack.updated = owner, role, definition, now()
            stack.move("UPDATE_IN_PROGRESS", "User Initiated")
        self.world.background(f"update {stack.name}", lambda: update.update(self.world, stack, before, order))
        return {"StackId": stack.id}

    def continue_update_rollback(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Go on with a rollback that failed, after its cause is mended or without the resources to skip."""
        stack, skipped = self.book.find(caller, request["StackName"]), request.get("ResourcesToSkip", [])
        with self.book.lock:
            stuck = stack.stuck
            if stuck is None or stack.status != "UPDATE_ROLLBACK_FAILED":
                message = f"Stack:{stack.id} is in {stack.status} state and can not continue its update rollback."
                raise ServiceError("ValidationError", message)
            stack.move("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self.world.background(f"roll back {stack.name}", lambda: rollback.resume(stuck, skipped))
        return {}

    def delete_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a stack in the background; a stack that isn't there is deleted already."""
        with self.book.lock:
            stack = self.book.live(caller, request["StackName"])
            if stack is None:
                return {}
            if stack.status.startswith("UPDATE_") and stack.status.endswith("_IN_PROGRESS"):
                message = f"Stack [{stack.id}] cannot be deleted while in status {stack.status}"
                raise ServiceError("ValidationError", message)
            stack.move("DELETE_IN_PROGRESS", "User Initiated")
        self.world.background(f"delete {stack.name}", lambda: executor.delete(self.world, stack))
        return {}

    def owner(self, caller: Caller, role_arn: str, stack_arn: str) -> Caller:
        """Return who acts for a stack: its role's session, else the caller."""
        if not role_arn:
            return caller
        credentials = self.world.assume(role_arn, "cloudformation.amazonaws.com", "AWSCloudFormation", stack_arn)
        return Caller(caller.account, caller.region, credentials.arn, credentials)


def _refuse_update(stack: Stack) -> None:
    if stack.status not in _UPDATABLE:
        message = f"Stack:{stack.id} is in {stack.status} state and can not be updated."
        raise ServiceError("ValidationError", message)
