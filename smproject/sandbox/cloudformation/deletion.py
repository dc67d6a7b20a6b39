"""Deleting resources, those that others depend on last, and deleting whole stacks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from smproject.sandbox.cloudformation import resources, scheduler
from smproject.sandbox.cloudformation.stacks import Resource, Stack
from smproject.sandbox.service import now
from smproject.sandbox.world import World


@dataclass
class Deletion:
    """How a stack is to be deleted: without the retained resources; by force, those that can't be are left behind."""

    retained: Collection[str] = ()
    by_force: bool = False


def remove(world: World, stack: Stack, found: list[Resource], fate: Callable[[Resource], str]) -> list[Resource]:
    """Delete resources that exist, except those to be kept; return those that failed, which keep no other back.

    `fate` is what is to become of one: Delete, Snapshot (then it is deleted), or Retain.
    """
    found, failed = _distinct(found), list[Resource]()

    def act(place: int) -> bool:
        resource = found[place]
        if not resources.delete(world, stack, resource, fate(resource)):
            failed.append(resource)
        world.touched("cloudformation", stack.owner.account, "")
        return True

    scheduler.walk(scheduler.dismantling(found), act)
    return failed


def delete(world: World, stack: Stack, how: Deletion) -> None:
    """Delete a stack with its resources; what fails leaves it DELETE_FAILED."""
    undo = stack.undo
    found = [*stack.resources.values(), *(undo.superseded + undo.discarded if undo else [])]

    def fate(resource: Resource) -> str:
        return "Retain" if resource.logical_id in how.retained else resource.policy("DeletionPolicy")

    failed = remove(world, stack, found, fate)
    if failed and how.by_force:
        for resource in failed:
            stack.move_resource(resource, "DELETE_SKIPPED", resource.reason)
    elif failed:
        names = ", ".join(resource.logical_id for resource in failed)
        stack.move("DELETE_FAILED", f"The following resource(s) failed to delete: [{names}]. ")
        return
    stack.deleted, stack.undo, stack.imports = now(), None, set()
    stack.move("DELETE_COMPLETE")


def undo_creation(world: World, stack: Stack) -> None:
    """Delete what a failed creation has made; what can't be deleted leaves the stack ROLLBACK_FAILED."""
    found, stack.outputs = [*stack.resources.values(), *(stack.undo.superseded if stack.undo else [])], []
    left = remove(world, stack, found, lambda resource: fate_of_new(stack, resource))
    stack.undo, stack.imports = None, set()
    stack.move("ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE")


def fate_of_new(stack: Stack, resource: Resource) -> str:
    """Return what becomes of a resource that a failed operation has added to a stack."""
    fate = resource.policy("DeletionPolicy")
    is_deleted = fate == "RetainExceptOnCreate" or (fate == "Retain" and stack.retain_except_on_create)
    return "Delete" if is_deleted else fate


def _distinct(found: list[Resource]) -> list[Resource]:
    """Return the resources that exist, each once."""
    existing = {(r.logical_id, r.made.ref): r for r in found if r.made and r.exists}
    return list(existing.values())
