"""Creating, updating, rolling back and deleting a stack, in the background; each holds the stack's lock."""

from __future__ import annotations

from dataclasses import replace

from smproject.sandbox.cloudformation import deletion, rollback
from smproject.sandbox.cloudformation.book import book_of
from smproject.sandbox.cloudformation.deletion import Deletion
from smproject.sandbox.cloudformation.exports import Exports
from smproject.sandbox.cloudformation.run import Run
from smproject.sandbox.cloudformation.stacks import Resource, Stack, Undo
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World


def create(world: World, stack: Stack, order: list[str]) -> None:
    """Create a stack's resources; on failure do as `on_failure` says, on a request to delete stop."""
    with stack.lock:
        stack.undo = stack.undo or Undo()
        run = Run(world, stack, stack.undo, order)
        reason = run.bring_all()
        with book_of(world).lock:
            if not run.is_current():
                return  # who asked for the deletion waits for the stack's lock, and deletes what was made
            if not reason:
                stack.undo, stack.imports = None, run.imported
                stack.move("CREATE_COMPLETE")
            elif stack.disables_rollback:
                stack.move("CREATE_FAILED", reason)
            elif stack.on_failure == "DELETE":
                stack.move("DELETE_IN_PROGRESS", reason)
            else:
                stack.move("ROLLBACK_IN_PROGRESS", f"{reason.rstrip('. ')}. Rollback requested by user.")
        if stack.status == "DELETE_IN_PROGRESS":
            deletion.delete(world, stack, Deletion())
        elif stack.status == "ROLLBACK_IN_PROGRESS":
            deletion.undo_creation(world, stack)


def update(world: World, stack: Stack, order: list[str]) -> None:
    """Bring a stack to its new definition; on failure bring it back, or leave it when that is disabled."""
    with stack.lock:
        undo = stack.undo or Undo()  # which `remember` made
        run = Run(world, stack, undo, order)
        reason = run.bring_all()
        with book_of(world).lock:
            if not run.is_current():
                pass  # cancelled
            elif not reason:
                stack.move("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            elif stack.disables_rollback:
                stack.move("UPDATE_FAILED", reason)
            else:
                stack.move("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        if stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            complete(world, stack, undo, run)
        elif stack.status == "UPDATE_ROLLBACK_IN_PROGRESS":
            rollback.roll_back(world, stack, undo)


def remember(stack: Stack) -> None:
    """Keep what a stack is, before it gets another definition; a failed one was stable earlier."""
    stack.undo = stack.undo or Undo(
        stack.definition,
        {name: replace(resource) for name, resource in stack.resources.items()},
        stack.outputs,
        set(stack.imports),
    )


def complete(world: World, stack: Stack, undo: Undo, run: Run) -> None:
    """Delete what is no longer wanted; what can't be deleted is left behind, as AWS does."""
    removed = [resource for name, resource in stack.resources.items() if name not in run.order]

    def fate(resource: Resource) -> str:
        successor = stack.resources[resource.logical_id] if resource.logical_id in run.order else None
        return successor.policy("UpdateReplacePolicy") if successor else resource.policy("DeletionPolicy")

    left = deletion.remove(world, stack, [*undo.superseded, *removed], fate)
    stack.resources = {name: stack.resources[name] for name in run.order}
    stack.imports, stack.undo = run.imported, None
    stack.move("UPDATE_COMPLETE", "Update successful. One or more resources could not be deleted." if left else "")


def roll_back(world: World, stack: Stack) -> None:
    """Bring a failed stack back to what it was when it was last stable."""
    with stack.lock:
        if stack.undo:
            rollback.roll_back(world, stack, stack.undo)


def resume(world: World, stack: Stack, skipped: list[str]) -> None:
    """Go on with a rollback that failed."""
    with stack.lock:
        if stack.undo:
            rollback.resume(world, stack, stack.undo, skipped)


def delete(world: World, stack: Stack, how: Deletion, former: str) -> None:
    """Delete a stack; one whose exports are in use goes back to its former status."""
    with stack.lock:
        if stack.status != "DELETE_IN_PROGRESS":
            return  # an earlier request has deleted it
        try:
            with book_of(world).lock:
                Exports(book_of(world)).demand_all_unused(stack)
        except ServiceError as error:
            stack.move(former, error.message)
            return
        deletion.delete(world, stack, how)
