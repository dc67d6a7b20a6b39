"""KMS keys and aliases."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import document
from smproject.sandbox.cloudformation.tags import Tagging, spelled

_TAGS = Tagging("KeyId", spelling=("TagKey", "TagValue"))
_SETTINGS = {
    "Description": Setting("UpdateKeyDescription", lambda text: {"Description": text}, default=""),
    "KeyPolicy": Setting("PutKeyPolicy", lambda policy: {"PolicyName": "default", "Policy": document(policy)}),
}


@provides
class Key(Provider):
    """A customer managed key. KeyUsage and KeySpec never change: AWS refuses that too, lest the key be lost."""

    type = "AWS::KMS::Key"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the key with its policy and rotation."""
        rest = ("Enabled", "EnableKeyRotation", "PendingWindowInDays", "Tags")
        known(properties, "KeyUsage", "KeySpec", "MultiRegion", "Origin", *_SETTINGS, *rest)
        kms, plain = context.client("kms"), {k: v for k, v in properties.items() if k not in ("KeyPolicy", *rest)}
        policy = {"Policy": document(properties["KeyPolicy"])} if "KeyPolicy" in properties else {}
        tags = {"Tags": spelled(properties.get("Tags"), "TagKey", "TagValue")}
        key = call(kms, "CreateKey", plain | policy | tags)["KeyMetadata"]
        attributes = {"Arn": key["Arn"], "KeyId": key["KeyId"], "_window": properties.get("PendingWindowInDays", 30)}
        made = Made(key["KeyId"], attributes)
        with undone_on_failure(lambda: self.delete(context, made)):
            _rotate(kms, made.ref, {}, properties)
            _enable(kms, made.ref, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change policy, description, rotation and tags."""
        updatable(before, after, "Enabled", "EnableKeyRotation", "PendingWindowInDays", "Tags", *_SETTINGS)
        kms = context.client("kms")
        settle(kms, {"KeyId": made.ref}, _SETTINGS, before, after)
        _rotate(kms, made.ref, before, after)
        _enable(kms, made.ref, before, after)
        _TAGS.update(kms, made.ref, before, after)
        return Made(made.ref, made.attributes | {"_window": after.get("PendingWindowInDays", 30)})

    def delete(self, context: Context, made: Made) -> None:
        """Schedule the key's deletion, as CloudFormation does."""
        call(
            context.client("kms"),
            "ScheduleKeyDeletion",
            {"KeyId": made.ref, "PendingWindowInDays": made.attributes["_window"]},
        )


def _rotate(kms: Any, key: str, before: Properties, after: Properties) -> None:
    had, wanted = (_is_set(side, "EnableKeyRotation", False) for side in (before, after))
    if had != wanted:
        call(kms, "EnableKeyRotation" if wanted else "DisableKeyRotation", {"KeyId": key})


def _enable(kms: Any, key: str, before: Properties, after: Properties) -> None:
    had, wanted = (_is_set(side, "Enabled", True) for side in (before, after))
    if had != wanted:
        call(kms, "EnableKey" if wanted else "DisableKey", {"KeyId": key})


def _is_set(properties: Properties, name: str, default: bool) -> bool:
    return str(properties.get(name, default)).lower() == "true"


@provides
class Alias(Provider):
    """A key's alias."""

    type = "AWS::KMS::Alias"

    def create(self, context: Context, properties: Properties) -> Made:
        """Name the key."""
        known(properties, "AliasName", "TargetKeyId")
        context.client("kms").create_alias(AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"])
        return Made(properties["AliasName"])

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Let the name stand for another key."""
        updatable(before, after, "TargetKeyId")
        context.client("kms").update_alias(AliasName=made.ref, TargetKeyId=after["TargetKeyId"])
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Remove the name."""
        context.client("kms").delete_alias(AliasName=made.ref)
