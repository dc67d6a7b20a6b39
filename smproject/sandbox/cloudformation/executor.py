"""Creating and deleting the resources of a stack, one after another, with rollback."""

from __future__ import annotations

from smproject.sandbox.cloudformation import resources, rollback
from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.service import ServiceError, now
from smproject.sandbox.world import World


def create(world: World, stack: Stack, order: list[str]) -> None:
    """Create a stack's resources; on failure roll back as `on_failure` says, on a request to delete stop."""
    with stack.lock:
        _create(world, stack, order)


def _create(world: World, stack: Stack, order: list[str]) -> None:
    for name in order:
        if stack.status != "CREATE_IN_PROGRESS":
            return
        resource = resources.declared(stack, name)
        try:
            resources.create(world, stack, resource)
        except Exception as error:  # whatever a resource raises is the stack's failure, and is told there
            resources.failed(stack, resource, "CREATE_FAILED", error)
            _roll_back(world, stack, f"The following resource(s) failed to create: [{name}]. ")
            return
    try:
        stack.outputs = resources.outputs(stack, stack.definition)
    except ServiceError as error:
        _roll_back(world, stack, f"{error.message} ")
        return
    if stack.status == "CREATE_IN_PROGRESS":
        stack.move("CREATE_COMPLETE")


def _roll_back(world: World, stack: Stack, reason: str) -> None:
    if stack.status == "DELETE_IN_PROGRESS":
        return  # who asked for that waits for the lock, and deletes what was made
    if stack.on_failure == "DO_NOTHING":
        stack.move("CREATE_FAILED", reason)
    elif stack.on_failure == "DELETE":
        stack.move("DELETE_IN_PROGRESS", reason)
        _delete(world, stack)
    else:
        stack.move("ROLLBACK_IN_PROGRESS", reason + "Rollback requested by user.")
        stack.move("ROLLBACK_COMPLETE" if _delete_resources(world, stack, ("Retain",)) else "ROLLBACK_FAILED")


def delete(world: World, stack: Stack) -> None:
    """Delete a stack's resources in reverse order; what fails leaves the stack DELETE_FAILED."""
    with stack.lock:
        if stack.status == "DELETE_IN_PROGRESS":  # else an earlier request has deleted it
            if stack.stuck:
                rollback.delete_new(stack.stuck)
            _delete(world, stack)


def _delete(world: World, stack: Stack) -> None:
    if _delete_resources(world, stack, ("Retain", "RetainExceptOnCreate")):
        stack.deleted = now()
        stack.move("DELETE_COMPLETE")
    else:
        failed = [r.logical_id for r in stack.resources.values() if r.status == "DELETE_FAILED"]
        stack.move("DELETE_FAILED", f"The following resource(s) failed to delete: [{', '.join(failed)}]. ")


def _delete_resources(world: World, stack: Stack, kept: tuple[str, ...]) -> bool:
    """Delete in reverse all but the resources whose DeletionPolicy is one of `kept`; tell whether all went well."""
    backwards = reversed(list(stack.resources.values()))
    went_well = [resources.delete(world, stack, r, r.policy("DeletionPolicy") in kept) for r in backwards]
    return all(went_well)
