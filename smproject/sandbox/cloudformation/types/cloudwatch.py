"""CloudWatch alarms."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging


@provides
class Alarm(Simple):
    """An alarm on a metric."""

    type, service = "AWS::CloudWatch::Alarm", "cloudwatch"
    creates, updates, deletes, delete_member = "PutMetricAlarm", "PutMetricAlarm", "DeleteAlarms", "AlarmNames[]"
    name_property, name_limit = "AlarmName", 255
    tagging = Tagging("ResourceARN")

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the alarm, whose ARN only its name tells."""
        made = super().create(context, properties)
        return Made(made.ref, {"Arn": context.caller.arn_of("cloudwatch", f"alarm:{made.ref}")})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["AlarmName"])
