"""Volumes of EC2: kept and described, and snapshots are taken of them; nothing is stored on one."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import known
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.types.ec2 import Ec2

_KEPT = ("Encrypted", "Iops", "KmsKeyId", "MultiAttachEnabled", "Size", "SnapshotId", "Throughput", "VolumeType")
_AT_ONCE = "AutoEnableIO"  # which is about volumes with damaged data: there are none


@provides
class Volume(Ec2):
    """A volume; size, type and speed change in place."""

    type, tagged_as, patches = "AWS::EC2::Volume", "volume", True
    creates, updates, deletes, delete_member = "CreateVolume", "ModifyVolume", "DeleteVolume", "VolumeId"
    update_keys = ("VolumeId",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the volume."""
        known(properties, "AvailabilityZone", "Tags", _AT_ONCE, *_KEPT)
        return super().create(context, properties)

    def translate(self, properties: Properties) -> Properties:
        """Leave out what CloudFormation sets with a call of its own."""
        return super().translate({name: item for name, item in properties.items() if name != _AT_ONCE})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        name = answer["VolumeId"]
        return Made(name, {"VolumeId": name})

    def snapshot(self, context: Context, made: Made) -> None:
        """Take a snapshot, described by its generated name."""
        context.client("ec2").create_snapshot(VolumeId=made.ref, Description=context.snapshot_name(255))
