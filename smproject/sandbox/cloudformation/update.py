"""Whether a stack is to be updated at all."""

from __future__ import annotations

from smproject.sandbox.cloudformation import resources
from smproject.sandbox.cloudformation.changes import same
from smproject.sandbox.cloudformation.stacks import NESTED, Definition, Stack
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

_ALSO_CHANGES = ("DeletionPolicy", "Metadata", "UpdateReplacePolicy")


def is_needed(world: World, stack: Stack, definition: Definition, order: list[str]) -> bool:
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
    if definition.tags != stack.definition.tags or set(order) != set(stack.resources) or stack.undo:
        return True
    try:
        return resources.outputs(world, stack, definition) != stack.outputs or any(
            _differs(world, stack, definition, name) for name in order
        )
    except ServiceError:
        return True  # told where it happens, in the stack's events


def _differs(world: World, stack: Stack, definition: Definition, name: str) -> bool:
    resource, item = stack.resources[name], definition.template["Resources"][name]
    if resource.type == NESTED:  # its template may have changed at the same address
        return True
    if any(resource.declared.get(attribute) != item.get(attribute) for attribute in _ALSO_CHANGES):
        return True
    return not same(resource.properties, resources.resolved(world, stack, definition, name))
