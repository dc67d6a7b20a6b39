"""Directories: kept and described, but no domain controller runs here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging


class _Directory(Kept):
    """A directory."""

    service, ref, deletes, delete_member = "ds", "DirectoryId", "DeleteDirectory", "DirectoryId"
    reads, read_member, at = "DescribeDirectories", "DirectoryIds[]", "DirectoryDescriptions[0]"
    state, done, gone = "Stage", ("Active",), ("Deleted",)
    tagging: ClassVar[Tagging | None] = Tagging("ResourceId", "AddTagsToResource", "RemoveTagsFromResource")
    untold: ClassVar[tuple[str, ...]] = ("Password", "Tags")
    tells: ClassVar[dict[str, str]] = {"DirectoryId": "DirectoryId", "Alias": "Alias", "DnsIpAddresses": "DnsIpAddrs"}

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the directory, then its alias and single sign-on, where they are asked for."""
        made = super().create(context, _of_creation(properties))
        client = context.client("ds")
        with undone_on_failure(lambda: self.delete(context, made)):
            if _is(properties, "CreateAlias"):
                call(client, "CreateAlias", {"DirectoryId": made.ref, "Alias": context.name(62, lower=True)})
            if _is(properties, "EnableSso"):
                call(client, "EnableSso", {"DirectoryId": made.ref})
        return self._read(client, made)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Turn single sign-on on or off, and change the tags."""
        updatable(before, after, "EnableSso", "Tags")
        if "EnableSso" in changed(before, after):
            operation = "EnableSso" if _is(after, "EnableSso") else "DisableSso"
            call(context.client("ds"), operation, {"DirectoryId": made.ref})
        return super().update(context, made, _of_creation(before), _of_creation(after))

    def arn(self, made: Made) -> str:
        """Return the id, which the tagging calls take."""
        return made.ref


def _of_creation(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name not in ("CreateAlias", "EnableSso")}


def _is(properties: Properties, name: str) -> bool:
    return text(properties.get(name, False)) == "true"


@provides
class MicrosoftAD(_Directory):
    """A directory of AWS Managed Microsoft AD, which answers nobody."""

    type, creates = "AWS::DirectoryService::MicrosoftAD", "CreateMicrosoftAD"


@provides
class SimpleAD(_Directory):
    """A Simple AD directory, which answers nobody."""

    type, creates = "AWS::DirectoryService::SimpleAD", "CreateDirectory"
