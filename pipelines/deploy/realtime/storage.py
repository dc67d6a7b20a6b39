"""Read from S3, and say whose object could not be read."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from pipelines.deploy.realtime.errors import DeployError

CHUNK = 1 << 20  # bytes
SMALL = 16 << 20  # bytes that a JSON file may have


def download(s3: Any, uri: str, path: Path, limit: int) -> None:
    """Write an object into a file; DeployError when it cannot be read or is larger than `limit` bytes."""
    found = _get(s3, uri)
    if found["ContentLength"] > limit:
        raise DeployError(f"{uri} has {found['ContentLength']} bytes; the limit is {limit}.")
    with path.open("wb") as file:
        for chunk in found["Body"].iter_chunks(CHUNK):
            file.write(chunk)


def read_json(s3: Any, uri: str) -> Any:
    """Parse a JSON object; DeployError when it cannot be read or is not JSON."""
    found = _get(s3, uri)
    if found["ContentLength"] > SMALL:
        raise DeployError(f"{uri} has {found['ContentLength']} bytes; the limit is {SMALL}.")
    try:
        return json.loads(found["Body"].read())
    except ValueError as error:
        raise DeployError(f"{uri} is not JSON: {error}. Register the model anew.") from error


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise DeployError(f"{uri!r} is not the S3 URI of an object. Register the model anew.")
    return parts.netloc, parts.path.lstrip("/")


def _get(s3: Any, uri: str) -> Any:
    bucket, key = split(uri)
    try:
        return s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise DeployError(f"{uri} cannot be read: {error}. Look for the object and at the bucket's policy.") from error
