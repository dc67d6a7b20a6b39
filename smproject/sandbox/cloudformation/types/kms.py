"""KMS keys and aliases."""

from __future__ import annotations

import json

from smproject.sandbox.cloudformation.provider import (
    Context,
    Made,
    Properties,
    Provider,
    known,
    provides,
    undone_on_failure,
)


@provides
class Key(Provider):
    """A customer managed key."""

    type = "AWS::KMS::Key"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the key with its policy and rotation."""
        known(
            properties,
            "Description",
            "KeyPolicy",
            "EnableKeyRotation",
            "PendingWindowInDays",
            "Tags",
            "KeyUsage",
            "KeySpec",
        )
        kms = context.client("kms")
        tags = context.tag_list(properties.get("Tags"), "TagKey", "TagValue")
        policy = json.dumps(properties["KeyPolicy"])
        optional = {k: properties[k] for k in ("KeyUsage", "KeySpec") if k in properties}
        key = kms.create_key(Policy=policy, Description=properties.get("Description", ""), Tags=tags, **optional)[
            "KeyMetadata"
        ]
        made = Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})
        if properties.get("EnableKeyRotation"):
            with undone_on_failure(lambda: self.delete(context, made)):
                kms.enable_key_rotation(KeyId=made.ref)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Schedule the key's deletion, as CloudFormation does."""
        context.client("kms").schedule_key_deletion(KeyId=made.ref, PendingWindowInDays=7)


@provides
class Alias(Provider):
    """A key's alias."""

    type = "AWS::KMS::Alias"

    def create(self, context: Context, properties: Properties) -> Made:
        """Name the key."""
        known(properties, "AliasName", "TargetKeyId")
        context.client("kms").create_alias(AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"])
        return Made(properties["AliasName"])

    def delete(self, context: Context, made: Made) -> None:
        """Remove the name."""
        context.client("kms").delete_alias(AliasName=made.ref)
