"""How an event reaches each kind of target that the sandbox delivers to."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.functions.service import functions_of
from smproject.sandbox.world import World


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target: `client` acts with the target's role, `text` is what the target receives.

    `rule` is the ARN of the rule on whose behalf it goes.
    """

    client: Any
    target: dict[str, Any]
    text: str
    event: dict[str, Any]
    world: World
    rule: str

    @property
    def resource(self) -> str:
        """The target's name: the last part of its ARN."""
        return str(self.target["Arn"].split(":", 5)[5])

    @property
    def is_shaped(self) -> bool:
        """Whether the rule says what the target receives."""
        return bool({"Input", "InputPath", "InputTransformer"} & self.target.keys())


def _codepipeline(delivery: Delivery) -> None:
    """Start a pipeline; a shaped input may hold `variables` and `sourceRevisions`."""
    given = json.loads(delivery.text) if delivery.is_shaped else {}
    chosen = {name: given[name] for name in ("variables", "sourceRevisions") if name in given}
    delivery.client.start_pipeline_execution(name=delivery.resource, **chosen)


def _codebuild(delivery: Delivery) -> None:
    """Start a build; a shaped input holds overrides of StartBuild."""
    given = json.loads(delivery.text) if delivery.is_shaped else {}
    delivery.client.start_build(**{**given, "projectName": delivery.resource.partition("/")[2]})


def _sagemaker(delivery: Delivery) -> None:
    """Start a SageMaker pipeline."""
    parameters = delivery.target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
    name = delivery.resource.partition("/")[2]
    token = str(uuid.uuid4())
    delivery.client.start_pipeline_execution(PipelineName=name, PipelineParameters=parameters, ClientRequestToken=token)


def queue_url(world: World, arn: str) -> str:
    """Return the URL of a queue, for which who sends to it needs no permission."""
    _, _, _, region, account, name = arn.split(":")
    sqs = world.client("sqs", world.service_credentials(account), region)
    return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _sqs(delivery: Delivery) -> None:
    url = queue_url(delivery.world, delivery.target["Arn"])
    group = delivery.target.get("SqsParameters", {}).get("MessageGroupId")
    fifo = {"MessageGroupId": group, "MessageDeduplicationId": delivery.event["id"]} if group else {}
    delivery.client.send_message(QueueUrl=url, MessageBody=delivery.text, **fifo)


def _sns(delivery: Delivery) -> None:
    delivery.client.publish(TopicArn=delivery.target["Arn"], Message=delivery.text)


def _lambda(delivery: Delivery) -> None:
    """Queue an event for a function, with the target's role, or as the function's policy lets the rule do."""
    arn, payload = delivery.target["Arn"], delivery.text.encode()
    if "RoleArn" in delivery.target:
        delivery.client.invoke(FunctionName=arn, InvocationType="Event", Payload=payload)
    else:
        functions_of(delivery.world).invocations.for_service(arn, "events.amazonaws.com", delivery.rule, payload)


def _logs(delivery: Delivery) -> None:
    """Write to a stream of its own, as EventBridge does."""
    group, stream = delivery.resource.split(":")[1], delivery.event["id"]
    try:
        delivery.client.create_log_stream(logGroupName=group, logStreamName=stream)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":  # two rules log the same event
            raise
    entry = {"timestamp": int(time.time() * 1000), "message": delivery.text}
    delivery.client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[entry])


SENDERS: dict[str, Callable[[Delivery], None]] = {
    "codepipeline": _codepipeline,
    "codebuild": _codebuild,
    "sagemaker": _sagemaker,
    "sqs": _sqs,
    "sns": _sns,
    "logs": _logs,
    "lambda": _lambda,
}
ACTED_BY_MOTO = {"sqs", "sns", "logs"}  # moto answers for the others too, but nothing would happen
