"""Bringing a stack to its definition: its resources, independent ones at once, then its outputs."""

from __future__ import annotations

import time

from smproject.sandbox.cloudformation import bringing, policy, resources, scheduler, triggers
from smproject.sandbox.cloudformation.book import book_of
from smproject.sandbox.cloudformation.exports import Exports, check_imports
from smproject.sandbox.cloudformation.stacks import Resource, Stack, Undo
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World


class Run:
    """A stack on its way to its definition; `order` names the resources that are to be.

    `failed` tells for each resource that failed whether that was its `create` or its `update`.
    """

    def __init__(self, world: World, stack: Stack, undo: Undo, order: list[str]) -> None:
        self.world, self.stack, self.undo, self.order = world, stack, undo, order
        self.status, self.failed, self.imported = stack.status, dict[str, str](), set[str]()
        self.triggers = triggers.Triggers(world, stack)
        minutes = stack.timeout_minutes if self.status == "CREATE_IN_PROGRESS" else None
        self._deadline = None if minutes is None else time.monotonic() + 60 * minutes

    def bring_all(self) -> str:
        """Bring every resource to its definition, then the outputs; return the reason when that fails."""
        stack = self.stack
        scope = resources.scope_of(self.world, stack, stack.definition)
        try:
            check_imports(scope, stack.definition, self.order)
        except ServiceError as error:
            return error.message
        self._demand_deletions()
        if not self.failed:
            after = scheduler.building(stack.definition, self.order, scope)
            scheduler.walk(after, self._bring, lambda: not self.is_halted())
        return self._why() or self._settle() or self.triggers.monitor(self.is_current)

    def is_current(self) -> bool:
        """Tell whether the stack is still to be brought there: nobody has cancelled it or asked for its deletion."""
        return self.stack.status == self.status

    def is_halted(self) -> bool:
        """Tell whether nothing more is to be begun."""
        stopped = bool(self.failed) and not self.stack.disables_rollback
        return stopped or not self.is_current() or self._is_late() or bool(self.triggers.alarm())

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _why(self) -> str:
        """Return why not every resource is there; empty when all are."""
        late = "Stack creation time exceeded the specified timeout. " if self._is_late() else ""
        failed = {verb: [name for name, how in self.failed.items() if how == verb] for verb in ("create", "update")}
        told = [f"The following resource(s) failed to {verb}: [{', '.join(n)}]. " for verb, n in failed.items() if n]
        return late + self.triggers.alarm() + "".join(told)

    def _settle(self) -> str:
        """Give the stack its outputs and exports; return the reason when that fails."""
        stack, book = self.stack, book_of(self.world)
        if not self.is_current():
            return ""
        try:
            outputs = resources.outputs(self.world, stack, stack.definition, self.imported)
            with book.lock:
                Exports(book).settle(stack, outputs)
        except ServiceError as error:
            return error.message
        return ""

    def _demand_deletions(self) -> None:
        """Fail the resources that are to be removed although the stack's policy forbids it."""
        for name in set(self.stack.resources) - set(self.order):
            resource = self.stack.resources[name]
            try:
                policy.demand(self.stack, "Update:Delete", name, resource.type)
            except ServiceError as error:
                self._fail(resource, "update", error)

    def _bring(self, name: str) -> bool:
        """Make a resource, or bring the one that there is to its definition; tell whether that went well."""
        item, there = self.stack.definition.template["Resources"][name], self.stack.resources.get(name)
        is_new = there is None or not there.exists or there.status == "CREATE_FAILED"
        resource = Resource(name, item["Type"], item) if is_new or there is None else there
        try:
            if is_new:
                bringing.create(self, resource, there)
            else:
                bringing.update(self, resource)
        except Exception as error:  # whatever a resource raises is the stack's failure, and is told there
            self._fail(resource, "create" if is_new else "update", error)
            return False
        finally:
            self.world.touched("cloudformation", self.stack.owner.account, "")
        return True

    def _fail(self, resource: Resource, verb: str, error: Exception) -> None:
        self.failed[resource.logical_id] = verb
        resources.failed(self.stack, resource, f"{verb.upper()}_FAILED", error)
