"""SNS topics and their policies."""

from __future__ import annotations

import json

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging, spelled

_ATTRIBUTES = ("ContentBasedDeduplication", "DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_TAGS = Tagging("ResourceArn")


@provides
class Topic(Provider):
    """A topic with its subscriptions."""

    type = "AWS::SNS::Topic"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the topic, then subscribe."""
        known(properties, "FifoTopic", "Subscription", "Tags", "TopicName", *_ATTRIBUTES)
        sns, name = context.client("sns"), properties.get("TopicName") or context.name(256)
        attributes = {k: text(v) for k, v in properties.items() if k in ("FifoTopic", *_ATTRIBUTES)}
        arn = sns.create_topic(Name=name, Attributes=attributes, Tags=spelled(properties.get("Tags")))["TopicArn"]
        made = Made(arn, {"TopicArn": arn, "TopicName": name})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._subscribe(context, made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change attributes, subscriptions and tags."""
        updatable(before, after, "Subscription", "Tags", *_ATTRIBUTES)
        sns = context.client("sns")
        for name in [name for name in changed(before, after) if name in _ATTRIBUTES]:
            sns.set_topic_attributes(TopicArn=made.ref, AttributeName=name, AttributeValue=text(after.get(name, "")))
        self._subscribe(context, made, before, after)
        _TAGS.update(sns, made.ref, before, after)
        return made

    def _subscribe(self, context: Context, made: Made, before: Properties, after: Properties) -> None:
        sns = context.client("sns")
        old, new = ({(s["Protocol"], s["Endpoint"]) for s in side.get("Subscription", [])} for side in (before, after))
        for protocol, endpoint in sorted(new - old):
            call(sns, "Subscribe", {"TopicArn": made.ref, "Protocol": protocol, "Endpoint": endpoint})
        if old - new:
            for found in sns.list_subscriptions_by_topic(TopicArn=made.ref)["Subscriptions"]:
                if (found["Protocol"], found["Endpoint"]) in old - new:
                    sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])

    def delete(self, context: Context, made: Made) -> None:
        """Delete the topic with its subscriptions."""
        context.client("sns").delete_topic(TopicArn=made.ref)


@provides
class TopicPolicy(Provider):
    """The policy of one or more topics; the topics' owner keeps its rights when it goes."""

    type = "AWS::SNS::TopicPolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy on each topic."""
        known(properties, "PolicyDocument", "Topics")
        for topic in properties["Topics"]:
            self._put(context, topic, properties["PolicyDocument"])
        return Made(context.name(128), {"_topics": properties["Topics"]})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the policy anew, and take it from topics that are no longer named."""
        for topic in after["Topics"]:
            self._put(context, topic, after["PolicyDocument"])
        self.delete(context, Made(made.ref, {"_topics": sorted(set(before["Topics"]) - set(after["Topics"]))}))
        return Made(made.ref, {"_topics": after["Topics"]})

    def _put(self, context: Context, topic: str, document: Properties) -> None:
        context.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(document)
        )

    def delete(self, context: Context, made: Made) -> None:
        """Give each topic the policy of a new one back: all that SNS has is its owner's."""
        actions = ["Publish", "Subscribe", "GetTopicAttributes", "SetTopicAttributes", "DeleteTopic"]
        for topic in made.attributes["_topics"]:
            owner = {"StringEquals": {"AWS:SourceOwner": topic.split(":")[4]}}
            statement = {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},  # as SNS writes it: the condition says whose
                "Action": [f"SNS:{action}" for action in actions],
                "Resource": topic,
                "Condition": owner,
            }
            self._put(context, topic, {"Version": "2008-10-17", "Statement": [statement]})
