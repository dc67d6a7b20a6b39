"""Functions' code: zip archives kept in a bucket of AWS's own, unpacked on this machine when they are to run."""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.service_bucket import ServiceBucket
from smproject.sandbox.world import World

_LINK_SECONDS = 600  # AWS: a code location is valid for ten minutes
_UNZIPPED = 262_144_000  # bytes: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


@dataclass(frozen=True)
class Code:
    """An archive: its SHA-256 in base64, as the API shows it, and its size in bytes."""

    sha256: str
    size: int

    @property
    def key(self) -> str:
        """Return the name under which it is kept."""
        return base64.b64decode(self.sha256).hex()


class CodeStore:
    """Keeps archives by their content."""

    def __init__(self, world: World) -> None:
        self._world, self._folder = world, world.home / "functions" / "code"
        self._bucket, self._lock = ServiceBucket(world, "awslambda-tasks"), threading.Lock()

    def keep(self, caller: Caller, given: dict[str, Any]) -> Code:
        """Keep the archive that a request holds or names in S3, which the caller must be able to read."""
        content = self._content(caller, given)
        _check(content)
        code = Code(base64.b64encode(hashlib.sha256(content).digest()).decode(), len(content))
        self._bucket.put(code.key, content)
        return code

    def location(self, code: Code) -> str:
        """Return a URL from which an archive can be downloaded."""
        return self._bucket.url("get_object", code.key, _LINK_SECONDS)

    def folder(self, code: Code) -> Path:
        """Return the folder with an archive's files."""
        folder = self._folder / code.key
        with self._lock:
            if not folder.exists():
                draft = folder.with_suffix(".draft")
                shutil.rmtree(draft, ignore_errors=True)
                _unpack(self._bucket.get(code.key), draft)
                draft.rename(folder)
        return folder

    def _content(self, caller: Caller, given: dict[str, Any]) -> bytes:
        if given.get("ImageUri"):
            raise ServiceError("NotImplemented", "The sandbox does not implement ImageUri of Lambda functions.")
        if given.get("ZipFile"):
            return bytes(given["ZipFile"])
        if not (given.get("S3Bucket") and given.get("S3Key")):
            raise ServiceError("InvalidParameterValueException", "Please provide a source for function code.")
        version = {"VersionId": given["S3ObjectVersion"]} if given.get("S3ObjectVersion") else {}
        s3 = self._world.client("s3", caller.credentials, caller.region)
        try:
            found = s3.get_object(Bucket=given["S3Bucket"], Key=given["S3Key"], **version)
        except ClientError as error:
            raise _unread(error) from error
        content: bytes = found["Body"].read()
        return content


def _unread(error: ClientError) -> ServiceError:
    detail = error.response["Error"]
    told = f"S3 Error Code: {detail['Code']}. S3 Error Message: {detail['Message']}"
    if detail["Code"] == "AccessDenied":
        begin = (
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject"
        )
        return ServiceError("AccessDeniedException", f"{begin}. {told}")
    return ServiceError("InvalidParameterValueException", f"Error occurred while GetObject. {told}")


def _check(content: bytes) -> None:
    """Refuse what is no archive, is too large, or would leave its folder."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            items = archive.infolist()
    except zipfile.BadZipFile as error:
        message = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise ServiceError("InvalidParameterValueException", message) from error
    if not items:
        raise ServiceError("InvalidParameterValueException", "Uploaded file must be a non-empty zip")
    if sum(item.file_size for item in items) > _UNZIPPED:
        message = f"Unzipped size must be smaller than {_UNZIPPED} bytes"
        raise ServiceError("InvalidParameterValueException", message)


def _unpack(content: bytes, folder: Path) -> None:
    """Unpack an archive with its files' permissions; zipfile keeps every name inside the folder."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for item in archive.infolist():
            path = Path(archive.extract(item, folder))
            if mode := (item.external_attr >> 16) & 0o777:
                path.chmod(mode | 0o400)
