"""Objects in the catalogue's bucket: which are not there as they should be, and putting them there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from smproject.progress import Progress
from smproject.publishing.wanted import Object


@dataclass(frozen=True)
class Missing:
    """An object that is not as it should be; where the content is right, only its tags are to be set."""

    object: Object
    only_tags: bool = False


def missing(s3: Any, bucket: str, by_content: Sequence[Object], by_name: Sequence[Object]) -> Iterator[Missing]:
    """What the bucket lacks. Keys of the first kind name their content, so what is there is right."""
    for each in by_content:
        if not _has(s3, bucket, each.key):
            yield Missing(each)
    for each in by_name:
        if content(s3, bucket, each.key) != each.content:
            yield Missing(each)
        elif _tags(s3, bucket, each.key) != dict(each.tags):
            yield Missing(each, only_tags=True)


def put(s3: Any, bucket: str, wanting: Missing, progress: Progress) -> str:
    """Put an object, or its tags, where it belongs; returns its key."""
    each = wanting.object
    if wanting.only_tags:
        tags = [{"Key": key, "Value": value} for key, value in each.tags.items()]
        s3.put_object_tagging(Bucket=bucket, Key=each.key, Tagging={"TagSet": tags})
        progress(f"tagged s3://{bucket}/{each.key}")
    else:
        tagging = {"Tagging": urlencode(each.tags)} if each.tags else {}
        s3.put_object(Bucket=bucket, Key=each.key, Body=each.content, **tagging)
        progress(f"uploaded s3://{bucket}/{each.key}")
    return each.key


def _has(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if _is_absent(error):
            return False
        raise
    return True


def content(s3: Any, bucket: str, key: str) -> bytes | None:
    """What lies under a key; None when there is no such key, or no such bucket."""
    try:
        found: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if _is_absent(error):
            return None
        raise
    return found


def _tags(s3: Any, bucket: str, key: str) -> dict[str, str]:
    found = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def _is_absent(error: ClientError) -> bool:
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status == 404
