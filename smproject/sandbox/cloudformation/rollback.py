"""Taking a failed update back: what was changed is changed back, what was made is deleted."""

from __future__ import annotations

from dataclasses import replace

from smproject.sandbox.cloudformation import deletion, resources, scheduler, signals
from smproject.sandbox.cloudformation.provider import Made
from smproject.sandbox.cloudformation.stacks import Resource, Stack, Undo
from smproject.sandbox.world import World


def roll_back(world: World, stack: Stack, undo: Undo) -> None:
    """Bring a stack that is UPDATE_ROLLBACK_IN_PROGRESS back to what it was when it was last stable."""
    if undo.definition is None:
        deletion.undo_creation(world, stack)
        return
    stack.definition, stack.outputs = undo.definition, undo.outputs
    _turn(stack, undo)
    _finish(world, stack, undo)


def resume(world: World, stack: Stack, undo: Undo, skipped: list[str]) -> None:
    """Go on with a rollback that failed, without the resources that are to be left as they are."""
    for name in skipped:
        if name not in undo.reverted:
            undo.reverted.add(name)
            stack.move_resource(stack.resources[name], "UPDATE_COMPLETE", "Resource skipped during rollback")
    _finish(world, stack, undo)


def _turn(stack: Stack, undo: Undo) -> None:
    """Put the former resources in the place of those that the update came to."""
    added = {name: resource for name, resource in stack.resources.items() if name not in undo.resources}
    for name, current in stack.resources.items():
        line = [each for each in undo.superseded if each.logical_id == name] + [current]  # oldest first
        if name in undo.resources:
            first = line.pop(0)
            if line or name in undo.touched:
                undo.reached[name] = first
        undo.discarded += [each for each in line if each.exists]
    undo.superseded = []
    stack.resources = {name: replace(resource) for name, resource in undo.resources.items()} | added


def _finish(world: World, stack: Stack, undo: Undo) -> None:
    names = [name for name in undo.reached if name not in undo.reverted]
    scope = resources.scope_of(world, stack, stack.definition)
    after = scheduler.building(stack.definition, names, scope)
    scheduler.walk(after, lambda name: _revert(world, stack, undo, name))
    failed = [name for name in names if stack.resources[name].status == "UPDATE_FAILED"]
    if failed:
        stack.move("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{', '.join(failed)}]. ")
        return
    stack.move("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    deletion.remove(world, stack, undo.discarded, lambda resource: _fate(stack, undo, resource))
    stack.resources = {name: stack.resources[name] for name in undo.resources}
    stack.imports, stack.undo = undo.imports, None
    stack.move("UPDATE_ROLLBACK_COMPLETE")


def _fate(stack: Stack, undo: Undo, resource: Resource) -> str:
    return "Delete" if resource.logical_id in undo.resources else deletion.fate_of_new(stack, resource)


def _revert(world: World, stack: Stack, undo: Undo, name: str) -> bool:
    """Give a resource its former properties, or the stack its former resource back; tell whether that went well."""
    resource, reached = stack.resources[name], undo.reached[name]
    stack.move_resource(resource, "UPDATE_IN_PROGRESS")
    if name in undo.touched and reached.made:
        try:
            resource.made = _changed_back(world, stack, resource, reached, reached.made)
        except Exception as error:  # told in the stack's events
            resources.failed(stack, resource, "UPDATE_FAILED", error)
            return False
    undo.reverted.add(name)
    stack.move_resource(resource, "UPDATE_COMPLETE")
    return True


def _changed_back(world: World, stack: Stack, resource: Resource, reached: Resource, made: Made) -> Made:
    provider = resources.provider_of(resource.type)
    before, after = (resources.filled(world, stack, each.properties) for each in (reached, resource))
    with signals.changing(world, stack, resource, bool) as context:
        return provider.revert(context, made, before, after)
