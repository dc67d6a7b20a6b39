"""CloudWatch alarms and dashboards."""

from __future__ import annotations

from smproject.sandbox.cloudformation.provider import provides
from smproject.sandbox.cloudformation.simple import Simple
from smproject.sandbox.cloudformation.tags import Tagging


@provides
class Alarm(Simple):
    """An alarm on a metric."""

    type, service, arn_path = "AWS::CloudWatch::Alarm", "cloudwatch", "alarm:{}"
    creates, updates, deletes, delete_member = "PutMetricAlarm", "PutMetricAlarm", "DeleteAlarms", "AlarmNames[]"
    name_property, name_limit = "AlarmName", 255
    tagging = Tagging("ResourceARN")


@provides
class Dashboard(Simple):
    """A dashboard."""

    type, service, state_only = "AWS::CloudWatch::Dashboard", "cloudwatch", True
    creates, updates, deletes, delete_member = "PutDashboard", "PutDashboard", "DeleteDashboards", "DashboardNames[]"
    name_property, name_limit, documents = "DashboardName", 255, ("DashboardBody",)
