"""Taking a failed update back: what was changed is changed back, what was made is deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from smproject.sandbox.cloudformation import resources
from smproject.sandbox.cloudformation.provider import PROVIDERS
from smproject.sandbox.cloudformation.stacks import Definition, Resource, Stack
from smproject.sandbox.world import World


class Step(Enum):
    """What an update does with a resource."""

    CREATED = "created"
    UPDATED = "updated in place"
    REPLACED = "replaced by a new one"


@dataclass
class Update:
    """An update under way: what the stack was, and what has been done with which resource, in order."""

    world: World
    stack: Stack
    definition: Definition
    old: dict[str, Resource]
    done: dict[str, Step] = field(default_factory=dict)
    new: dict[str, Resource] = field(default_factory=dict)  # once it is being taken back: as far as it came
    reverted: set[str] = field(default_factory=set)


def roll_back(update: Update, reason: str) -> None:
    """Bring the stack back to what it was; what can't be changed back leaves it UPDATE_ROLLBACK_FAILED."""
    stack = update.stack
    stack.move("UPDATE_ROLLBACK_IN_PROGRESS", reason)
    update.new, stack.definition = stack.resources, update.definition
    added = {name: resource for name, resource in stack.resources.items() if name not in update.old}
    stack.resources = update.old | added
    _finish(update)


def resume(update: Update, skipped: list[str]) -> None:
    """Go on with a rollback that failed, without the resources that are to be left as they are."""
    with update.stack.lock:
        for name in skipped:
            if update.done.get(name) is Step.UPDATED and name not in update.reverted:
                update.reverted.add(name)
                update.stack.move_resource(update.old[name], "UPDATE_COMPLETE", "Resource skipped during rollback")
        _finish(update)


def _finish(update: Update) -> None:
    stack = update.stack
    failed = [name for name in list(update.done) if not _revert(update, name)]
    if failed:
        stack.stuck = update
        stack.move("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{', '.join(failed)}]. ")
        return
    stack.stuck = None
    stack.move("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    delete_new(update)
    stack.resources = update.old
    stack.move("UPDATE_ROLLBACK_COMPLETE")


def _revert(update: Update, name: str) -> bool:
    """Give a resource its former properties, or the stack its former resource back; tell whether that went well."""
    if update.done[name] is Step.CREATED or name in update.reverted:
        return True
    stack, old, new = update.stack, update.old[name], update.new[name]
    stack.move_resource(old, "UPDATE_IN_PROGRESS")
    if update.done[name] is Step.UPDATED and new.made:
        try:
            context = resources.context(update.world, stack, old)
            old.made = PROVIDERS[old.type].update(context, new.made, new.properties, old.properties)
        except Exception as error:  # told in the stack's events
            resources.failed(stack, old, "UPDATE_FAILED", error)
            return False
    update.reverted.add(name)
    stack.move_resource(old, "UPDATE_COMPLETE")
    return True


def delete_new(update: Update) -> None:
    """Delete what the update made, last first."""
    for name, step in reversed(list(update.done.items())):
        resource = update.new[name]
        if step is not Step.UPDATED:
            kept = step is Step.CREATED and resource.policy("DeletionPolicy") == "Retain"
            resources.delete(update.world, update.stack, resource, kept)
