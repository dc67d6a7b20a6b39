"""Delivery streams of Firehose."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Simple
from smproject.sandbox.cloudformation.tags import Tagging

_BUCKETS = {  # by property: the member of UpdateDestination
    "ExtendedS3DestinationConfiguration": "ExtendedS3DestinationUpdate",
    "S3DestinationConfiguration": "S3DestinationUpdate",
}
_KEY = "DeliveryStreamEncryptionConfigurationInput"
_TAGS = Tagging("DeliveryStreamName", "TagDeliveryStream", "UntagDeliveryStream")


@provides
class DeliveryStream(Simple):
    """A stream to a bucket, in which the records lie as they were put: nothing transforms or converts them here."""

    type, service, state_only = "AWS::KinesisFirehose::DeliveryStream", "firehose", True
    creates, deletes, delete_member = "CreateDeliveryStream", "DeleteDeliveryStream", "DeliveryStreamName"
    name_property, name_limit, arn_path, tagging = "DeliveryStreamName", 64, "deliverystream/{}", _TAGS

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the stream; one to something else than a bucket is refused."""
        source = "KinesisStreamSourceConfiguration"
        known(properties, "DeliveryStreamName", "DeliveryStreamType", source, "Tags", _KEY, *_BUCKETS)
        return super().create(context, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the destination, the encryption and the tags."""
        updatable(before, after, "Tags", _KEY, *_BUCKETS)
        client, differ = context.client("firehose"), changed(before, after)
        for name in (each for each in differ if each in _BUCKETS):
            if name not in before or name not in after:
                updatable(before, after, "Tags", _KEY)
            _redirect(client, made.ref, _BUCKETS[name], after[name])
        if _KEY in differ:
            verb = "Start" if _KEY in after else "Stop"
            given = {_KEY: after[_KEY]} if _KEY in after else {}
            call(client, f"{verb}DeliveryStreamEncryption", {"DeliveryStreamName": made.ref, **given})
        _TAGS.update(client, made.ref, before, after)
        return made

    def arn(self, made: Made) -> str:
        """Return the name, which the tagging calls take."""
        return made.ref

    def made(self, sent: Properties, answer: Properties) -> Made:
        """`Ref` is the name."""
        return Made(sent["DeliveryStreamName"])


def _redirect(client: Any, name: str, member: str, wanted: Properties) -> None:
    told = client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    version, destination = told["VersionId"], told["Destinations"][0]["DestinationId"]
    named = {"DeliveryStreamName": name, "CurrentDeliveryStreamVersionId": version, "DestinationId": destination}
    call(client, "UpdateDestination", {**named, member: wanted})
