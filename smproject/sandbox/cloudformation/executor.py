"""Creating and deleting the resources of a stack, one after another, with rollback."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation import graph
from smproject.sandbox.cloudformation.intrinsics import NO_VALUE, Scope
from smproject.sandbox.cloudformation.provider import PROVIDERS, Context, Made
from smproject.sandbox.cloudformation.stacks import Resource, Stack
from smproject.sandbox.service import ServiceError, now
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)


def scope_of(stack: Stack) -> Scope:
    """Return what names mean in a stack."""

    def resource(name: str, attribute: str | None) -> Any:
        made = stack.resources[name].made if name in stack.resources else None
        if made is None:
            raise ServiceError("ValidationError", f"Unresolved resource dependencies [{name}]")
        if attribute is None:
            return made.ref
        if attribute not in made.attributes:
            kind = stack.resources[name].type
            raise ServiceError(
                "ValidationError", f"Requested attribute {attribute} does not exist in schema for {kind}"
            )
        return made.attributes[attribute]

    return Scope(_pseudo(stack) | stack.values, stack.template.get("Conditions", {}), resource)


def _pseudo(stack: Stack) -> dict[str, Any]:
    return {
        "AWS::AccountId": stack.owner.account,
        "AWS::Region": stack.owner.region,
        "AWS::Partition": "aws",
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.id,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NoValue": NO_VALUE,
        "AWS::NotificationARNs": [],
    }


def plan(stack: Stack) -> list[str]:
    """Return the logical ids to create, in order; raises ServiceError for what can be refused beforehand."""
    scope, resources = scope_of(stack), stack.template["Resources"]
    unknown = sorted({item.get("Type", "(no Type)") for item in resources.values()} - set(PROVIDERS))
    if unknown:
        raise ServiceError(
            "ValidationError",
            f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. "
            "If AWS knows them, the sandbox does not execute them yet.",
        )
    active = {name for name, item in resources.items() if "Condition" not in item or scope.condition(item["Condition"])}
    return graph.order(stack.template, active)


def create(world: World, stack: Stack, order: list[str]) -> None:
    """Create a stack's resources; on failure roll back as `on_failure` says, on a request to delete stop."""
    stack.move("CREATE_IN_PROGRESS", "User Initiated")
    with stack.lock:
        _create(world, stack, order)


def _create(world: World, stack: Stack, order: list[str]) -> None:
    for name in order:
        if stack.status != "CREATE_IN_PROGRESS":
            return
        resource = _declare(stack, name)
        try:
            _create_resource(world, stack, resource)
        except Exception as error:  # whatever a resource raises is the stack's failure, and is told there
            _fail(world, stack, resource, error)
            return
    try:
        stack.outputs = _outputs(stack)
    except ServiceError as error:
        _roll_back(world, stack, f"{error.message} ")
        return
    if stack.status == "CREATE_IN_PROGRESS":
        stack.move("CREATE_COMPLETE")


def _declare(stack: Stack, name: str) -> Resource:
    item = stack.template["Resources"][name]
    return stack.resources.setdefault(name, Resource(name, item["Type"], item.get("DeletionPolicy", "Delete")))


def _create_resource(world: World, stack: Stack, resource: Resource) -> None:
    stack.move_resource(resource, "CREATE_IN_PROGRESS")
    declared = stack.template["Resources"][resource.logical_id].get("Properties", {})
    resource.properties = scope_of(stack).resolve(declared)
    resource.made = PROVIDERS[resource.type].create(_context(world, stack, resource), resource.properties)
    stack.move_resource(resource, "CREATE_COMPLETE")


def _context(world: World, stack: Stack, resource: Resource) -> Context:
    return Context(world, stack.owner, stack.name, resource.logical_id, tuple(stack.tags.items()))


def reason_of(error: Exception) -> str:
    """Return an error in the words that CloudFormation puts into an event."""
    if isinstance(error, ClientError):
        detail, meta = error.response["Error"], error.response.get("ResponseMetadata", {})
        return (
            f'Resource handler returned message: "{detail.get("Message")}" '
            f"(Error Code: {detail.get('Code')}, Status Code: {meta.get('HTTPStatusCode')})"
        )
    return str(error) if isinstance(error, (ServiceError, BotoCoreError, ValueError)) else repr(error)


def _fail(world: World, stack: Stack, resource: Resource, error: Exception) -> None:
    if not isinstance(error, (ClientError, ServiceError, BotoCoreError, ValueError)):
        LOG.exception("%s %s failed", resource.type, resource.logical_id, exc_info=error)
    stack.move_resource(resource, "CREATE_FAILED", reason_of(error))
    _roll_back(world, stack, f"The following resource(s) failed to create: [{resource.logical_id}]. ")


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
    for resource in reversed(list(stack.resources.values())):
        if resource.made is None or resource.status == "DELETE_COMPLETE":
            continue
        if resource.deletion_policy in kept:
            stack.move_resource(resource, "DELETE_SKIPPED")
        else:
            _delete_resource(world, stack, resource, resource.made)
    return all(r.status != "DELETE_FAILED" for r in stack.resources.values())


def _delete_resource(world: World, stack: Stack, resource: Resource, made: Made) -> None:
    stack.move_resource(resource, "DELETE_IN_PROGRESS")
    try:
        PROVIDERS[resource.type].delete(_context(world, stack, resource), made)
    except Exception as error:  # told in the stack's events
        stack.move_resource(resource, "DELETE_FAILED", reason_of(error))
    else:
        stack.move_resource(resource, "DELETE_COMPLETE")


def _outputs(stack: Stack) -> list[dict[str, str]]:
    scope, outputs = scope_of(stack), []
    for name, item in stack.template.get("Outputs", {}).items():
        if "Condition" in item and not scope.condition(item["Condition"]):
            continue
        if "Export" in item:
            raise ServiceError("ValidationError", "The sandbox does not execute exports of outputs.")
        value = {"OutputKey": name, "OutputValue": str(scope.resolve(item["Value"]))}
        outputs.append(value | ({"Description": item["Description"]} if "Description" in item else {}))
    return outputs
