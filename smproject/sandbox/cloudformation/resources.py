"""What a stack's resources and outputs come out as, and deleting one resource."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation import api, attributes, dynamic, graph, masks, provider, regions, schemas
from smproject.sandbox.cloudformation.book import book_of
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.exports import Exports
from smproject.sandbox.cloudformation.intrinsics import NO_VALUE, Scope, pseudo, text
from smproject.sandbox.cloudformation.provider import Context, Provider
from smproject.sandbox.cloudformation.stacks import Definition, Resource, Stack
from smproject.sandbox.cloudformation.syntax import malformed
from smproject.sandbox.cloudformation.tags import merged
from smproject.sandbox.cloudformation.template import demand_text
from smproject.sandbox.service import ServiceError, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)


def plan(world: World, stack: Stack, definition: Definition) -> list[str]:
    """Return the logical ids of the resources that are to be, each after those it depends on."""
    template, scope = definition.template, scope_of(world, stack, definition)
    items = template["Resources"].items()
    active = {name for name, item in items if "Condition" not in item or scope.condition(item["Condition"])}
    return graph.order(template, active, scope.condition)


def scope_of(world: World, stack: Stack, definition: Definition, imported: set[str] | None = None) -> Scope:
    """Return what names mean in a stack that is as defined; its resources are those that there are.

    Dynamic references stay as they are. The names of imported exports are added to `imported`.
    """

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

    def value(name: str) -> str:
        if imported is not None:
            imported.add(name)
        return Exports(book_of(world)).value(stack.owner, name)

    template = definition.template
    return Scope(
        pseudo(stack.owner, stack.name, stack.id, stack.notification_arns) | definition.values,
        template.get("Conditions", {}),
        resource,
        mappings=template.get("Mappings", {}),
        imports=value,
        zones=lambda region: _zones(world, stack, region),
    )


def _zones(world: World, stack: Stack, region: str) -> list[str]:
    """Return the zones that have a default subnet; all of them where none has.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getavailabilityzones.html
    """
    if region not in regions.known():
        raise ServiceError("ValidationError", f"Template error: Fn::GetAZs: {region} is not a Region.")
    client = world.client("ec2", stack.owner.credentials, region)
    try:
        zones = {zone["ZoneName"] for zone in client.describe_availability_zones()["AvailabilityZones"]}
        subnets = client.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    except ClientError as error:
        raise ServiceError("ValidationError", f"Template error: Fn::GetAZs: {told(error)[1]}") from error
    return sorted(zones & {subnet["AvailabilityZone"] for subnet in subnets} or zones)


def resolved(
    world: World, stack: Stack, definition: Definition, name: str, imported: set[str] | None = None
) -> Properties:
    """Return a resource's properties with every function computed, and with the stack's tags.

    Of dynamic references those to `ssm` are filled: they are read anew by each operation on the stack.
    """
    item = definition.template["Resources"][name]
    scope = scope_of(world, stack, definition, imported)
    found = scope.resolve(item.get("Properties") or {})
    found = {} if found is NO_VALUE else found
    if not isinstance(found, dict):
        raise malformed(f"[/Resources/{name}/Properties] Every Properties member must be an object.")
    return tagged(definition, item["Type"], plainly_filled(world, stack, found))


def plainly_filled(world: World, stack: Stack, value: Any) -> Any:
    """Return a value with its dynamic references to `ssm` filled; those to secrets stay."""
    return dynamic.filled(value, dynamic.Lookup(world, stack.owner), ("ssm",))


def policy(world: World, stack: Stack, resource: Resource, attribute: str) -> Properties:
    """Return a resource's CreationPolicy or UpdatePolicy as its provider obeys it, with every function computed."""
    return obeyed(scope_of(world, stack, stack.definition), resource.logical_id, resource.declared, attribute)


def obeyed(scope: Scope, logical_id: str, declared: dict[str, Any], attribute: str) -> Properties:
    """Return the CreationPolicy or UpdatePolicy that a declaration gives, as the type's provider obeys it."""
    schema = provider_of(declared["Type"]).obeys.get(attribute)
    if schema is None or attribute not in declared:
        return {}
    found = scope.resolve(declared[attribute])
    found = {} if found is NO_VALUE else found
    attributes.check_obeyed(logical_id, attribute, schema, found)
    return dict(found)


def tagged(definition: Definition, type_: str, properties: Properties) -> Properties:
    """Return a resource's properties with the stack's tags, where its type takes tags."""
    own = properties.get("Tags")
    if (definition.tags or own) and (shape := schemas.tags_shape(type_)):
        more = {"PropagateAtLaunch": True} if type_ == "AWS::AutoScaling::AutoScalingGroup" else {}
        return properties | {"Tags": merged(definition.tags, own, shape, **more)}
    return properties


def filled(world: World, stack: Stack, properties: Properties) -> Properties:
    """Return properties with the values of their dynamic references, which are not kept anywhere."""
    return dict(dynamic.filled(properties, dynamic.Lookup(world, stack.owner)))


def shown(definition: Definition, properties: Properties, resources: Iterable[Resource] = ()) -> str:
    """Return properties as JSON for events, without what NoEcho parameters and the stack's custom resources hide."""
    secrets = masks.of_parameters(definition) | masks.of_resources(resources)
    return json.dumps(masks.masked(properties, secrets), default=str)


def outputs(
    world: World, stack: Stack, definition: Definition, imported: set[str] | None = None
) -> list[dict[str, str]]:
    """Compute a stack's outputs; raises ServiceError (ValidationError) for what can't be computed."""
    scope, found = scope_of(world, stack, definition, imported), []
    for name, item in definition.template.get("Outputs", {}).items():
        if "Condition" in item and not scope.condition(item["Condition"]):
            continue
        value = plainly_filled(world, stack, scope.resolve(item["Value"]))
        demand_text(value)
        output = {"OutputKey": name, "OutputValue": text(value)}
        output |= {"Description": item["Description"]} if "Description" in item else {}
        output |= {"ExportName": text(scope.resolve(item["Export"]["Name"]))} if "Export" in item else {}
        found.append(output)
    return found


def provider_of(type_: str) -> Provider:
    """Return who makes resources of a type, which is known to be executed."""
    found = provider.provider_of(type_)
    if found is None:
        raise KeyError(type_)
    return found


def context(world: World, stack: Stack, resource: Resource) -> Context:
    """Return where and for whom a resource is made."""
    return Context(world, stack.owner, stack.name, resource.logical_id, stack.id)


def delete(world: World, stack: Stack, resource: Resource, fate: str = "Delete") -> bool:
    """Delete a resource that exists, unless it is to be kept (Retain); tell whether that went well.

    One that was never completed has nothing to be kept in a Snapshot.
    """
    if resource.made is None or not resource.exists:
        return True
    if fate not in {"Delete", "Snapshot"}:
        stack.move_resource(resource, "DELETE_SKIPPED")
        return True
    is_whole, provider, where = (
        resource.status != "CREATE_FAILED",
        provider_of(resource.type),
        context(world, stack, resource),
    )
    stack.move_resource(resource, "DELETE_IN_PROGRESS")
    try:
        if fate == "Snapshot" and is_whole:
            provider.snapshot(where, resource.made)
        provider.delete(where, resource.made)
    except Exception as error:  # told in the stack's events
        # What is gone already is deleted; who makes a custom resource may be gone, but is not the resource itself.
        if api.is_absent(error) and not schemas.is_custom(resource.type):
            stack.move_resource(resource, "DELETE_COMPLETE")
            return True
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
