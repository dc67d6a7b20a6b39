"""SNS subscriptions that are resources of their own."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.simple import document

# What SNS takes for an attribute that a template no longer sets.
_ATTRIBUTES = {
    "DeliveryPolicy": "",
    "FilterPolicy": "",
    "FilterPolicyScope": "MessageAttributes",
    "RawMessageDelivery": "false",
    "RedrivePolicy": "",
    "SubscriptionRoleArn": "",
}


@provides
class Subscription(Provider):
    """A subscription; `Region` is the topic's, where that isn't the stack's."""

    type = "AWS::SNS::Subscription"

    def create(self, context: Context, properties: Properties) -> Made:
        """Subscribe the endpoint with its attributes."""
        known(properties, "Endpoint", "Protocol", "Region", "TopicArn", *_ATTRIBUTES)
        attributes = {name: _written(properties[name]) for name in _ATTRIBUTES if name in properties}
        request = {name: properties[name] for name in ("TopicArn", "Protocol", "Endpoint") if name in properties}
        region = properties.get("Region", context.caller.region)
        wanted = request | {"Attributes": attributes, "ReturnSubscriptionArn": True}
        arn = call(_sns(context, region), "Subscribe", wanted)["SubscriptionArn"]
        return Made(arn, {"Arn": arn, "_region": region})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Set the attributes that differ."""
        sns = _sns(context, made.attributes["_region"])
        for name in changed(before, after):
            value = _written(after[name]) if name in after else _ATTRIBUTES[name]
            sns.set_subscription_attributes(SubscriptionArn=made.ref, AttributeName=name, AttributeValue=value)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Unsubscribe."""
        _sns(context, made.attributes["_region"]).unsubscribe(SubscriptionArn=made.ref)


def _sns(context: Context, region: str) -> Any:
    return context.world.client("sns", context.caller.credentials, region)


def _written(value: Any) -> str:
    return document(value) if isinstance(value, dict) else text(value)
