"""EC2 Auto Scaling: groups are known by a number of their own and their name, an instance by its group."""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each, first


def _named(kind: str) -> Name:
    return lambda asked, value: value if value.startswith("arn:") else f"*:{kind}/{value}"


def _tagged(asked: Asked) -> Items:
    groups = dict.fromkeys(asked.values("{Tags[].ResourceId}"))
    return [(arn(asked, f"autoScalingGroup:*:autoScalingGroupName/{each}"),) for each in groups]


def _of_instance(asked: Asked) -> Items:
    from smproject.sandbox import moto_autoscaling  # noqa: PLC0415  # not at the start

    group = moto_autoscaling.group_of(first(asked, "{InstanceId}"), asked.account, asked.region)
    return [(arn(asked, f"autoScalingGroup:*:autoScalingGroupName/{group}"),)] if group else []


RULES: dict[tuple[str, str], Rule] = {
    **each("autoscaling", _tagged, ("CreateOrUpdateTags", "DeleteTags")),
    **each("autoscaling", _of_instance, ("SetInstanceHealth", "TerminateInstanceInAutoScalingGroup")),
}
NAMES: dict[tuple[str, str], Name] = {
    ("autoscaling", "autoscalinggroup"): _named("autoScalingGroupName"),
    ("autoscaling", "launchconfiguration"): _named("launchConfigurationName"),
}
