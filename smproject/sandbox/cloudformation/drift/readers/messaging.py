"""What SNS, SQS and EventBridge tell of topics, queues and rules."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.drift.reader import READERS, Item, Reader, member, tags
from smproject.sandbox.cloudformation.provider import Made

_QUEUE = (
    "ContentBasedDeduplication",
    "DelaySeconds",
    "FifoQueue",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
_TOPIC = ("ContentBasedDeduplication", "DisplayName", "FifoTopic", "KmsMasterKeyId", "SignatureVersion")
_RULE = ("Description", "EventBusName", "Name", "RoleArn", "ScheduleExpression", "State")


def _name(client: Any, made: Made, found: Item) -> Any:
    return (found.get("TopicArn") or found["QueueArn"]).rpartition(":")[2]


def _subscriptions(client: Any, made: Made, found: Item) -> Any:
    listed = client.list_subscriptions_by_topic(TopicArn=made.ref)["Subscriptions"]
    return [{"Protocol": each["Protocol"], "Endpoint": each["Endpoint"]} for each in listed]


def _topic(client: Any, made: Made) -> Item:
    return dict(client.get_topic_attributes(TopicArn=made.ref)["Attributes"])


def _queue(client: Any, made: Made) -> Item:
    return dict(client.get_queue_attributes(QueueUrl=made.ref, AttributeNames=["All"])["Attributes"])


def _rule(client: Any, made: Made) -> Item:
    bus = {"EventBusName": made.ref.rpartition("|")[0]} if "|" in made.ref else {}
    return dict(client.describe_rule(Name=made.ref.rpartition("|")[2], **bus))


def _pattern(client: Any, made: Made, found: Item) -> Any:
    return json.loads(found["EventPattern"]) if found.get("EventPattern") else None


def _targets(client: Any, made: Made, found: Item) -> Any:
    return client.list_targets_by_rule(Rule=found["Name"], EventBusName=found.get("EventBusName", "default"))["Targets"]


READERS["AWS::SNS::Topic"] = Reader(
    "sns",
    _topic,
    {name: member(name) for name in _TOPIC}
    | {
        "Subscription": _subscriptions,
        "Tags": lambda client, made, found: tags(client.list_tags_for_resource(ResourceArn=made.ref)["Tags"]),
        "TopicName": _name,
    },
)
READERS["AWS::SQS::Queue"] = Reader(
    "sqs",
    _queue,
    {name: member(name) for name in _QUEUE}
    | {
        "QueueName": _name,
        "Tags": lambda client, made, found: tags(client.list_queue_tags(QueueUrl=made.ref).get("Tags")),
    },
)
READERS["AWS::Events::Rule"] = Reader(
    "events",
    _rule,
    {name: member(name) for name in _RULE}
    | {
        "EventPattern": _pattern,
        "Tags": lambda client, made, found: tags(client.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]),
        "Targets": _targets,
    },
)
