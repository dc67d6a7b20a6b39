"""SNS topics' and S3 buckets' notifications for functions. Both are moto's; what they would send comes here.

https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html
"""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox import moto_config, moto_seam
from smproject.sandbox.functions.invocations import Invocations
from smproject.sandbox.moto_seam import Notification
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_SPELLED = {"SigningCertURL": "SigningCertUrl", "UnsubscribeURL": "UnsubscribeUrl"}


class Notifications:
    """Invokes the functions that topics and buckets notify, as far as their policies let SNS and S3 in."""

    def __init__(self, world: World, invocations: Invocations) -> None:
        self._world, self._invocations = world, invocations
        moto_seam.notify_functions(self._accept)
        moto_seam.tell_functions(self._tell)
        moto_config.check_functions(self._check_rule)

    def _check_rule(self, function: str, account: str, region: str) -> None:
        """Raise ServiceError unless AWS Config may invoke the function of a rule."""
        self._invocations.open_to(function, "config.amazonaws.com", f"arn:aws:config:{region}:{account}:config-rule/")

    def _tell(self, function: str, event: dict[str, Any]) -> None:
        self._world.background(f"notify {function}", lambda: self._tell_now(function, event))

    def _tell_now(self, function: str, event: dict[str, Any]) -> None:
        bucket = event["Records"][0]["s3"]["bucket"]["arn"]
        try:
            self._invocations.for_service(function, "s3.amazonaws.com", bucket, json.dumps(event).encode())
        except (ServiceError, ValueError) as error:
            LOG.warning("%s could not notify %s: %s", bucket, function, error)

    def _accept(self, notification: Notification) -> None:
        self._world.background(f"notify {notification.function}", lambda: self._deliver(notification))

    def _deliver(self, notification: Notification) -> None:
        payload = json.dumps(_event(notification)).encode()
        try:
            self._invocations.for_service(notification.function, "sns.amazonaws.com", notification.topic, payload)
        except (ServiceError, ValueError) as error:
            LOG.warning("%s could not notify %s: %s", notification.topic, notification.function, error)
            if notification.dead_letters:
                self._dead_letter(notification)

    def _dead_letter(self, notification: Notification) -> None:
        _, _, _, region, account, name = notification.dead_letters.split(":")
        sqs = self._world.client("sqs", self._world.service_credentials(account), region)
        try:
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(notification.fields))
        except (ClientError, BotoCoreError) as error:
            LOG.warning("The dead-letter queue %s failed: %s", notification.dead_letters, error)


def _event(notification: Notification) -> dict[str, Any]:
    fields = {_SPELLED.get(name, name): value for name, value in notification.fields.items()}
    sns = {"Subject": None, "MessageAttributes": {}} | fields
    source = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": notification.subscription}
    return {"Records": [source | {"Sns": sns}]}
