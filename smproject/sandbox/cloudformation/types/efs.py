"""Elastic file systems: kept and described; nothing can be mounted here."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import Setting, known
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple, document
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("ResourceId")
_KEPT = ("AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode", "ThroughputMode", "BackupPolicy")


_FILE_SYSTEM = {
    "FileSystemPolicy": Setting("PutFileSystemPolicy", lambda policy: {"Policy": document(policy)}),
    "LifecyclePolicies": Setting(
        "PutLifecycleConfiguration", lambda policies: {"LifecyclePolicies": policies}, default=[]
    ),
}
_MOUNT_TARGET = {
    "SecurityGroups": Setting("ModifyMountTargetSecurityGroups", lambda groups: {"SecurityGroups": groups})
}


class _Tagged(Simple):
    """A resource whose tags have a name of their own."""

    service, state_only, tagging = "efs", True, _TAGS
    tags_property = ""

    def create(self, context: Context, properties: Properties) -> Made:
        """Create it with its tags."""
        return super().create(context, self._renamed(properties))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change its settings and tags."""
        return super().update(context, made, self._renamed(before), self._renamed(after))

    def arn(self, made: Made) -> str:
        """Return the id, which the tagging calls take."""
        return made.ref

    def _renamed(self, properties: Properties) -> Properties:
        return {"Tags" if name == self.tags_property else name: item for name, item in properties.items()}


@provides
class FileSystem(_Tagged):
    """A file system, which holds no files."""

    type, tags_property, ref = "AWS::EFS::FileSystem", "FileSystemTags", "FileSystemId"
    creates, deletes, delete_member = "CreateFileSystem", "DeleteFileSystem", "FileSystemId"
    settings = _FILE_SYSTEM

    def translate(self, properties: Properties) -> Properties:
        """Say whether there are backups as the creation does."""
        known(properties, "Tags", *_KEPT)
        rest = {name: item for name, item in properties.items() if name != "BackupPolicy"}
        backup = properties.get("BackupPolicy", {}).get("Status") == "ENABLED"
        return super().translate(rest) | ({"Backup": True} if backup else {})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        told = {"Arn": answer["FileSystemArn"], "FileSystemId": answer["FileSystemId"]}
        return Made(answer["FileSystemId"], told)


@provides
class MountTarget(Simple):
    """A network address of a file system."""

    type, service, state_only, ref = "AWS::EFS::MountTarget", "efs", True, "MountTargetId"
    creates, deletes, delete_member = "CreateMountTarget", "DeleteMountTarget", "MountTargetId"
    settings = _MOUNT_TARGET

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        return Made(answer["MountTargetId"], {"Id": answer["MountTargetId"], "IpAddress": text(answer["IpAddress"])})


@provides
class AccessPoint(_Tagged):
    """An application's entry to a file system."""

    type, tags_property, ref = "AWS::EFS::AccessPoint", "AccessPointTags", "AccessPointId"
    creates, deletes, delete_member = "CreateAccessPoint", "DeleteAccessPoint", "AccessPointId"

    def translate(self, properties: Properties) -> Properties:
        """Give the request the token that the API wants."""
        return {"ClientToken": "cloudformation"} | super().translate(properties)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        told = {"Arn": answer["AccessPointArn"], "AccessPointId": answer["AccessPointId"]}
        return Made(answer["AccessPointId"], told)
