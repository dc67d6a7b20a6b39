"""What changes stacks: refused beforehand where AWS would refuse it, else done in the background."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from smproject.sandbox.cloudformation import (
    definitions,
    executor,
    interrupted,
    limits,
    notifications,
    resources,
    update,
)
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.deletion import Deletion
from smproject.sandbox.cloudformation.options import Options, documents
from smproject.sandbox.cloudformation.refusals import (
    refuse_continuation,
    refuse_deletion,
    refuse_token,
    refuse_update,
)
from smproject.sandbox.cloudformation.stacks import Definition, Stack
from smproject.sandbox.cloudformation.syntax import invalid
from smproject.sandbox.service import Caller, Request, ServiceError, now
from smproject.sandbox.world import World

_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/\S+")
_LIMIT = 2000  # stacks of an account in a region


class Operations:
    """CreateStack, UpdateStack, DeleteStack and what else sets a stack in motion."""

    def __init__(self, world: World, book: Book) -> None:
        self.world, self.book = world, book

    def create_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused, then create the resources in the background."""
        name, token = request["StackName"], request.get("ClientRequestToken")
        limits.check_new_name("stackName", name)
        there = self.book.live(caller, name)
        if token and there and there.tokens.get(token) == "CREATE_STACK":
            return _answer(there)
        parent = self.book.parent_of(caller, name)
        role = parent.role_arn if parent else request.get("RoleARN") or ""
        arn = caller.arn_of("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        owner = parent.owner if parent else self.owner(caller, role, arn)
        definition = definitions.read(self.world, caller, owner, request)
        stack = Stack(name, arn, owner, definition, role_arn=role)
        if parent:
            stack.parent, stack.root = parent.id, parent.root or parent.id
        self.begin_create(stack, documents(self.world, caller, Options.of(request), request))
        return _answer(stack)

    def begin_create(self, stack: Stack, options: Options) -> None:
        """Plan, refuse, then create in the background a stack that is new or REVIEW_IN_PROGRESS in the book."""
        options.check()
        options.put(stack)
        order = resources.plan(self.world, stack, stack.definition)
        with self.book.lock:
            other = self.book.live(stack.owner, stack.name)
            if other not in (None, stack):
                raise ServiceError("AlreadyExistsException", f"Stack [{stack.name}] already exists")
            if len(self.book.all_live(stack.owner)) >= _LIMIT:
                raise ServiceError("LimitExceededException", f"Limit for stack has been exceeded: {_LIMIT}")
            if other is None:
                self.book.stacks.append(stack)
            stack.begin("CREATE_STACK", "CREATE_IN_PROGRESS", options.client_request_token)
        self._start("create", stack, lambda: executor.create(self.world, stack, order))

    def update_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused and what changes nothing, then update the resources in the background."""
        stack, token = self.book.find(caller, request["StackName"]), request.get("ClientRequestToken")
        if token and refuse_token(stack, token, "UPDATE_STACK"):
            return _answer(stack)
        options = documents(self.world, caller, Options.of(request), request)
        refuse_update(stack, options)
        parent = self.book.parent_of(caller, stack.id)
        role = parent.role_arn if parent else request.get("RoleARN") or stack.role_arn
        owner = parent.owner if parent else self.owner(caller, role, stack.id)
        definition = definitions.read(self.world, caller, owner, request, stack.definition)
        self.begin_update(stack, definition, owner, role, options)
        return _answer(stack)

    def begin_update(
        self, stack: Stack, definition: Definition, owner: Caller, role_arn: str, options: Options
    ) -> None:
        """Plan, refuse, then bring a stack to its new definition in the background."""
        options.check()
        order = resources.plan(self.world, stack, definition)
        if not update.is_needed(self.world, stack, definition, order):
            raise ServiceError("ValidationError", "No updates are to be performed.")
        with self.book.lock:
            refuse_update(stack, options)
            executor.remember(stack)
            options.put(stack)
            stack.owner, stack.role_arn, stack.definition, stack.updated = owner, role_arn, definition, now()
            stack.begin("UPDATE_STACK", "UPDATE_IN_PROGRESS", options.client_request_token)
        self._start("update", stack, lambda: executor.update(self.world, stack, order))

    def cancel_update_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Give an update up and take it back."""
        stack = self.book.find(caller, request["StackName"])
        with self.book.lock:
            if stack.status != "UPDATE_IN_PROGRESS":
                raise ServiceError("ValidationError", "CancelUpdateStack cannot be called from current stack status")
            stack.token = request.get("ClientRequestToken") or stack.token
            stack.move("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        return {}

    def rollback_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Take a stack whose creation or update failed back to its last stable state; delete it when it has none."""
        stack, token = self.book.find(caller, request["StackName"]), request.get("ClientRequestToken") or ""
        if token and refuse_token(stack, token, "ROLLBACK"):
            return _answer(stack)
        self._take_role(caller, stack, request)
        with self.book.lock:
            undo = stack.undo
            if undo is None or stack.status not in {"CREATE_FAILED", "UPDATE_FAILED"}:
                message = f"Stack:{stack.id} is in {stack.status} state and can not be rolled back."
                raise ServiceError("ValidationError", message)
            stack.retain_except_on_create = bool(request.get("RetainExceptOnCreate"))
            is_stable = undo.definition is not None
            stack.begin("ROLLBACK", "UPDATE_ROLLBACK_IN_PROGRESS" if is_stable else "DELETE_IN_PROGRESS", token)
        if is_stable:
            self._start("roll back", stack, lambda: executor.roll_back(self.world, stack))
        else:
            self._start("delete", stack, lambda: executor.delete(self.world, stack, Deletion(), "CREATE_FAILED"))
        return _answer(stack)

    def continue_update_rollback(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Go on with a rollback that failed, after its cause is mended or without the resources to skip."""
        stack, skipped = self.book.find(caller, request["StackName"]), request.get("ResourcesToSkip", [])
        token = request.get("ClientRequestToken") or ""
        if token and refuse_token(stack, token, "CONTINUE_ROLLBACK"):
            return {}
        refuse_continuation(stack, skipped)
        self._take_role(caller, stack, request)
        with self.book.lock:
            refuse_continuation(stack, skipped)
            stack.begin("CONTINUE_ROLLBACK", "UPDATE_ROLLBACK_IN_PROGRESS", token)
        self._start("roll back", stack, lambda: executor.resume(self.world, stack, skipped))
        return {}

    def delete_stack(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a stack in the background; a stack that isn't there is deleted already."""
        limits.check_name_or_id(request["StackName"])
        stack, token = self.book.live(caller, request["StackName"]), request.get("ClientRequestToken") or ""
        if stack is None or (token and refuse_token(stack, token, "DELETE_STACK")):
            return {}
        how = Deletion(request.get("RetainResources", []), request.get("DeletionMode") == "FORCE_DELETE_STACK")
        parent = self.book.parent_of(caller, stack.id)
        refuse_deletion(self.book, stack, how, is_parent_s=parent is not None)
        if not parent:
            self._take_role(caller, stack, request)
        with self.book.lock:
            refuse_deletion(self.book, stack, how, is_parent_s=parent is not None)
            former, stack.deletion_mode = stack.status, request.get("DeletionMode") or ""
            stack.begin("DELETE_STACK", "DELETE_IN_PROGRESS", token)
        self._start("delete", stack, lambda: executor.delete(self.world, stack, how, former))
        return {}

    def resume(self) -> None:
        """Take up the stacks that a stop of the sandbox has cut off."""
        interrupted.resume(self.world, self.book)

    def owner(self, caller: Caller, role_arn: str, stack_arn: str) -> Caller:
        """Return who acts for a stack: its role's session, else the caller."""
        if not role_arn:
            return caller
        if not _ROLE.fullmatch(role_arn):
            raise invalid(f"Role {role_arn} is invalid or cannot be assumed")
        try:
            credentials = self.world.assume(role_arn, "cloudformation.amazonaws.com", "AWSCloudFormation", stack_arn)
        except ServiceError as error:
            raise invalid(f"Role {role_arn} is invalid or cannot be assumed") from error
        return Caller(caller.account, caller.region, credentials.arn, credentials)

    def _take_role(self, caller: Caller, stack: Stack, request: Request) -> None:
        """Let the role that a request names, else the stack's, else the caller act for the stack from now on."""
        stack.role_arn = request.get("RoleARN") or stack.role_arn
        stack.owner = self.owner(caller, stack.role_arn, stack.id)

    def _start(self, verb: str, stack: Stack, work: Callable[[], None]) -> None:
        def run() -> None:
            notifications.published(self.world, stack, work)
            self.world.touched("cloudformation", stack.owner.account, verb)

        self.world.background(f"{verb} {stack.name}", run)


def _answer(stack: Stack) -> dict[str, Any]:
    return {"StackId": stack.id, "OperationId": stack.operations[-1]["OperationId"]}
