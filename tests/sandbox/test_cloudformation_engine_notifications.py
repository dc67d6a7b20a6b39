"""Stack events told to SNS topics."""

from __future__ import annotations

import json
import uuid

import pytest
from harness import Sandbox, eventually
from stacks import FOLLOWED, Stacks


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


def told(sandbox: Sandbox, queue: str) -> list[dict[str, str]]:
    """Return what a queue that subscribes to the topic holds, each message as names and values."""
    found = sandbox.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    bodies = [json.loads(message["Body"]) for message in found]
    assert all(body["Subject"] == "AWS CloudFormation Notification" for body in bodies)
    lines = [[line.split("=", 1) for line in body["Message"].splitlines()] for body in bodies]
    return [{key: value.strip("'") for key, value in each} for each in lines]


def test_each_event_is_published_to_the_topics(stacks: Stacks, sandbox: Sandbox) -> None:
    name = f"notified-{uuid.uuid4().hex[:8]}"
    sns, sqs = sandbox.client("sns"), sandbox.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    made = stacks.create(FOLLOWED, {"Name": name}, StackName=name, NotificationARNs=[topic])
    assert made["NotificationARNs"] == [topic]
    received: list[dict[str, str]] = []

    def all_told() -> bool:
        received.extend(told(sandbox, queue))
        return len(received) >= len(stacks.events(name))

    eventually(all_told)
    seen = [(message["LogicalResourceId"], message["ResourceStatus"]) for message in received]
    assert sorted(seen) == sorted((who, status) for who, status, _ in stacks.events(name))
    first = next(message for message in received if message["LogicalResourceId"] == "First")
    assert (first["StackId"], first["ResourceType"]) == (made["StackId"], "AWS::SSM::Parameter")
