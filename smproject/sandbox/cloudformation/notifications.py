"""Stack events published to the SNS topics that a stack names, with the stack's credentials.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stack.html (Notification options)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.cloudformation.stacks import Stack
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_SUBJECT = "AWS CloudFormation Notification"
_LOOK_SECONDS = 0.2


def published(world: World, stack: Stack, work: Callable[[], None]) -> None:
    """Do work on a stack, and publish its events while they arise."""
    if not stack.notification_arns:
        work()
        return
    ended = threading.Event()
    world.background(f"notify of {stack.name}", lambda: _follow(world, stack, ended))
    try:
        work()
    finally:
        ended.set()


def _follow(world: World, stack: Stack, ended: threading.Event) -> None:
    while not ended.wait(_LOOK_SECONDS):
        _publish(world, stack)
    _publish(world, stack)


def _publish(world: World, stack: Stack) -> None:
    for event in stack.events[stack.published :]:
        stack.published += 1
        for topic in stack.notification_arns:
            client = world.client("sns", stack.owner.credentials, topic.split(":")[3])
            try:
                client.publish(TopicArn=topic, Subject=_SUBJECT, Message=message(stack, event))
            except (ClientError, BotoCoreError) as error:
                LOG.warning("stack %s: %s was not told of an event: %s", stack.name, topic, error)


def message(stack: Stack, event: dict[str, Any]) -> str:
    """Return an event as CloudFormation tells it: a line a member, values in single quotes."""
    told = {
        "StackId": stack.id,
        "Timestamp": f"{event['Timestamp']:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "EventId": event["EventId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Namespace": stack.owner.account,
        "PhysicalResourceId": event["PhysicalResourceId"],
        "PrincipalId": stack.owner.arn,
        "ResourceProperties": event.get("ResourceProperties", "null"),
        "ResourceStatus": event["ResourceStatus"],
        "ResourceStatusReason": event.get("ResourceStatusReason", ""),
        "ResourceType": event["ResourceType"],
        "StackName": stack.name,
        "ClientRequestToken": event.get("ClientRequestToken", "null"),
    }
    return "".join(f"{name}='{value}'\n" for name, value in told.items())
