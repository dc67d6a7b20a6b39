"""Application and network load balancers: kept and described, but they balance nothing here."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known, settle
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging


def _attributes(operation: str) -> Setting:
    """Return the setting of attributes; those that a template no longer names stay as they are, as on AWS."""
    return Setting(operation, lambda items: {"Attributes": [_texts(each) for each in items]}, default=[])


def _texts(pair: Properties) -> Properties:
    return {name: text(item) for name, item in pair.items()}


def _same(operation: str, name: str) -> Setting:
    return Setting(operation, lambda value: {name: value})


_PLACED = {
    "Subnets": _same("SetSubnets", "Subnets"),
    "SubnetMappings": _same("SetSubnets", "SubnetMappings"),
    "SecurityGroups": _same("SetSecurityGroups", "SecurityGroups"),
    "IpAddressType": _same("SetIpAddressType", "IpAddressType"),
}


_LOAD_BALANCER = {"LoadBalancerAttributes": _attributes("ModifyLoadBalancerAttributes")}
_TARGET_GROUP = {"TargetGroupAttributes": _attributes("ModifyTargetGroupAttributes")}
_LISTENER = {"ListenerAttributes": _attributes("ModifyListenerAttributes")}


class _Balancing(Simple):
    """What is named by its ARN, which `Ref` returns."""

    service, state_only = "elbv2", True
    tagging = Tagging("ResourceArns[]", "AddTags", "RemoveTags")

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN, which is an attribute too."""
        [told] = next(items for name, items in answer.items() if name != "ResponseMetadata")
        return Made(told[self.ref], {self.ref: told[self.ref]})

    def name(self, made: Made) -> str:
        """Return the ARN, by which the API calls what there is."""
        return made.ref

    def arn(self, made: Made) -> str:
        """Return the ARN."""
        return made.ref


@provides
class LoadBalancer(_Balancing):
    """A load balancer, which no request reaches."""

    type, ref = "AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerArn"
    creates, deletes, delete_member = "CreateLoadBalancer", "DeleteLoadBalancer", "LoadBalancerArn"
    name_property, name_limit = "Name", 32
    settings = _LOAD_BALANCER

    def translate(self, properties: Properties) -> Properties:
        """Take what a load balancer here keeps."""
        known(properties, "Name", "Scheme", "Tags", "Type", *_PLACED)
        return super().translate(properties)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """Tell the names and addresses that the template may ask for."""
        made, [told] = super().made(sent, answer), answer["LoadBalancers"]
        found = {
            "CanonicalHostedZoneID": told["CanonicalHostedZoneId"],
            "DNSName": told["DNSName"],
            "LoadBalancerFullName": made.ref.partition("loadbalancer/")[2],
            "LoadBalancerName": told["LoadBalancerName"],
        }
        return Made(made.ref, made.attributes | found)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change where it stands, then its attributes and tags."""
        settle(context.client(self.service), {"LoadBalancerArn": made.ref}, _PLACED, before, after)
        left = ({name: item for name, item in side.items() if name not in _PLACED} for side in (before, after))
        return super().update(context, made, *left)


@provides
class TargetGroup(_Balancing):
    """A group of targets, whose health nobody checks."""

    type, ref = "AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupArn"
    creates, updates, deletes, delete_member = (
        *("CreateTargetGroup", "ModifyTargetGroup", "DeleteTargetGroup", "TargetGroupArn"),
    )
    name_property, name_limit, patches, update_keys = "Name", 32, True, ("TargetGroupArn",)
    settings = _TARGET_GROUP

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group, then register its targets."""
        made = super().create(context, _but_targets(properties))
        _register(context, made, [], properties.get("Targets", []))
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the group, then its targets."""
        made = super().update(context, made, _but_targets(before), _but_targets(after))
        _register(context, made, before.get("Targets", []), after.get("Targets", []))
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """Tell the group's names."""
        made, [told] = super().made(sent, answer), answer["TargetGroups"]
        names = {"TargetGroupFullName": made.ref.split(":")[-1], "TargetGroupName": told["TargetGroupName"]}
        return Made(made.ref, made.attributes | names | {"LoadBalancerArns": told.get("LoadBalancerArns") or []})


def _but_targets(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != "Targets"}


def _register(context: Context, made: Made, before: list[Any], after: list[Any]) -> None:
    for operation, targets in (
        ("DeregisterTargets", [each for each in before if each not in after]),
        ("RegisterTargets", [each for each in after if each not in before]),
    ):
        if targets:
            call(context.client("elbv2"), operation, {"TargetGroupArn": made.ref, "Targets": targets})


@provides
class Listener(_Balancing):
    """A port on which a load balancer would listen."""

    type, ref = "AWS::ElasticLoadBalancingV2::Listener", "ListenerArn"
    creates, updates, deletes, delete_member = "CreateListener", "ModifyListener", "DeleteListener", "ListenerArn"
    patches, update_keys = True, ("ListenerArn",)
    settings = _LISTENER


@provides
class ListenerRule(_Balancing):
    """A rule of what a listener would do."""

    type, ref = "AWS::ElasticLoadBalancingV2::ListenerRule", "RuleArn"
    creates, updates, deletes, delete_member = "CreateRule", "ModifyRule", "DeleteRule", "RuleArn"
    patches, update_keys = True, ("RuleArn",)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """No rule of a template is a listener's default."""
        made = super().made(sent, answer)
        return Made(made.ref, made.attributes | {"IsDefault": False})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the rule, then which comes first."""
        if "Priority" in changed(before, after):
            wanted = {"RuleArn": made.ref, "Priority": after["Priority"]}
            call(context.client("elbv2"), "SetRulePriorities", {"RulePriorities": [wanted]})
        return super().update(context, made, before | {"Priority": after["Priority"]}, after)
