"""The cases of EC2 Auto Scaling: groups, how they launch, and what would scale them."""

from __future__ import annotations

from typing import Any

from types_core_cases import Case, Client, only, ref, resource

LAUNCH = {"LaunchConfigurationName": "NAME", "ImageId": "ami-12c6146b", "InstanceType": "t3.micro"}
SIZES = {"MinSize": "1", "MaxSize": "3", "AvailabilityZones": ["us-east-1a"]}
GROUP = {"AutoScalingGroupName": "NAME", "LaunchConfigurationName": ref("Launch"), **SIZES}
TOPIC = resource("AWS::SNS::Topic", TopicName="NAME")
TEMPLATE = resource(
    "AWS::EC2::LaunchTemplate", LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.small"}
)
OTHERS = {"Launch": resource("AWS::AutoScaling::LaunchConfiguration", **LAUNCH), "Topic": TOPIC}
WITH_GROUP = {**OTHERS, "Group": resource("AWS::AutoScaling::AutoScalingGroup", **GROUP)}
BY_TEMPLATE = {"LaunchTemplateId": ref("Template"), "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}}


def tag(value: str) -> list[dict[str, Any]]:
    return [{"Key": "k", "Value": value, "PropagateAtLaunch": True}]


def launch(client: Client, name: str) -> Any:
    found = client("autoscaling").describe_launch_configurations(LaunchConfigurationNames=[name])
    told = only(found["LaunchConfigurations"])
    return told and [told["InstanceType"], told["InstanceMonitoring"]["Enabled"]]


def group(client: Client, name: str) -> Any:
    found = only(client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"])
    if not found:
        return None
    topics = client("autoscaling").describe_notification_configurations(AutoScalingGroupNames=[name])
    told = [each["NotificationType"] for each in topics["NotificationConfigurations"]]
    sizes = found["MinSize"], found["DesiredCapacity"], len(found["Instances"])
    return sizes, found["HealthCheckType"], [each["Value"] for each in found["Tags"]], told


def launched(client: Client, name: str) -> Any:
    found = only(client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"])
    return found and [found.get("LaunchConfigurationName", ""), found.get("LaunchTemplate", {}).get("Version", "")]


def policy(client: Client, name: str) -> Any:
    found = only(client("autoscaling").describe_policies(AutoScalingGroupName=name)["ScalingPolicies"])
    return found and [found["AdjustmentType"], found["ScalingAdjustment"]]


def schedule(client: Client, name: str) -> Any:
    found = client("autoscaling").describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]
    told = only(found)
    return told and [told["Recurrence"], told["MaxSize"]]


def hook(client: Client, name: str) -> Any:
    found = only(client("autoscaling").describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"])
    return found and [found["HeartbeatTimeout"], found.get("NotificationTargetARN", "").split(":")[-1]]


def scaling(adjustment: int) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": ref("Group"),
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": "60",
        "ScalingAdjustment": adjustment,
    }


def scheduled(most: int) -> dict[str, Any]:
    return {"AutoScalingGroupName": ref("Group"), "MinSize": 1, "MaxSize": most, "Recurrence": "0 7 * * *"}


def hooked(seconds: int) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": ref("Group"),
        "LifecycleHookName": "NAME",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "HeartbeatTimeout": seconds,
        "NotificationTargetARN": ref("Topic"),
        "RoleARN": "arn:aws:iam::222222222222:role/NAME",
    }


CASES = {
    "launch configuration": Case("AWS::AutoScaling::LaunchConfiguration", LAUNCH, LAUNCH, launch, ["t3.micro", True]),
    "group of instances": Case(
        "AWS::AutoScaling::AutoScalingGroup",
        GROUP | {"Tags": tag("1"), "HealthCheckType": "ELB", "HealthCheckGracePeriod": 60},
        GROUP
        | {
            "DesiredCapacity": "2",
            "Tags": tag("2"),
            "NotificationConfigurations": [
                {"TopicARN": ref("Topic"), "NotificationTypes": ["autoscaling:EC2_INSTANCE_LAUNCH"]}
            ],
        },
        group,
        [[1, 2, 2], "EC2", ["2"], ["autoscaling:EC2_INSTANCE_LAUNCH"]],
        OTHERS,
    ),
    "group that goes over to a launch template": Case(
        "AWS::AutoScaling::AutoScalingGroup",
        GROUP,
        {name: item for name, item in GROUP.items() if name != "LaunchConfigurationName"}
        | {"LaunchTemplate": BY_TEMPLATE},
        launched,
        ["", "1"],
        {**OTHERS, "Template": TEMPLATE},
    ),
    "scaling policy": Case(
        "AWS::AutoScaling::ScalingPolicy",
        scaling(1),
        scaling(2),
        policy,
        ["ChangeInCapacity", 2],
        WITH_GROUP,
        ("Arn", "PolicyName"),
    ),
    "scheduled action": Case(
        "AWS::AutoScaling::ScheduledAction",
        scheduled(2),
        scheduled(3),
        schedule,
        ["0 7 * * *", 3],
        WITH_GROUP,
        ("ScheduledActionName",),
    ),
    "lifecycle hook": Case("AWS::AutoScaling::LifecycleHook", hooked(60), hooked(120), hook, [120, "NAME"], WITH_GROUP),
}
