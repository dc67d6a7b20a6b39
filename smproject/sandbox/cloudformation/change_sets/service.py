"""The operations on change sets."""

from __future__ import annotations

import logging
import uuid
from typing import Any

from smproject.sandbox.cloudformation import definitions, resources, update
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.change_sets import refusals, views
from smproject.sandbox.cloudformation.change_sets.change_set import ChangeSet
from smproject.sandbox.cloudformation.change_sets.forecast import Forecast
from smproject.sandbox.cloudformation.operations import Operations
from smproject.sandbox.cloudformation.options import Options
from smproject.sandbox.cloudformation.stacks import Definition, Stack
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError, page
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_EMPTY = "The submitted information didn't contain changes. Submit different information to create a change set."


class ChangeSets:
    """CreateChangeSet, DescribeChangeSet, ExecuteChangeSet, DeleteChangeSet and ListChangeSets."""

    def __init__(self, world: World, book: Book, operations: Operations) -> None:
        self.world, self.book, self.operations = world, book, operations
        self.change_sets: list[ChangeSet] = []

    def create_change_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse what can be refused, then find out in the background what would change."""
        type_ = request.get("ChangeSetType") or "UPDATE"
        refusals.refuse_unsupported(type_, request)
        stack = self.book.live(caller, request["StackName"])
        is_new = refusals.check_stack(type_, stack, request)
        stack = stack or self._in_review(caller, request["StackName"])
        role = request.get("RoleARN") or stack.role_arn
        owner = self.operations.owner(caller, role, stack.id)
        before = None if type_ == "CREATE" else stack.definition
        definition = definitions.read(self.world, caller, owner, request, before)
        order = resources.plan(self.world, stack, definition)
        name = request["ChangeSetName"]
        made = ChangeSet(
            name,
            caller.arn_of("cloudformation", f"changeSet/{name}/{uuid.uuid4()}"),
            type_,
            stack,
            definition,
            role,
            request.get("Description", ""),
            request.get("OnStackFailure", ""),
            request.get("NotificationARNs"),
            request.get("RollbackConfiguration"),
            stack.updated,
        )
        if same := self._add(caller, made, owner, is_new):
            return {"Id": same.id, "StackId": same.stack.id}
        self.world.background(f"change set {name}", lambda: self._fill(made, order))
        return {"Id": made.id, "StackId": stack.id}

    def describe_change_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a change set and, once it is complete, its changes."""
        found = self.find(caller, request)
        changes = views.changes(found, bool(request.get("IncludePropertyValues")))
        return views.description(found) | page(changes, request, "Changes")

    def list_change_sets(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a stack's change sets that have not been executed."""
        found = [each for each in self._of(self._stack(caller, request["StackName"])) if each.begun is None]
        return page([views.summary(each) for each in found], request, "Summaries")

    def delete_change_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a change set; one that isn't there is deleted already."""
        with self.book.lock:
            try:
                found = self.find(caller, request)
            except ServiceError as error:
                if error.code == "ChangeSetNotFound":
                    return {}
                raise
            for status in (found.status, found.execution):
                if status.endswith(("_PENDING", "_IN_PROGRESS")):
                    message = f"ChangeSet [{found.id}] cannot be deleted in its current status of [{status}]"
                    raise ServiceError("InvalidChangeSetStatus", message)
            found.deleted = True
        return {}

    def execute_change_set(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create or update the stack as the change set says."""
        found = self.find(caller, request)
        token = request.get("ClientRequestToken") or ""
        if token and token == found.token:
            return {}
        if found.on_stack_failure and "DisableRollback" in request:
            message = "DisableRollback and OnStackFailure of the change set exclude each other."
            raise ServiceError("ValidationError", message)
        owner, options = self.operations.owner(caller, found.role_arn, found.stack.id), _options(found, request)
        with self.book.lock:
            refusals.demand_executable(found)
            found.begun, found.token = len(found.stack.events), token
        try:
            self._begin(found, owner, options)
        except ServiceError:
            found.begun = None
            raise
        found.stack.change_set_id = found.id
        return {}

    def _begin(self, found: ChangeSet, owner: Caller, options: Options) -> None:
        stack = found.stack
        if found.type == "UPDATE":
            self.operations.begin_update(stack, found.definition, owner, found.role_arn, options)
            return
        stack.owner, stack.definition, stack.role_arn = owner, found.definition, found.role_arn
        self.operations.begin_create(stack, options)

    def resume(self) -> None:
        """Fail the change sets that a stop of the sandbox has cut off."""
        for found in self.change_sets:
            if found.status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                found.status, found.reason = "FAILED", INTERRUPTED

    def find(self, caller: Caller, request: Request) -> ChangeSet:
        """Return the change set that a request names, by its ARN or by its name and its stack's."""
        name = request["ChangeSetName"]
        if name.startswith("arn:"):
            found = [each for each in self._live() if each.id == name and caller.owns(each.id)]
        elif "StackName" in request:
            found = [each for each in self._of(self._stack(caller, request["StackName"])) if each.name == name]
        else:
            message = "StackName must be specified if ChangeSetName is not specified as an ARN."
            raise ServiceError("ValidationError", message)
        if not found:
            raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")
        return found[-1]

    def _stack(self, caller: Caller, name: str) -> Stack:
        try:
            return self.book.find(caller, name)
        except ServiceError as error:
            raise ServiceError("ValidationError", f"Stack [{name}] does not exist") from error

    def _live(self) -> list[ChangeSet]:
        return [each for each in list(self.change_sets) if not each.deleted]

    def _of(self, stack: Stack) -> list[ChangeSet]:
        return [each for each in self._live() if each.stack is stack]

    def _in_review(self, caller: Caller, name: str) -> Stack:
        """Return a stack that is not in the book yet, nor defined; it stays empty until a change set is executed."""
        arn = caller.arn_of("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        nothing = Definition("", {"Resources": {}}, {}, {}, {}, [])
        return Stack(name, arn, caller, nothing, status="REVIEW_IN_PROGRESS")

    def _add(self, caller: Caller, made: ChangeSet, owner: Caller, is_new: bool) -> ChangeSet | None:
        """Keep a change set, and its stack when that is new; return the same one if there is one already."""
        with self.book.lock:
            if is_new:
                if self.book.live(caller, made.stack.name):
                    raise ServiceError("AlreadyExistsException", f"Stack [{made.stack.name}] already exists")
                made.stack.owner = owner
                self.book.stacks.append(made.stack)
                made.stack.change_set_id = made.id
                made.stack.move("REVIEW_IN_PROGRESS", "User Initiated")
            pending = (each for each in self._of(made.stack) if each.name == made.name and each.begun is None)
            if same := next(pending, None):
                refusals.refuse_other(same, made)
                return same
            self.change_sets.append(made)
        return None

    def _fill(self, made: ChangeSet, order: list[str]) -> None:
        """Find the changes; whatever goes wrong is the change set's failure, and is told there."""
        made.status = "CREATE_IN_PROGRESS"
        try:
            made.changes = Forecast(self.world, made.stack, made.definition, order).make()
            is_empty = not made.changes and not update.is_needed(self.world, made.stack, made.definition, order)
        except Exception as error:
            if not isinstance(error, ServiceError):
                LOG.exception("change set %s failed", made.name)
            made.reason, made.status = str(error), "FAILED"
            return
        if is_empty:
            made.reason = _EMPTY
        made.status = "FAILED" if is_empty else "CREATE_COMPLETE"


def _options(found: ChangeSet, request: Request) -> Options:
    options = Options.of({name: value for name, value in request.items() if name != "StackName"})
    options.on_failure = found.on_stack_failure or "ROLLBACK"
    options.notification_arns = found.notification_arns
    options.rollback_configuration = found.rollback_configuration
    return options
