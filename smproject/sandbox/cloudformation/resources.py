"""The resources of a stack: what their properties come out as, and making and deleting one of them."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation import graph, rules, schemas
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import NO_VALUE, Scope
from smproject.sandbox.cloudformation.provider import PROVIDERS, Context
from smproject.sandbox.cloudformation.stacks import Definition, Resource, Stack
from smproject.sandbox.cloudformation.tags import merged
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)


def plan(stack: Stack, definition: Definition) -> list[str]:
    """Return the logical ids to make, in order; raises ServiceError for what can be refused beforehand."""
    template, scope = definition.template, scope_of(stack, definition)
    rules.check(template.get("Rules", {}), template.get("Parameters", {}), scope.values)
    resources = template["Resources"]
    unknown = sorted({item.get("Type", "(no Type)") for item in resources.values()} - set(PROVIDERS))
    if unknown:
        raise ServiceError(
            "ValidationError",
            f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. "
            "If AWS knows them, the sandbox does not execute them yet.",
        )
    active = {name for name, item in resources.items() if "Condition" not in item or scope.condition(item["Condition"])}
    return graph.order(template, active)


def scope_of(stack: Stack, definition: Definition) -> Scope:
    """Return what names mean in a stack that is as defined; its resources are those that there are."""

    def resource(name: str, attribute: str | None) -> Any:
        made = stack.resources[name].made if name in stack.resources else None
        if made is None:
            raise ServiceError("ValidationError", f"Unresolved resource dependencies [{name}]")
        if attribute is None:
            return made.ref
        if attribute not in made.attributes or attribute.startswith("_"):  # those are the providers' own
            kind = stack.resources[name].type
            raise ServiceError(
                "ValidationError", f"Requested attribute {attribute} does not exist in schema for {kind}"
            )
        return made.attributes[attribute]

    return Scope(_pseudo(stack) | definition.values, definition.template.get("Conditions", {}), resource)


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


def resolved(stack: Stack, definition: Definition, name: str) -> Properties:
    """Return a resource's properties with every function computed, and with the stack's tags."""
    item = definition.template["Resources"][name]
    properties: Properties = scope_of(stack, definition).resolve(item.get("Properties") or {})
    tags = {"stack": definition.tags, "own": properties.get("Tags")}
    if any(tags.values()) and (shape := schemas.tags_shape(item["Type"])):
        properties["Tags"] = merged(definition.tags, properties.get("Tags"), shape)
    return properties


def outputs(stack: Stack, definition: Definition) -> list[dict[str, str]]:
    """Compute a stack's outputs; raises ServiceError (ValidationError) for what can't be computed."""
    scope, found = scope_of(stack, definition), []
    for name, item in definition.template.get("Outputs", {}).items():
        if "Condition" in item and not scope.condition(item["Condition"]):
            continue
        if "Export" in item:
            raise ServiceError("ValidationError", "The sandbox does not execute exports of outputs.")
        value = {"OutputKey": name, "OutputValue": str(scope.resolve(item["Value"]))}
        found.append(value | ({"Description": item["Description"]} if "Description" in item else {}))
    return found


def declared(stack: Stack, name: str) -> Resource:
    """Return a new resource of a stack, which isn't made yet."""
    item = stack.definition.template["Resources"][name]
    return stack.resources.setdefault(name, Resource(name, item["Type"], item))


def context(world: World, stack: Stack, resource: Resource) -> Context:
    """Return where and for whom a resource is made."""
    return Context(world, stack.owner, stack.name, resource.logical_id)


def create(world: World, stack: Stack, resource: Resource) -> None:
    """Make a resource; the provider's exceptions pass."""
    stack.move_resource(resource, "CREATE_IN_PROGRESS")
    resource.properties = resolved(stack, stack.definition, resource.logical_id)
    resource.made = PROVIDERS[resource.type].create(context(world, stack, resource), resource.properties)
    stack.move_resource(resource, "CREATE_COMPLETE")


def delete(world: World, stack: Stack, resource: Resource, kept: bool = False) -> bool:
    """Delete a resource that exists, unless it is to be kept; tell whether that went well."""
    if resource.made is None or resource.status == "DELETE_COMPLETE":
        return True
    if kept:
        stack.move_resource(resource, "DELETE_SKIPPED")
        return True
    stack.move_resource(resource, "DELETE_IN_PROGRESS")
    try:
        PROVIDERS[resource.type].delete(context(world, stack, resource), resource.made)
    except Exception as error:  # told in the stack's events
        failed(stack, resource, "DELETE_FAILED", error)
        return False
    stack.move_resource(resource, "DELETE_COMPLETE")
    return True


def failed(stack: Stack, resource: Resource, status: str, error: Exception) -> None:
    """Record that a resource failed, and why; what no provider should raise goes to the sandbox's log too."""
    if not isinstance(error, (ClientError, ServiceError, BotoCoreError, ValueError)):
        LOG.exception("%s %s failed", resource.type, resource.logical_id, exc_info=error)
    stack.move_resource(resource, status, _reason(error))


def _reason(error: Exception) -> str:
    """Return an error in the words that CloudFormation puts into an event."""
    if isinstance(error, ClientError):
        detail, meta = error.response["Error"], error.response.get("ResponseMetadata", {})
        return (
            f'Resource handler returned message: "{detail.get("Message")}" '
            f"(Error Code: {detail.get('Code')}, Status Code: {meta.get('HTTPStatusCode')})"
        )
    return str(error) if isinstance(error, (ServiceError, BotoCoreError, ValueError)) else repr(error)
