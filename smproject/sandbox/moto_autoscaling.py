"""The seam to moto's EC2 Auto Scaling: what it forgets, and what it tells of instances that was never so."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import FakeAutoScalingGroup, InstanceState, autoscaling_backends
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from smproject.sandbox import moto_kept

_state_init, _set_launch = InstanceState.__init__, FakeAutoScalingGroup._set_launch_configuration
_put_hook = AutoScalingResponse.put_lifecycle_hook


def mend() -> None:
    """Let Auto Scaling tell how each instance was launched, keep hooks as asked for, and know notifications."""
    InstanceState.__init__ = _launched
    InstanceState.launch_configuration_name = InstanceState.launch_template = None
    FakeAutoScalingGroup._set_launch_configuration = _launch_by_one
    AutoScalingResponse.put_lifecycle_hook = _hook
    moto_kept.after(AutoScalingResponse, "put_scaling_policy", _tell_arn)
    AutoScalingResponse.put_notification_configuration = _notify
    AutoScalingResponse.delete_notification_configuration = _do_not_notify
    AutoScalingResponse.describe_notification_configurations = _notifications


def group_of(instance: str, account: str, region: str) -> str:
    """Return the name of the group that an instance belongs to; empty when it belongs to none."""
    groups = autoscaling_backends[account][region].autoscaling_groups.values()
    return next((group.name for group in groups for each in group.instances if each.instance_id == instance), "")


def _launched(self: InstanceState, *args: Any, **kwargs: Any) -> None:
    """Keep what an instance was launched by; moto tells what its group launches by now."""
    _state_init(self, *args, **kwargs)
    group = self.auto_scaling_group
    self.launch_configuration_name = group.launch_config.name if group.launch_config else None
    if template := group.ec2_launch_template:
        number = template.get_version(group.launch_template_version).number
        names = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
        self.launch_template = names | {"Version": str(number)}


def _launch_by_one(
    self: FakeAutoScalingGroup, launch_config_name: str, launch_template: Any, mixed_instances_policy: Any
) -> None:
    """Let a group forget a launch configuration for a launch template, and the other way round."""
    if launch_config_name:
        self.ec2_launch_template = None
    elif launch_template or mixed_instances_policy:
        self.launch_config, self.launch_configuration_name = None, None
    _set_launch(self, launch_config_name, launch_template, mixed_instances_policy)


def _hook(self: AutoScalingResponse) -> Any:
    """Keep whom a lifecycle hook would tell, and what; moto makes that up."""
    answer = _put_hook(self)
    hooks = self.autoscaling_backend.lifecycle_hooks
    hook = hooks[f"{self._get_param('AutoScalingGroupName')}_{self._get_param('LifecycleHookName')}"]
    hook.role_arn = self._get_param("RoleARN")
    hook.notification_target_arn = self._get_param("NotificationTargetARN")
    hook.notification_metadata = self._get_param("NotificationMetadata")
    return answer


def _tell_arn(_: AutoScalingResponse, answer: ActionResult) -> None:
    """Tell a policy's ARN by the name that the API has for it."""
    answer.result["PolicyARN"] = answer.result["PolicyArn"]


def _topics(group: FakeAutoScalingGroup) -> dict[str, list[str]]:
    """Return whom a group would tell of what: the types of notifications of each topic."""
    found: dict[str, list[str]] = vars(group).setdefault("notified", {})
    return found


def _group(self: AutoScalingResponse) -> FakeAutoScalingGroup:
    return self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]


def _notify(self: AutoScalingResponse) -> ActionResult:
    _topics(_group(self))[self._get_param("TopicARN")] = list(self._get_param("NotificationTypes", []))
    return EmptyResult()


def _do_not_notify(self: AutoScalingResponse) -> ActionResult:
    _topics(_group(self)).pop(self._get_param("TopicARN"), None)
    return EmptyResult()


def _notifications(self: AutoScalingResponse) -> ActionResult:
    groups = self.autoscaling_backend.describe_auto_scaling_groups(self._get_param("AutoScalingGroupNames", []))
    told = [
        {"AutoScalingGroupName": group.name, "TopicARN": topic, "NotificationType": kind}
        for group in groups
        for topic, kinds in _topics(group).items()
        for kind in kinds
    ]
    return ActionResult({"NotificationConfigurations": told})
