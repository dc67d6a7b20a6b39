"""KMS: keys are named by id, ARN or alias; a ciphertext tells its key."""

from __future__ import annotations

from smproject.sandbox import moto_policies, moto_resources
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each, first


def _key(asked: Asked, named: str) -> str:
    return moto_policies.key_arn(named, asked.account, asked.region)


def _key_and_alias(asked: Asked) -> Items:
    """Return an alias, and each key that it belongs to or will belong to.

    https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html
    """
    alias = arn(asked, first(asked, "{AliasName}"))
    keys = [_key(asked, name) for name in (first(asked, "{TargetKeyId}"), alias) if name]
    return [(alias,), *((found,) for found in dict.fromkeys(keys) if ":key/" in found)]


def _decrypted(asked: Asked) -> Items:
    if named := first(asked, "{KeyId}", "{SourceKeyId}"):
        return [(_key(asked, named),)]
    found = moto_resources.key_of(first(asked, "{CiphertextBlob}"))
    return [(_key(asked, found),)] if found else []


def _encrypted_again(asked: Asked) -> Items:
    return [(_key(asked, first(asked, "{DestinationKeyId}")),)]


RULES: dict[tuple[str, str], Rule] = {
    **each("kms", _key_and_alias, ("CreateAlias", "DeleteAlias", "UpdateAlias")),
    **each("kms", _decrypted, ("Decrypt", "ReEncryptFrom")),
    ("kms", "ReEncryptTo"): _encrypted_again,
}
NAMES: dict[tuple[str, str], Name] = {("kms", "key"): _key}
