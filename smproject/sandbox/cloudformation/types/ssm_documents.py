"""Documents of Systems Manager: kept and described; nothing carries them out here."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.api import call, known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Simple, document
from smproject.sandbox.cloudformation.tags import Tagging

_METHOD, _NEW_VERSION = "UpdateMethod", "NewVersion"
_VERSIONED = ("Content", "DocumentFormat", "TargetType", "VersionName")
_TAGS = Tagging("ResourceId", "AddTagsToResource", "RemoveTagsFromResource", more={"ResourceType": "Document"})


@provides
class Document(Simple):
    """A document; a change of its content makes a new one, or under UpdateMethod NewVersion a new version."""

    type, service, state_only, name_property = "AWS::SSM::Document", "ssm", True, "Name"
    creates, deletes, delete_member, tagging = "CreateDocument", "DeleteDocument", "Name", _TAGS
    documents: ClassVar[tuple[str, ...]] = ("Content",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the document."""
        known(properties, "Name", "DocumentType", "Tags", _METHOD, *_VERSIONED)
        given = {"DocumentType": "Command"} | {name: item for name, item in properties.items() if name != _METHOD}
        return super().create(context, given)

    def replacing(self, policy: Properties, before: Properties, after: Properties) -> list[str]:
        """Return the changed properties that take a new document."""
        found = super().replacing(policy, before, after)
        versioned = after.get(_METHOD) == _NEW_VERSION
        return [name for name in found if not (versioned and name in _VERSIONED)]

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Make a new version, which becomes the default; change tags."""
        client = context.client("ssm")
        if set(changed(before, after)) & set(_VERSIONED):
            content = {name: document(after[name]) for name in _VERSIONED if name in after}
            version = _version(client, made.ref, content)
            call(client, "UpdateDocumentDefaultVersion", {"Name": made.ref, "DocumentVersion": version})
        _TAGS.update(client, made.ref, before, after)
        return made

    def made(self, sent: Properties, answer: Properties) -> Made:
        """`Ref` is the name."""
        return Made(sent["Name"])


def _version(client: Any, name: str, content: Properties) -> str:
    """Make a version of a content and return its number; an older one's that has the content already."""
    try:
        answer = call(client, "UpdateDocument", {"Name": name, "DocumentVersion": "$LATEST", **content})
    except ClientError as error:
        if error.response["Error"]["Code"] != "DuplicateDocumentContent":
            raise
        return _older(client, name, content["Content"])
    return str(answer["DocumentDescription"]["DocumentVersion"])


def _older(client: Any, name: str, content: str) -> str:
    latest = int(client.describe_document(Name=name)["Document"]["LatestVersion"])
    versions = map(str, range(1, latest + 1))
    return next(each for each in versions if _content(client, name, each) == json.loads(content))


def _content(client: Any, name: str, version: str) -> Any:
    return json.loads(client.get_document(Name=name, DocumentVersion=version)["Content"])
