"""The SageMaker session in which pipelines compile: deterministic, quiet, and without a call to AWS."""

import logging
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
from sagemaker.core.telemetry import telemetry_logging
from sagemaker.core.workflow.pipeline_context import PipelineSession

from pipelines.content import content_digest, tree
from pipelines.settings import Settings


def _send_nothing(*_: object, **__: object) -> None:
    """Replace the SDK's telemetry: its own opt-out re-validates a large schema at every look-up, 4 to 7 s a build."""


telemetry_logging._send_telemetry_request = _send_nothing

# The SDK and boto3 tell at length what they always do. The child logger sets a level of its own unless it has one.
for _chatty in ("botocore", "boto3", "sagemaker", "sagemaker.config"):
    logging.getLogger(_chatty).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message="Running within a PipelineSession")


class ProjectSession(PipelineSession):  # type: ignore[misc]  # the SDK is untyped
    """A pipeline session that keeps code under a key made of its content, in the project's bucket.

    The SDK puts a timestamp or the checkout's path into the keys of uploaded code. Keys are part of a step's cache
    key, so with them no build would ever find a cached step. Compiling only names the keys; publish_code uploads.
    """

    def __init__(self, settings: Settings) -> None:
        self.project = settings
        # What awaits its upload, by key; bytes, because the SDK hands over temporary files too.
        self.code: dict[str, bytes] = {}
        super().__init__(boto_session=boto3.Session(region_name=settings.region), default_bucket=settings.bucket)

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

    def publish_code(self) -> None:
        """Upload the code of what was compiled."""
        for key, content in self.code.items():
            self.s3_client.put_object(
                Bucket=self.project.bucket,
                Key=key,
                Body=content,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self.project.kms_key_arn,
            )

    def _store(self, files: Mapping[str, Path], last: str = "") -> str:
        prefix = "/".join(filter(None, ("code", content_digest(files), last)))
        self.code |= {f"{prefix}/{name}": path.read_bytes() for name, path in files.items()}
        return f"s3://{self.project.bucket}/{prefix}"
