"""What would scale the groups of EC2 Auto Scaling, and be told of their instances: kept and described.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_AutoScaling.html
"""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.types.autoscaling_groups import GROUP_NAME, Scaling


class _OfGroup(Scaling):
    """What belongs to a group, and is named within it."""

    place = (GROUP_NAME,)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(str(sent[self.name_property]), {self.name_property: sent[self.name_property]})


@provides
class ScalingPolicy(_OfGroup):
    """How a group would be scaled."""

    type, name_property, name_limit = "AWS::AutoScaling::ScalingPolicy", "PolicyName", 255
    creates, updates, deletes, delete_member = "PutScalingPolicy", "PutScalingPolicy", "DeletePolicy", "PolicyName"

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        arn = answer["PolicyARN"]
        return Made(arn, {"Arn": arn, "PolicyName": sent["PolicyName"]})


@provides
class ScheduledAction(_OfGroup):
    """When a group's sizes would change."""

    type, name_property, name_limit = "AWS::AutoScaling::ScheduledAction", "ScheduledActionName", 255
    creates = updates = "PutScheduledUpdateGroupAction"
    deletes, delete_member = "DeleteScheduledAction", "ScheduledActionName"


@provides
class LifecycleHook(_OfGroup):
    """What would happen before an instance of a group is in service, or terminated."""

    type, name_property, name_limit = "AWS::AutoScaling::LifecycleHook", "LifecycleHookName", 255
    creates = updates = "PutLifecycleHook"
    deletes, delete_member = "DeleteLifecycleHook", "LifecycleHookName"
