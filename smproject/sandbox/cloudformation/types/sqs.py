"""SQS queues and their policies."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import call, known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple, document
from smproject.sandbox.cloudformation.tags import Tagging

# What SQS takes for an attribute that a template no longer sets.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


@provides
class Queue(Simple):
    """A queue with its attributes; `Ref` is its URL."""

    type, service, ref = "AWS::SQS::Queue", "sqs", "QueueUrl"
    creates, deletes, delete_member, reads = "CreateQueue", "DeleteQueue", "QueueUrl", "GetQueueAttributes"
    tagging = Tagging("QueueUrl", "TagQueue", "UntagQueue", spelling=None)

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the queue, under a name that says when it is first in, first out."""
        fifo = text(properties.get("FifoQueue", False)).lower() == "true"
        name = f"{context.name(75)}.fifo" if fifo else context.name(80)
        return super().create(context, {"QueueName": name} | properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Set the attributes that differ, then the tags."""
        sqs, names = context.client("sqs"), [name for name in changed(before, after) if name in _DEFAULTS]
        if names:
            put = {name: document(after[name]) if name in after else _DEFAULTS[name] for name in names}
            # moto forgets the policy with every attribute that is set.
            policy = sqs.get_queue_attributes(QueueUrl=made.ref, AttributeNames=["Policy"]).get("Attributes", {})
            call(sqs, "SetQueueAttributes", {"QueueUrl": made.ref, "Attributes": policy | put})
        self.tagging.update(sqs, made.ref, before, after)
        return self._read(sqs, made)

    def translate(self, properties: Properties) -> Properties:
        """Gather the attributes."""
        known(properties, "QueueName", "Tags", "FifoQueue", *_DEFAULTS)
        attributes = {
            name: text(item) if not isinstance(item, dict) else json.dumps(item)
            for name, item in properties.items()
            if name not in ("QueueName", "Tags")
        }
        rest = {name: item for name, item in properties.items() if name in ("QueueName", "Tags")}
        return super().translate(rest) | {"Attributes": attributes}

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return the attributes, of which the API tells all but the name and URL in one map."""
        told = answer.get("Attributes", {})
        arn = {"Arn": told["QueueArn"], "QueueName": told["QueueArn"].split(":")[-1]} if "QueueArn" in told else {}
        redrive = {f"RedrivePolicy.{key}": item for key, item in json.loads(told.get("RedrivePolicy") or "{}").items()}
        return super().found({}, answer | told) | redrive | arn

    def _read(self, client: Any, made: Made) -> Made:
        answer = client.get_queue_attributes(QueueUrl=made.ref, AttributeNames=["All"])
        return Made(made.ref, {"QueueUrl": made.ref} | self.found({}, answer))

    def arn(self, made: Made) -> str:
        """Return the URL, which the tagging calls take."""
        return made.ref


@provides
class QueuePolicy(Provider):
    """The policy of one or more queues."""

    type = "AWS::SQS::QueuePolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy on each queue."""
        name = context.name(128)
        made = Made(name, {"Id": name, "_queues": []})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._put(context, made, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the policy anew, and take it from queues that are no longer named."""
        now = Made(made.ref, made.attributes | {"_queues": []})
        self._put(context, now, after)
        gone = sorted(set(before["Queues"]) - set(after["Queues"]))
        self.delete(context, Made(made.ref, made.attributes | {"_queues": gone}))
        return now

    def _put(self, context: Context, made: Made, properties: Properties) -> None:
        for queue in properties["Queues"]:
            attributes = {"Policy": document(properties["PolicyDocument"])}
            context.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=attributes)
            made.attributes["_queues"].append(queue)

    def delete(self, context: Context, made: Made) -> None:
        """Take the policy from each queue; a queue that is gone has none."""
        sqs = context.client("sqs")
        for queue in made.attributes["_queues"]:
            try:
                sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": ""})
            except sqs.exceptions.QueueDoesNotExist:
                continue
