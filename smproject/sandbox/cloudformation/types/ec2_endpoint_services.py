"""Endpoint services: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.types.ec2 import TAGS, Ec2

_BALANCERS = ("GatewayLoadBalancerArns", "NetworkLoadBalancerArns")
_CHANGE, _PERMIT = "ModifyVpcEndpointServiceConfiguration", "ModifyVpcEndpointServicePermissions"


@provides
class VPCEndpointService(Ec2):
    """A service behind load balancers, to which endpoints of other VPCs may lead."""

    type, tagged_as = "AWS::EC2::VPCEndpointService", "vpc-endpoint-service"
    creates, deletes = "CreateVpcEndpointServiceConfiguration", "DeleteVpcEndpointServiceConfigurations"
    delete_member = "ServiceIds[]"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the service."""
        known(properties, "AcceptanceRequired", "Tags", *_BALANCERS)
        return super().create(context, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change whether connections must be accepted, the load balancers and the tags."""
        updatable(before, after, "AcceptanceRequired", "Tags", *_BALANCERS)
        client, changes = context.client("ec2"), Properties()
        for name in _BALANCERS:
            changes |= _difference(name, before.get(name, []), after.get(name, []))
        if before.get("AcceptanceRequired", True) != after.get("AcceptanceRequired", True):
            changes["AcceptanceRequired"] = after.get("AcceptanceRequired", True)
        if changes:
            call(client, _CHANGE, {"ServiceId": made.ref, **changes})
        TAGS.update(client, made.ref, before, after)
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        name = answer["ServiceConfiguration"]["ServiceId"]
        return Made(name, {"ServiceId": name})


@provides
class VPCEndpointServicePermissions(Provider):
    """Who may make endpoints to a service."""

    type, state_only = "AWS::EC2::VPCEndpointServicePermissions", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Let the principals in."""
        known(properties, "AllowedPrincipals", "ServiceId")
        made = Made(properties["ServiceId"], {"_principals": properties.get("AllowedPrincipals", [])})
        self._change(context, made, [], made.attributes["_principals"])
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Let some in, and others no more."""
        updatable(before, after, "AllowedPrincipals")
        wanted = after.get("AllowedPrincipals", [])
        self._change(context, made, before.get("AllowedPrincipals", []), wanted)
        return Made(made.ref, {"_principals": wanted})

    def delete(self, context: Context, made: Made) -> None:
        """Let nobody in."""
        self._change(context, made, made.attributes["_principals"], [])

    def _change(self, context: Context, made: Made, before: list[str], after: list[str]) -> None:
        if changes := _difference("AllowedPrincipals", before, after):
            call(context.client("ec2"), _PERMIT, {"ServiceId": made.ref, **changes})


def _difference(name: str, before: list[str], after: list[str]) -> Properties:
    """Return the members `Add...` and `Remove...` that bring a list from what it was to what it is to be."""
    changes = {
        f"Add{name}": [each for each in after if each not in before],
        f"Remove{name}": [each for each in before if each not in after],
    }
    return {member: items for member, items in changes.items() if items}
