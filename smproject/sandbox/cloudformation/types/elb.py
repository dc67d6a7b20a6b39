"""Classic load balancers: kept and described, but they balance nothing here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import Setting, call
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.tags import Tagging, plain, spelled
from smproject.sandbox.cloudformation.types import elb_policies

# The properties whose items are put and taken away one by one: the calls, and the member that holds the items.
_LISTS = {
    "AvailabilityZones": (
        *("EnableAvailabilityZonesForLoadBalancer", "DisableAvailabilityZonesForLoadBalancer", "AvailabilityZones"),
    ),
    "Subnets": ("AttachLoadBalancerToSubnets", "DetachLoadBalancerFromSubnets", "Subnets"),
    "Instances": ("RegisterInstancesWithLoadBalancer", "DeregisterInstancesFromLoadBalancer", "Instances"),
}
_CONDITIONAL = ("AvailabilityZones", "HealthCheck", "Subnets")  # replaced only where they come or go as a whole


def _attribute(name: str, default: Properties) -> Setting:
    return Setting(
        "ModifyLoadBalancerAttributes", lambda value: {"LoadBalancerAttributes": {name: value}}, default=default
    )


@dataclass(frozen=True)
class _Tagging(Tagging):
    """Tags are taken away by tags of a key only."""

    def update(self, client: Any, identifier: str, before: Properties, after: Properties) -> None:
        """Bring the tags of a load balancer from those of its former properties to those of the new ones."""
        old, new = plain(before.get("Tags")), plain(after.get("Tags"))
        target = {"LoadBalancerNames": [identifier]}
        if gone := sorted(set(old) - set(new)):
            call(client, "RemoveTags", target | {"Tags": [{"Key": key} for key in gone]})
        if put := {key: value for key, value in new.items() if old.get(key) != value}:
            call(client, "AddTags", target | {"Tags": spelled(put)})


@provides
class LoadBalancer(Kept):
    """A classic load balancer, which no request reaches."""

    type, service = "AWS::ElasticLoadBalancing::LoadBalancer", "elb"
    creates, deletes, delete_member = "CreateLoadBalancer", "DeleteLoadBalancer", "LoadBalancerName"
    reads, read_member, at = "DescribeLoadBalancers", "LoadBalancerNames[]", "LoadBalancerDescriptions[0]"
    name_property, name_limit = "LoadBalancerName", 32
    tagging = _Tagging("LoadBalancerNames[]", "AddTags", "RemoveTags")
    asked_as: ClassVar[dict[str, str]] = {"Listeners": "ListenerDescriptions[].Listener"}
    untold: ClassVar[tuple[str, ...]] = ("Tags",)
    settings: ClassVar[dict[str, Setting]] = {
        "AccessLoggingPolicy": _attribute("AccessLog", {"Enabled": False}),
        "ConnectionDrainingPolicy": _attribute("ConnectionDraining", {"Enabled": False}),
        "ConnectionSettings": _attribute("ConnectionSettings", {"IdleTimeout": 60}),
        "CrossZone": Setting(
            "ModifyLoadBalancerAttributes",
            lambda value: {"LoadBalancerAttributes": {"CrossZoneLoadBalancing": {"Enabled": value}}},
            default=False,
        ),
        "HealthCheck": Setting("ConfigureHealthCheck", lambda value: {"HealthCheck": value}),
    }

    def replacing(self, policy: Properties, before: Properties, after: Properties) -> list[str]:
        """Return the changed properties that take a new load balancer."""
        found = super().replacing(policy, before, after)
        return [each for each in found if each not in _CONDITIONAL or bool(before.get(each)) != bool(after.get(each))]

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the load balancer, then what hangs on its listeners, and its instances."""
        first = _but(properties, "Instances", *elb_policies.PROPERTIES)
        first |= {"Listeners": [elb_policies.created(each) for each in properties["Listeners"]]}
        made = super().create(context, first)
        with undone_on_failure(lambda: self.delete(context, made)):
            elb_policies.bring(context.client("elb"), made.ref, first, properties)
            self._bring(context, made, properties | {"Instances": []}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change its listeners, where it is and its instances, then its settings and tags."""
        client = context.client("elb")
        elb_policies.bring(client, made.ref, before, after)
        self._bring(context, made, before, after)
        if not same(before.get("SecurityGroups", []), after.get("SecurityGroups", [])):
            groups = {"SecurityGroups": after.get("SecurityGroups", [])}
            call(client, "ApplySecurityGroupsToLoadBalancer", self.target(made) | groups)
        brought = (*_LISTS, *elb_policies.PROPERTIES, "SecurityGroups")
        return super().update(context, made, _but(before, *brought), _but(after, *brought))

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(str(sent["LoadBalancerName"]))

    def _bring(self, context: Context, made: Made, before: Properties, after: Properties) -> None:
        for name, (put, take, member) in _LISTS.items():
            old, new = ([text(each) for each in side.get(name) or []] for side in (before, after))
            for operation, items in (
                (put, [each for each in new if each not in old]),
                (take, [each for each in old if each not in new]),
            ):
                if items:
                    listed = [{"InstanceId": each} for each in items] if name == "Instances" else items
                    call(context.client("elb"), operation, self.target(made) | {member: listed})


def _but(properties: Properties, *names: str) -> Properties:
    return {name: item for name, item in properties.items() if name not in names}
