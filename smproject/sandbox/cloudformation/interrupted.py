"""What becomes of stacks that a stop of the sandbox has cut off.

A creation is left as far as it came, CREATE_FAILED, to be deleted or rolled back; a deletion is to be asked for again.
An update is taken back as after any failure, unless rollback is disabled; what was being taken back or cleaned up goes
on. Nested stacks come before those that hold them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from smproject.sandbox.cloudformation import deletion, executor, notifications, resources
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.run import Run
from smproject.sandbox.cloudformation.stacks import Stack, Undo
from smproject.sandbox.service import INTERRUPTED
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
Work = Callable[[World, Stack], None]


def resume(world: World, book: Book) -> None:
    """Mark what was interrupted as failed at once, and go on in the background with what has to."""
    cut = [stack for stack in book.stacks if stack.status in _FAILED or stack.status in _GOES_ON]
    for stack in cut:
        if failed := _FAILED.get(stack.status):
            _fail(stack, failed)
    left = [stack for stack in cut if stack.status in _GOES_ON]
    left.sort(key=lambda stack: _depth(book, stack), reverse=True)
    if left:
        world.background("interrupted stacks", partial(_go_on, world, left))


def _fail(stack: Stack, status: str) -> None:
    stack.undo, stack.awaited = stack.undo or Undo(), {}
    for resource in stack.resources.values():
        if resource.status.endswith("_IN_PROGRESS"):
            stack.move_resource(resource, resource.status.replace("_IN_PROGRESS", "_FAILED"), INTERRUPTED)
    taken_back = status == "UPDATE_FAILED" and not stack.disables_rollback
    stack.move("UPDATE_ROLLBACK_IN_PROGRESS" if taken_back else status, INTERRUPTED)


def _go_on(world: World, stacks: list[Stack]) -> None:
    for stack in stacks:
        try:
            notifications.published(world, stack, partial(_GOES_ON[stack.status], world, stack))
        except Exception:  # one stack's trouble must not keep the others from their end
            LOG.exception("stack %s could not go on", stack.id)


def _take_back(world: World, stack: Stack) -> None:
    """Go on with a rollback; it has begun with the resources where the stack has its former definition again."""
    if stack.undo and stack.definition is stack.undo.definition:
        executor.resume(world, stack, [])
    else:
        executor.roll_back(world, stack)


def _clean_up(world: World, stack: Stack) -> None:
    """Delete what an update that went well has left over."""
    with stack.lock:
        run = Run(world, stack, stack.undo or Undo(), resources.plan(world, stack, stack.definition))
        run.imported = set(stack.imports)
        executor.complete(world, stack, run.undo, run)


def _undo_creation(world: World, stack: Stack) -> None:
    with stack.lock:
        deletion.undo_creation(world, stack)


_FAILED = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}
_GOES_ON: dict[str, Work] = {
    "ROLLBACK_IN_PROGRESS": _undo_creation,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": _clean_up,
    "UPDATE_ROLLBACK_IN_PROGRESS": _take_back,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": _take_back,
}


def _depth(book: Book, stack: Stack) -> int:
    """Return in how many stacks one is nested."""
    parents = {each.id: each.parent for each in book.stacks}
    depth, above = 0, stack.parent
    while above:
        depth, above = depth + 1, parents.get(above, "")
    return depth
