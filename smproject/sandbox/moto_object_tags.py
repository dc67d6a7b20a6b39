"""The seam to the tags of S3's objects, which moto keeps with whoever asks: they belong to the bucket's owner."""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeKey, S3Backend, s3_backends

_get, _put, _delete = S3Backend.get_object_tagging, S3Backend.put_object_tagging, S3Backend.delete_object_tagging


def mend() -> None:
    """Let accounts see and set the tags of each other's objects."""
    S3Backend.get_object_tagging = lambda self, key: _get(_owner(self, key.bucket_name), key)
    S3Backend.put_object_tagging = _put_there
    S3Backend.delete_object_tagging = _delete_there


def _put_there(self: S3Backend, key: FakeKey, tags: dict[str, str] | None) -> FakeKey:
    return _put(_owner(self, key.bucket_name), key, tags)


def _delete_there(self: S3Backend, bucket_name: str, key_name: str, version_id: str | None = None) -> None:
    _delete(_owner(self, bucket_name), bucket_name, key_name, version_id)


def _owner(asker: S3Backend, bucket: str | None) -> Any:
    partition, account = s3_backends.bucket_accounts.get(str(bucket), (asker.partition, asker.account_id))
    return s3_backends[account][partition]
