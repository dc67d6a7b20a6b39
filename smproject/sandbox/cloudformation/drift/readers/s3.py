"""What S3 tells of buckets."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.drift.reader import READERS, Item, Read, Reader, absent, tags
from smproject.sandbox.cloudformation.provider import Made


def _setting(operation: str, member: str) -> Read:
    """Return how to read a setting that a call of its own tells."""

    def read(client: Any, made: Made, found: Item) -> Any:
        answer = absent(lambda: getattr(client, operation)(Bucket=made.ref))
        return answer and answer.get(member)

    return read


def _versioning(client: Any, made: Made, found: Item) -> Any:
    status = client.get_bucket_versioning(Bucket=made.ref).get("Status")
    return status and {"Status": status}


def _encryption(client: Any, made: Made, found: Item) -> Any:
    answer = absent(lambda: client.get_bucket_encryption(Bucket=made.ref))
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"] if answer else []
    renamed = {"ApplyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault"}
    read = [{renamed.get(name, name): value for name, value in rule.items()} for rule in rules]
    return {"ServerSideEncryptionConfiguration": read} if read else None


def _tags(client: Any, made: Made, found: Item) -> Any:
    answer = absent(lambda: client.get_bucket_tagging(Bucket=made.ref))
    return tags(answer and answer["TagSet"])


READERS["AWS::S3::Bucket"] = Reader(
    "s3",
    lambda client, made: dict(client.head_bucket(Bucket=made.ref)),
    {
        "BucketName": lambda client, made, found: made.ref,
        "BucketEncryption": _encryption,
        "OwnershipControls": _setting("get_bucket_ownership_controls", "OwnershipControls"),
        "PublicAccessBlockConfiguration": _setting("get_public_access_block", "PublicAccessBlockConfiguration"),
        "Tags": _tags,
        "VersioningConfiguration": _versioning,
    },
)
READERS["AWS::S3::BucketPolicy"] = Reader(
    "s3",
    lambda client, made: dict(client.get_bucket_policy(Bucket=made.ref)),
    {
        "Bucket": lambda client, made, found: made.ref,
        "PolicyDocument": lambda client, made, found: json.loads(found["Policy"]),
    },
)
