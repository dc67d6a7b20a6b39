"""The SageMaker session in which pipelines compile: deterministic, quiet, and offline on demand."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
from sagemaker.core.telemetry import telemetry_logging
from sagemaker.core.workflow.pipeline_context import PipelineSession

from pipelines.settings import Settings


def _send_nothing(*_: object, **__: object) -> None:
    """Replace the SDK's telemetry: its own opt-out re-validates a large schema at every look-up, 4 to 7 s a build."""


telemetry_logging._send_telemetry_request = _send_nothing


def content_digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over relative names and bytes, in the order of the names; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        # Each part is itself a digest of fixed length, so no two sets of files can read as the same bytes.
        digest.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def tree(folder: Path) -> dict[str, Path]:
    """Files under a folder by their relative POSIX name, byte-code left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in files}


class ProjectSession(PipelineSession):  # type: ignore[misc]  # the SDK is untyped
    """A pipeline session that keeps code under a key made of its content, in the project's bucket.

    The SDK puts a timestamp or the checkout's path into the keys of uploaded code. Keys are part of a step's cache
    key, so with them no build would ever find a cached step.
    """

    def __init__(self, settings: Settings, *, offline: bool = False) -> None:
        self.project = settings
        self.offline = offline
        # Placeholders let the SDK construct clients with no credentials around; nothing calls AWS offline.
        keys = {"aws_access_key_id": "offline", "aws_secret_access_key": "offline"} if offline else {}
        super().__init__(
            boto_session=boto3.Session(region_name=settings.region, **keys), default_bucket=settings.bucket
        )

    def default_bucket(self) -> str:
        """Name the project's bucket; unlike the SDK's, this neither looks for it nor creates it."""
        return self.project.bucket

    def upload_code(self, files: Iterable[Path]) -> str:
        """Keep files side by side under one prefix named by their content; returns the prefix's S3 URI."""
        return self._store({path.name: path for path in files})

    def upload_data(
        self,
        path: str,
        bucket: str | None = None,
        key_prefix: str = "data",
        callback: Any = None,
        extra_args: Mapping[str, str] | None = None,
    ) -> str:
        """Override the SDK's upload: the content decides on the key, `key_prefix` only names its last part.

        The bucket, callback and extra arguments that the SDK asks for give way to the project's bucket and key.
        """
        source = Path(path)
        if source.is_dir():
            return self._store(tree(source), Path(key_prefix).name)
        return f"{self._store({source.name: source})}/{source.name}"

    def _store(self, files: Mapping[str, Path], last: str = "") -> str:
        prefix = "/".join(filter(None, ("code", content_digest(files), last)))
        if not self.offline:
            for name, path in files.items():
                self.s3_client.put_object(
                    Bucket=self.project.bucket,
                    Key=f"{prefix}/{name}",
                    Body=path.read_bytes(),
                    ServerSideEncryption="aws:kms",
                    SSEKMSKeyId=self.project.kms_key_arn,
                )
        return f"s3://{self.project.bucket}/{prefix}"
