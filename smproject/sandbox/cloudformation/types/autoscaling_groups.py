"""EC2 Auto Scaling: groups with their instances, which never run.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_AutoScaling.html
"""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed, replacing, same
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.resource_policies import GROUP
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.types.autoscaling_rolling import Rolling, instances
from smproject.sandbox.cloudformation.types.ec2_instances import decoded

_LAUNCH = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "VPCZoneIdentifier")
_SIZES = ("DesiredCapacity", "MaxSize", "MinSize")
_HEALTH: Properties = {"HealthCheckGracePeriod": 0, "HealthCheckType": "EC2", "NewInstancesProtectedFromScaleIn": False}
_CHANGED = (*_LAUNCH, *_SIZES, *_HEALTH, "AvailabilityZones")  # by UpdateAutoScalingGroup
_ATTACHED = ("LoadBalancerNames", "MetricsCollection", "NotificationConfigurations", "TargetGroupARNs")
_ONCE = ("AutoScalingGroupName", "CapacityRebalance", "Cooldown", "TerminationPolicies")
GROUP_NAME = "AutoScalingGroupName"


class Scaling(Simple):
    """What belongs to Auto Scaling."""

    service, state_only = "autoscaling", True


@provides
class LaunchConfiguration(Scaling):
    """How a group would launch instances."""

    type, name_property, name_limit = "AWS::AutoScaling::LaunchConfiguration", "LaunchConfigurationName", 255
    creates, deletes = "CreateLaunchConfiguration", "DeleteLaunchConfiguration"
    delete_member = "LaunchConfigurationName"

    def translate(self, properties: Properties) -> Properties:
        """Write the properties as the API nests them."""
        known(properties, *(set(properties) - {"PlacementTenancy"}))  # which no description here would tell
        plain = dict(properties)
        plain["InstanceMonitoring"] = {"Enabled": properties.get("InstanceMonitoring", True)}
        if "UserData" in plain:
            plain["UserData"] = decoded(plain["UserData"])
        return super().translate(plain)


@provides
class AutoScalingGroup(Scaling):
    """A group with as many instances as it is to have: they are described, but no machine runs, and nothing scales."""

    type, name_property, name_limit, obeys = "AWS::AutoScaling::AutoScalingGroup", GROUP_NAME, 255, GROUP
    creates, updates, deletes, delete_member = (
        *("CreateAutoScalingGroup", "UpdateAutoScalingGroup", "DeleteAutoScalingGroup", GROUP_NAME),
    )
    reads, read_member = "DescribeAutoScalingGroups", f"{GROUP_NAME}s[]"

    def replacing(self, policy: Properties, before: Properties, after: Properties) -> list[str]:
        """Return the changed properties that take a new group: how it launches counts where the policy says so."""
        found = replacing(self.type, before, after)
        will = text(policy.get("AutoScalingReplacingUpdate", {}).get("WillReplace")) == "true"
        return found if will else [name for name in found if name not in _LAUNCH]

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group, which launches its instances, then what belongs to it."""
        known(properties, "LifecycleHookSpecificationList", "Tags", *_CHANGED, *_ATTACHED, *_ONCE)
        later = ("LifecycleHookSpecificationList", "MetricsCollection", "NotificationConfigurations")
        made = super().create(context, {name: item for name, item in properties.items() if name not in later})
        attached = {name: item for name, item in properties.items() if name in later}
        client = context.client(self.service)
        with undone_on_failure(lambda: self.delete(context, made)):
            for hook in properties.get("LifecycleHookSpecificationList", []):
                call(client, "PutLifecycleHook", {GROUP_NAME: made.ref} | hook)
            _attach(client, made.ref, {}, attached)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the group and what belongs to it, then its instances, as far as its policy replaces them."""
        updatable(before, after, "Tags", *_CHANGED, *_ATTACHED)
        client, policy = context.client(self.service), context.policy
        _remember(client, made, before)
        call(client, self.updates, {GROUP_NAME: made.ref} | _wanted(policy, before, after))
        _attach(client, made.ref, before, after)
        _tag(client, made.ref, before, after)
        rolling, older = policy.get("AutoScalingRollingUpdate"), _older(client, made, after)
        if rolling is not None and older:
            Rolling(context, made.ref, rolling, int(after["MaxSize"])).replace(older)
        return self._read(client, made)

    def delete(self, context: Context, made: Made) -> None:
        """Delete the group with its instances."""
        if instances(client := context.client(self.service), made.ref) is not None:
            call(client, self.deletes, {GROUP_NAME: made.ref, "ForceDelete": True})

    def translate(self, properties: Properties) -> Properties:
        """Write the properties as the API has them."""
        plain = {
            name: item for name, item in properties.items() if name not in {"Tags", "Cooldown", "VPCZoneIdentifier"}
        }
        if "Cooldown" in properties:
            plain["DefaultCooldown"] = properties["Cooldown"]
        if "VPCZoneIdentifier" in properties:
            plain["VPCZoneIdentifier"] = ",".join(properties["VPCZoneIdentifier"])
        return super().translate(plain) | ({"Tags": properties["Tags"]} if "Tags" in properties else {})

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return what the group's description tells; the template's lists stay lists."""
        told = super().found(sent, answer)
        subnets = told.get("VPCZoneIdentifier")
        return told | ({"VPCZoneIdentifier": subnets.split(",")} if isinstance(subnets, str) and subnets else {})


def _wanted(policy: Properties, before: Properties, after: Properties) -> Properties:
    """Return what a group is to be changed to; sizes that the template has not changed may be left to schedules."""
    ignored = text(policy.get("AutoScalingScheduledAction", {}).get("IgnoreUnmodifiedGroupSizeProperties")) == "true"
    kept = {name for name in _SIZES if ignored and same(before.get(name, ""), after.get(name, ""))}
    gone = {name: item for name, item in _HEALTH.items() if name in before and name not in after}
    told = {name: item for name, item in after.items() if name in _CHANGED and name not in kept}
    return PROVIDER.translate(gone | told)


def _remember(client: Any, made: Made, before: Properties) -> None:
    """Keep what the instances of a group were launched by, even if what comes next fails."""
    launched = made.attributes.get("_launched", {})
    present = [each["InstanceId"] for each in instances(client, made.ref) or []]
    made.attributes["_launched"] = {each: launched.get(each, _launch(before)) for each in present}


def _older(client: Any, made: Made, after: Properties) -> list[str]:
    """Return the instances of a group that are not launched as it launches now."""
    wanted, launched = _launch(after), made.attributes["_launched"]
    present = [each["InstanceId"] for each in instances(client, made.ref) or []]
    return [each for each in present if launched.get(each, wanted) != wanted]


def _launch(properties: Properties) -> str:
    return json.dumps([properties.get(name) for name in _LAUNCH], default=str)


def _tag(client: Any, group: str, before: Properties, after: Properties) -> None:
    target = {"ResourceId": group, "ResourceType": "auto-scaling-group"}
    had, wanted = ({tag["Key"]: tag for tag in each.get("Tags", [])} for each in (before, after))
    if gone := [target | {"Key": key} for key in had if key not in wanted]:
        call(client, "DeleteTags", {"Tags": gone})
    if put := [target | tag for key, tag in wanted.items() if not same(had.get(key), tag)]:
        call(client, "CreateOrUpdateTags", {"Tags": put})


def _attach(client: Any, group: str, before: Properties, after: Properties) -> None:
    """Bring the balancers, topics and metrics of a group from those that it has to those that it is to have."""
    for member, (attach, detach) in _BALANCERS.items():
        had, wanted = before.get(member, []), after.get(member, [])
        for operation, items in ((detach, set(had) - set(wanted)), (attach, set(wanted) - set(had))):
            if items:
                call(client, operation, {GROUP_NAME: group, member: sorted(items)})
    had, wanted = ({each["TopicARN"]: each for each in _topics(side)} for side in (before, after))
    for topic in set(had) - set(wanted):
        remove(client, "DeleteNotificationConfiguration", {GROUP_NAME: group, "TopicARN": topic})
    for topic, each in wanted.items():
        if not same(had.get(topic), each):
            call(client, "PutNotificationConfiguration", {GROUP_NAME: group, "NotificationTypes": []} | each)
    if "MetricsCollection" in changed(before, after):
        for each in after.get("MetricsCollection", []):
            call(client, "EnableMetricsCollection", {GROUP_NAME: group} | each)


def _topics(properties: Properties) -> list[Properties]:
    return list(properties.get("NotificationConfigurations", []))


_BALANCERS = {
    "LoadBalancerNames": ("AttachLoadBalancers", "DetachLoadBalancers"),
    "TargetGroupARNs": ("AttachLoadBalancerTargetGroups", "DetachLoadBalancerTargetGroups"),
}
PROVIDER = AutoScalingGroup()
