"""Updating a stack: resources are made, changed in place or replaced in order; what is no longer wanted goes last."""

from __future__ import annotations

from dataclasses import replace

from smproject.sandbox.cloudformation import resources
from smproject.sandbox.cloudformation.api import NotUpdatableError
from smproject.sandbox.cloudformation.changes import Properties, keeps_name, replacing, same
from smproject.sandbox.cloudformation.provider import PROVIDERS, Made
from smproject.sandbox.cloudformation.rollback import Step, Update, roll_back
from smproject.sandbox.cloudformation.stacks import Definition, Resource, Stack
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

_ALSO_CHANGES = ("DeletionPolicy", "Metadata", "UpdateReplacePolicy")
_REPLACES = "Requested update requires the creation of a new physical resource; hence creating one."


def is_needed(stack: Stack, definition: Definition, order: list[str]) -> bool:
    """Tell whether a stack is not yet as defined; a parameter or description that nothing uses is no difference.

    Raises ServiceError (ValidationError) when a resource would become one of another type.
    """
    items = definition.template["Resources"]
    retyped = [name for name in order if name in stack.resources and stack.resources[name].type != items[name]["Type"]]
    if retyped:
        raise ServiceError(
            "ValidationError",
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(retyped)}]",
        )
    if definition.tags != stack.definition.tags or set(order) != set(stack.resources):
        return True
    try:
        return resources.outputs(stack, definition) != stack.outputs or any(
            _differs(stack, definition, name) for name in order
        )
    except ServiceError:
        return True  # told where it happens, in the stack's events


def _differs(stack: Stack, definition: Definition, name: str) -> bool:
    resource, item = stack.resources[name], definition.template["Resources"][name]
    if any(resource.declared.get(attribute) != item.get(attribute) for attribute in _ALSO_CHANGES):
        return True
    return not same(resource.properties, resources.resolved(stack, definition, name))


def update(world: World, stack: Stack, before: Definition, order: list[str]) -> None:
    """Bring a stack to its new definition; on failure bring it back to what it was before."""
    with stack.lock:
        run = Update(world, stack, before, {name: replace(resource) for name, resource in stack.resources.items()})
        failure = _bring_all(run, order)
        if failure:
            roll_back(run, failure)
        else:
            _complete(run, order)


def _bring_all(run: Update, order: list[str]) -> str:
    """Bring every resource to its definition; return the reason when one failed."""
    for name in order:
        resource, is_new = resources.declared(run.stack, name), name not in run.old
        try:
            _bring(run, resource)
        except Exception as error:  # whatever a resource raises is the stack's failure, and is told there
            resources.failed(run.stack, resource, "CREATE_FAILED" if is_new else "UPDATE_FAILED", error)
            return f"The following resource(s) failed to {'create' if is_new else 'update'}: [{name}]. "
    try:
        run.stack.outputs = resources.outputs(run.stack, run.stack.definition)
    except ServiceError as error:
        return error.message
    return ""


def _bring(run: Update, resource: Resource) -> None:
    stack, name = run.stack, resource.logical_id
    if resource.made is None:
        run.done[name] = Step.CREATED
        resources.create(run.world, stack, resource)
        return
    resource.declared = stack.definition.template["Resources"][name]
    wanted = resources.resolved(stack, stack.definition, name)
    if same(resource.properties, wanted):
        return
    if replacing(resource.type, resource.properties, wanted):
        _replace(run, resource, wanted)
    else:
        _change(run, resource, resource.made, wanted)
    stack.move_resource(resource, "UPDATE_COMPLETE")


def _replace(run: Update, resource: Resource, wanted: Properties) -> None:
    run.stack.move_resource(resource, "UPDATE_IN_PROGRESS", _REPLACES)
    if name := keeps_name(resource.type, resource.properties, wanted):
        raise ValueError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {name} and update the stack again."
        )
    context = resources.context(run.world, run.stack, resource)
    resource.made = PROVIDERS[resource.type].create(context, wanted)
    resource.properties, run.done[resource.logical_id] = wanted, Step.REPLACED


def _change(run: Update, resource: Resource, made: Made, wanted: Properties) -> None:
    run.stack.move_resource(resource, "UPDATE_IN_PROGRESS")
    had, context = resource.properties, resources.context(run.world, run.stack, resource)
    # Known before it is tried: a change that fails half-way is taken back too, one that can't be tried is none.
    resource.properties, run.done[resource.logical_id] = wanted, Step.UPDATED
    try:
        resource.made = PROVIDERS[resource.type].update(context, made, had, wanted)
    except NotUpdatableError:
        resource.properties = had
        del run.done[resource.logical_id]
        raise


def _complete(run: Update, order: list[str]) -> None:
    """Delete what is no longer wanted, last first; what can't be deleted is left behind, as AWS does."""
    stack = run.stack
    stack.move("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    gone = True
    for name, old in reversed(list(run.old.items())):
        if name not in order:
            kept = old.policy("DeletionPolicy") != "Delete"
            gone &= resources.delete(run.world, stack, stack.resources[name], kept)
        elif run.done.get(name) is Step.REPLACED:
            kept = stack.resources[name].policy("UpdateReplacePolicy") != "Delete"
            gone &= resources.delete(run.world, stack, old, kept)
    stack.resources = {name: stack.resources[name] for name in order}
    stack.move("UPDATE_COMPLETE", "" if gone else "Update successful. One or more resources could not be deleted.")
