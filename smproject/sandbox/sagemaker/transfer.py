"""Moving data between S3 and a job's folder."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Sequence
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


def keys(s3: Any, uri: str) -> list[str]:
    """Return an object's key, or the keys of the objects in the folder that a URI names, in order."""
    bucket, prefix = location(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = (item["Key"] for listed in pages for item in listed.get("Contents", []))
    return [key for key in found if not key.endswith("/") and _inside(key, prefix)]


def input_keys(s3: Any, uri: str) -> list[str]:
    """Return the keys of an input; raises ServiceError when there are none."""
    found = keys(s3, uri)
    if not found:
        raise ServiceError(
            "ClientError",
            f'No S3 objects found under S3 URL "{uri}" given in input data source. '
            "Please ensure that objects exist under that S3 prefix, and that the job's role may list it.",
        )
    return found


def _inside(key: str, prefix: str) -> bool:
    """Tell whether a key is the prefix itself or lies in the folder that it names."""
    return not prefix or key == prefix or key.startswith(prefix if prefix.endswith("/") else prefix + "/")


def fetch(s3: Any, uri: str, wanted: Iterable[str], folder: Path) -> None:
    """Copy objects of a URI into a folder, named as they are below the URI."""
    bucket, prefix = location(uri)
    folder.mkdir(parents=True, exist_ok=True)
    for key in wanted:
        path = PurePosixPath(key)
        if ".." in path.parts:
            raise ServiceError("ClientError", f"The key {key!r} in {bucket} would lie outside the job's folder.")
        target = folder / (path.name if key == prefix else path.relative_to(prefix))
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(target))


def upload_file(s3: Any, path: Path, folder: Path, uri: str, kms_key: str | None) -> None:
    """Copy a file of a folder under an S3 prefix."""
    bucket, prefix = location(uri)
    key = str(PurePosixPath(prefix) / path.relative_to(folder).as_posix())
    s3.upload_file(str(path), bucket, key, ExtraArgs=encryption(kms_key))


def upload_folder(s3: Any, folder: Path, uri: str, kms_key: str | None) -> None:
    """Copy a folder's files under an S3 prefix."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        upload_file(s3, path, folder, uri, kms_key)


def upload_archive(s3: Any, folders: Sequence[Path], uri: str, kms_key: str | None, scratch: Path) -> None:
    """Pack folders into one tar.gz and copy it to an S3 URI; of files with one name, the first folder's is taken."""
    files = {path.relative_to(folder): path for folder in reversed(folders) for path in folder.rglob("*")}
    with tarfile.open(scratch, "w:gz", compresslevel=1) as archive:
        for name, path in sorted(files.items()):
            archive.add(path, arcname=name.as_posix(), recursive=False)
    bucket, key = location(uri)
    s3.upload_file(str(scratch), bucket, key, ExtraArgs=encryption(kms_key))


def encryption(kms_key: str | None) -> dict[str, str]:
    """Return the arguments of an upload that is encrypted with a key, S3's own way without one."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
