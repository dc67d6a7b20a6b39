"""What hangs on log groups: streams, metric filters, subscriptions; and the policies of CloudWatch Logs."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Simple


@provides
class LogStream(Simple):
    """A stream of a log group."""

    type, service = "AWS::Logs::LogStream", "logs"
    creates, deletes, delete_member = "CreateLogStream", "DeleteLogStream", "logStreamName"
    name_property, name_limit, place = "LogStreamName", 512, ("LogGroupName",)


class _Filter(Simple):
    """A filter of a log group, which one call makes and changes."""

    service, delete_member = "logs", "filterName"
    name_property, name_limit, place = "FilterName", 512, ("LogGroupName",)


@provides
class MetricFilter(_Filter):
    """A metric filter: kept, but it counts nothing here."""

    type, state_only = "AWS::Logs::MetricFilter", True
    creates, updates, deletes = "PutMetricFilter", "PutMetricFilter", "DeleteMetricFilter"

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new filter in the old one's place; moto would keep both."""
        if changed(before, after):
            self.delete(context, made)
            self.create(context, {"FilterName": made.ref, **after})
        return made

    def translate(self, properties: Properties) -> Properties:
        """Write dimensions as the map that the API takes."""
        given = properties.get("MetricTransformations", [])
        return super().translate(properties | {"MetricTransformations": [_transformation(each) for each in given]})


def _transformation(properties: Properties) -> Properties:
    if "Dimensions" not in properties:
        return properties
    return properties | {"Dimensions": {each["Key"]: each["Value"] for each in properties["Dimensions"]}}


@provides
class SubscriptionFilter(_Filter):
    """A subscription of a stream, a function or a bucket to a log group."""

    type = "AWS::Logs::SubscriptionFilter"
    creates, updates, deletes = "PutSubscriptionFilter", "PutSubscriptionFilter", "DeleteSubscriptionFilter"


@provides
class ResourcePolicy(Simple):
    """A policy that lets services write logs."""

    type, service, name_property = "AWS::Logs::ResourcePolicy", "logs", "PolicyName"
    creates, updates, deletes = "PutResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy"
    delete_member = "policyName"
