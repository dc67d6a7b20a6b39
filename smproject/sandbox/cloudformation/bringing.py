"""Bringing one resource of a stack to its definition: made, changed in place or replaced."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from smproject.sandbox.cloudformation import policy, properties, resources, signals
from smproject.sandbox.cloudformation.api import NotUpdatableError
from smproject.sandbox.cloudformation.changes import Properties, keeps_name, same
from smproject.sandbox.cloudformation.provider import Made
from smproject.sandbox.cloudformation.stacks import NESTED, Resource
from smproject.sandbox.service import ServiceError

if TYPE_CHECKING:
    from smproject.sandbox.cloudformation.run import Run

_REPLACES = "Requested update requires the creation of a new physical resource; hence creating one."


def _resolved(run: Run, resource: Resource) -> Properties:
    stack = run.stack
    found = resources.resolved(run.world, stack, stack.definition, resource.logical_id, run.imported)
    stack.imports |= run.imported
    return found


def create(run: Run, resource: Resource, former: Resource | None) -> None:
    """Make a resource; one that failed earlier, as far as it came, is deleted in the end."""
    if former and former.exists:
        run.undo.superseded.append(former)
    run.stack.resources[resource.logical_id] = resource
    try:
        wanted = _resolved(run, resource)
    except ServiceError:
        run.stack.move_resource(resource, "CREATE_IN_PROGRESS")
        raise
    resource.shown = resources.shown(run.stack.definition, wanted, run.stack.resources.values())
    run.stack.move_resource(resource, "CREATE_IN_PROGRESS")
    _make(run, resource, wanted)
    _end(run, resource, "create")


def update(run: Run, resource: Resource) -> None:
    """Change a resource in place or replace it, if its properties differ."""
    item = run.stack.definition.template["Resources"][resource.logical_id]
    wanted, resource.declared = _resolved(run, resource), item
    is_same = same(resource.properties, wanted) and resource.status != "UPDATE_FAILED"
    if resource.made is None or (is_same and resource.type != NESTED):
        return
    resource.shown = resources.shown(run.stack.definition, wanted, run.stack.resources.values())
    obeyed = resources.policy(run.world, run.stack, resource, "UpdatePolicy")
    if resources.provider_of(resource.type).replacing(obeyed, resource.properties, wanted):
        _replace(run, resource, wanted)
    else:
        _change(run, resource, resource.made, wanted)
    _end(run, resource, "update")


def _end(run: Run, resource: Resource, verb: str) -> None:
    """Record that a resource is there, unless the stack was given up meanwhile."""
    if run.is_halted():
        raise ServiceError("Cancelled", f"Resource {'creation' if verb == 'create' else verb} cancelled")
    run.stack.move_resource(resource, f"{verb.upper()}_COMPLETE")


def _make(run: Run, resource: Resource, wanted: Properties) -> None:
    """Make a resource in the place of the one that there is, if any."""
    status = resource.status

    def begun(ref: str, attributes: Properties) -> None:
        if resource.exists:
            run.undo.superseded.append(replace(resource))
        resource.made, resource.properties = Made(ref, attributes), wanted
        run.stack.move_resource(resource, status, "Resource creation Initiated")

    former = resource.made
    whole = resources.filled(run.world, run.stack, wanted)
    _check(run, resource, whole)
    obeyed = resources.policy(run.world, run.stack, resource, "CreationPolicy")
    with signals.Inbox(run.world, run.stack, resource, run.is_halted) as inbox:
        context = resources.context(run.world, run.stack, resource)
        context = replace(context, begun=begun, halted=run.is_halted, policy=obeyed, tell=inbox.tell)
        made = resources.provider_of(resource.type).create(context, whole)
        if resource.made is former:
            begun(made.ref, made.attributes)
        resource.made = made
        inbox.demand_created(obeyed)


def _check(run: Run, resource: Resource, whole: Properties) -> None:
    """Refuse what the type's schema does not allow; the sandbox's own address counts as one of AWS's."""
    as_on_aws = json.loads(json.dumps(whole, default=str).replace(run.world.endpoint, "https://sandbox.amazonaws.com"))
    properties.check_resolved(resource.type, resource.logical_id, as_on_aws)


def _replace(run: Run, resource: Resource, wanted: Properties) -> None:
    policy.demand(run.stack, "Update:Replace", resource.logical_id, resource.type)
    run.stack.move_resource(resource, "UPDATE_IN_PROGRESS", _REPLACES)
    if name := keeps_name(resource.type, resource.properties, wanted):
        raise ValueError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {name} and update the stack again."
        )
    _make(run, resource, wanted)


def _change(run: Run, resource: Resource, made: Made, wanted: Properties) -> None:
    name, had = resource.logical_id, resource.properties
    policy.demand(run.stack, "Update:Modify", name, resource.type)
    run.stack.move_resource(resource, "UPDATE_IN_PROGRESS")
    before, after = (resources.filled(run.world, run.stack, side) for side in (had, wanted))
    _check(run, resource, after)
    # Known before it is tried: a change that fails half-way is taken back too, one that can't be tried is none.
    was_touched = name in run.undo.touched
    run.undo.touched.add(name)
    resource.properties, maker = wanted, resources.provider_of(resource.type)
    try:
        with signals.changing(run.world, run.stack, resource, run.is_halted) as context:
            changed = maker.update(context, made, before, after)
    except NotUpdatableError:
        resource.properties = had
        if not was_touched:
            run.undo.touched.discard(name)
        raise
    if maker.renews and changed.ref != made.ref:
        run.undo.superseded.append(replace(resource, properties=had))
        run.undo.touched.discard(name)
    resource.made = changed
