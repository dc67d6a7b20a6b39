"""Buckets of AWS's own, in an account that no customer has: what services keep there is reached by presigned URLs."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from smproject.sandbox import moto_seam
from smproject.sandbox.world import World

ACCOUNT = "000000000000"


class ServiceBucket:
    """A versioned bucket of a service; it is made when it is first used."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self.name = world, f"{name}-{world.region.replace('-', '')}"
        self._made = False

    def url(self, operation: str, key: str, seconds: int) -> str:
        """Return a presigned URL for an operation (`put_object`) on a key."""
        where = {"Bucket": self.name, "Key": key}
        return str(self._s3().generate_presigned_url(operation, Params=where, ExpiresIn=seconds))

    def key_of(self, url: str) -> str:
        """Return the key that a URL of this bucket names; empty for any other URL."""
        bucket, _, key = unquote(urlsplit(url).path).removeprefix("/").partition("/")
        return key if bucket == self.name else ""

    def put(self, key: str, content: bytes) -> None:
        """Keep an object."""
        self._s3().put_object(Bucket=self.name, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """Return an object."""
        content: bytes = self._s3().get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def received(self, key: str) -> list[bytes]:
        """Return everything that was ever put under a key, oldest first."""
        return moto_seam.object_versions(self.name, key)

    def forget(self, key: str) -> None:
        """Delete all that was put under a key."""
        moto_seam.forget_object(self.name, key)

    def _s3(self) -> Any:
        s3 = self._world.client("s3", self._world.service_credentials(ACCOUNT))
        if not self._made:
            self._make(s3)
        return s3

    def _make(self, s3: Any) -> None:
        region = self._world.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            s3.create_bucket(Bucket=self.name, **place)
        except ClientError as error:
            if not error.response["Error"]["Code"].startswith("BucketAlready"):
                raise
        s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})
        self._made = True
