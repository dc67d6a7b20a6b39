"""Moving data between S3 and a job's folder."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from smproject.sandbox.service import ServiceError


def location(uri: str) -> tuple[str, str]:
    """Split an S3 URI into bucket and key."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ServiceError("ValidationException", f"Invalid S3 URI {uri!r}: it must look like s3://bucket/key.")
    return bucket, key


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for found in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (item["Key"] for item in found.get("Contents", []))


def download(s3: Any, uri: str, folder: Path) -> None:
    """Copy an object, or all objects under a prefix, into a folder; raises ServiceError when there are none."""
    bucket, prefix = location(uri)
    folder.mkdir(parents=True, exist_ok=True)
    keys = [key for key in _keys(s3, bucket, prefix) if not key.endswith("/") and _inside(key, prefix)]
    if not keys:
        raise ServiceError(
            "ClientError",
            f'No S3 objects found under S3 URL "{uri}" given in input data source. '
            "Please ensure that objects exist under that S3 prefix, and that the job's role may list it.",
        )
    base = prefix if prefix.endswith("/") or prefix not in keys else str(PurePosixPath(prefix).parent)
    for key in keys:
        if ".." in PurePosixPath(key).parts:
            raise ServiceError("ClientError", f"The key {key!r} in {bucket} would lie outside the job's folder.")
        target = folder / (PurePosixPath(key).relative_to(base) if base not in ("", ".") else key)
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(target))


def _inside(key: str, prefix: str) -> bool:
    """Tell whether a key is the prefix itself or lies in the folder that it names."""
    return not prefix or key == prefix or key.startswith(prefix if prefix.endswith("/") else prefix + "/")


def upload_folder(s3: Any, folder: Path, uri: str, kms_key: str | None) -> None:
    """Copy a folder's files under an S3 prefix."""
    bucket, prefix = location(uri)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        key = str(PurePosixPath(prefix) / path.relative_to(folder).as_posix())
        s3.upload_file(str(path), bucket, key, ExtraArgs=encryption(kms_key))


def upload_archive(s3: Any, folder: Path, uri: str, kms_key: str | None, scratch: Path) -> None:
    """Pack a folder into a tar.gz and copy it to an S3 URI."""
    with tarfile.open(scratch, "w:gz", compresslevel=1) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, arcname=path.name)
    bucket, key = location(uri)
    s3.upload_file(str(scratch), bucket, key, ExtraArgs=encryption(kms_key))


def encryption(kms_key: str | None) -> dict[str, str]:
    """Return the arguments of an upload that is encrypted with a key, S3's own way without one."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
