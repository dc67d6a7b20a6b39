"""What a run of an action works with: its role's credentials, its artifacts, and how it can fail."""

from __future__ import annotations

import io
import string
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.codepipeline.model import ActionRun, Artifact, Execution, Pipeline
from smproject.sandbox.moto_policies import trust_policy
from smproject.sandbox.moto_seam import Credentials, identify
from smproject.sandbox.service import ServiceError, unique_id
from smproject.sandbox.world import World

_POLL_FIRST, _POLL_MOST = 0.1, 2.0  # seconds


class ActionFailedError(Exception):
    """An action failed; `code` is the code of its error details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AbandonedError(Exception):
    """Someone stopped the execution without waiting for its actions."""


@dataclass(frozen=True)
class Work:
    """A run of an action and what it may act with."""

    world: World
    pipeline: Pipeline
    execution: Execution
    run: ActionRun
    credentials: Credentials

    def client(self, service: str) -> Any:
        """Return a client that acts as the action's role."""
        return self.world.client(service, self.credentials, self.pipeline.region)

    def wait(self, seconds: float) -> None:
        """Wait until something changes, or at most so long; raises AbandonedError when it is of no use any more."""
        with self.pipeline.changed:
            if self.execution.stop != "abandon":
                self.pipeline.changed.wait(seconds)
        if self.execution.stop == "abandon":
            raise AbandonedError

    def polls(self) -> Iterator[None]:
        """Yield at once and then again and again, less and less often; raises AbandonedError as `wait` does."""
        pause = _POLL_FIRST
        while True:
            yield
            self.wait(pause)
            pause = min(pause * 1.3, _POLL_MOST)

    def new_artifact(self, name: str) -> Artifact:
        """Return where an output artifact goes."""
        key = f"{self.pipeline.name[:20]}/{name[:10]}/{unique_id(7, string.ascii_letters + string.digits)}"
        return Artifact(name, self.execution.declaration["artifactStore"]["location"], key)

    def key(self) -> str | None:
        """Return the KMS key of the artifact store, if it has one."""
        key = self.execution.declaration["artifactStore"].get("encryptionKey")
        return str(key["id"]) if key else None

    def store(self, name: str, content: bytes) -> None:
        """Put an output artifact into the store."""
        artifact = self.new_artifact(name)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key()} if self.key() else {}
        self.client("s3").put_object(Bucket=artifact.bucket, Key=artifact.key, Body=content, **encryption)
        self.run.outputs = [artifact]

    def input(self, name: str) -> Artifact:
        """Return an input artifact that the action declares."""
        for artifact in self.run.inputs:
            if artifact.name == name:
                return artifact
        raise ActionFailedError("ConfigurationError", f"{name} is not an input artifact of action {self.run.name}.")

    def file(self, artifact: str, path: str) -> str:
        """Read a file of an input artifact, as the action's role."""
        found = self.input(artifact)
        content = self.client("s3").get_object(Bucket=found.bucket, Key=found.key)["Body"].read()
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return archive.read(path).decode()
        except KeyError as error:
            message = f"File [{path}] does not exist in artifact [{artifact}]"
            raise ActionFailedError("ConfigurationError", message) from error
        except (zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise ActionFailedError("ConfigurationError", f"Artifact [{artifact}], file [{path}]: {error}") from error


def explain(error: Exception) -> ActionFailedError:
    """Turn the refusal of an AWS call into an action's failure."""
    code = error.code if isinstance(error, ServiceError) else ""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
    return ActionFailedError("PermissionError" if "AccessDenied" in code else "JobFailed", str(error))


def take_on(role: str, pipeline_role: str, sts: Any, session: str) -> Credentials:
    """Return credentials of an action's own role, which the pipeline's role assumes through `sts`."""
    try:
        made = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    except ClientError as error:
        raise _refused(role, pipeline_role, error) from error
    credentials = identify(made["AccessKeyId"])
    if credentials is None:
        raise ActionFailedError("InternalError", f"STS does not know the session of {role} that it has just made.")
    return credentials


def _refused(role: str, pipeline_role: str, error: ClientError) -> ActionFailedError:
    """Say which role could not be assumed, where it would be, and why."""
    account = role.split(":")[4]
    if trust_policy(role) is None:
        why = f"account {account} has no such role: create it there, trusting {pipeline_role}"
    else:
        why = f"that role must trust {pipeline_role}, which must be allowed to assume it ({_message(error)})"
    message = f"{pipeline_role} is not authorized to perform AssumeRole on role {role} of account {account}: {why}."
    return ActionFailedError("PermissionError", message)


def _message(error: ClientError) -> str:
    return str(error.response["Error"]["Message"])
