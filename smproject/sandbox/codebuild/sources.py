"""Brings a build's source code to its folder."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.codebuild import clones
from smproject.sandbox.codebuild.failure import PhaseFailure, refused
from smproject.sandbox.processes import Processes

_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class Fetcher:
    """What fetching needs: S3 with the role's credentials, and an environment in which git may act as the role."""

    s3: Any
    processes: Processes
    git_env: dict[str, str]
    check: Callable[[], None]

    def fetch(self, source: dict[str, Any], version: str, folder: Path) -> str:
        """Fetch a source; returns the commit that it resolved to, empty where that makes no sense.

        Raises PhaseFailure when it can't be had.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if source["type"] == "S3":
            return self._from_s3(source["location"], version, folder)
        if source["type"] == "CODECOMMIT":
            return self._clone(source["location"], version.removeprefix("refs/heads/"), folder)
        return ""

    def _from_s3(self, location: str, version: str, folder: Path) -> str:
        bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
        about = f"source arn:aws:s3:::{bucket}/{key}"
        wanted = {"VersionId": version} if version and not version.startswith("arn:") else {}
        try:
            if not key or key.endswith("/"):
                self._folder_from_s3(bucket, key, folder)
                return ""
            content = self.s3.get_object(Bucket=bucket, Key=key, **wanted)["Body"].read()
        except ClientError as error:
            raise refused(error, about) from error
        if reference := clones.read(content):
            return self._clone(reference.location, reference.commit, folder)
        try:
            unzip(content, folder)
        except zipfile.BadZipFile as error:
            raise PhaseFailure("CLIENT_ERROR", f"{error} for {about}") from error
        return ""

    def _folder_from_s3(self, bucket: str, prefix: str, folder: Path) -> None:
        for found in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in found.get("Contents", []):
                target = folder / entry["Key"].removeprefix(prefix)
                if folder in target.parents and ".." not in target.parts and not entry["Key"].endswith("/"):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    self.s3.download_file(bucket, entry["Key"], str(target))

    def _clone(self, location: str, version: str, folder: Path) -> str:
        """Clone with all branches; a commit that none of them has any more is there too."""
        self._git(["clone", "--quiet", location, str(folder)], folder.parent)
        if _COMMIT.fullmatch(version):
            self._git(["fetch", "--quiet", "origin", version], folder)
        if version:
            self._git(["-c", "advice.detachedHead=false", "checkout", "--quiet", version], folder)
        return self._git(["rev-parse", "HEAD"], folder).strip()

    def _git(self, arguments: list[str], cwd: Path) -> str:
        process = self.processes.start(["git", *arguments], cwd=cwd, env=self.git_env, output=subprocess.PIPE)
        try:
            while True:
                try:
                    output = process.communicate(timeout=0.2)[0].decode(errors="replace")
                    break
                except subprocess.TimeoutExpired:
                    self.check()
        finally:
            self.processes.forget(process)
        if process.returncode:
            raise PhaseFailure("GIT_CLONE_FAILED", f"git {arguments[0]}: {output.strip()}")
        return output


def unzip(content: bytes, folder: Path) -> None:
    """Unpack an archive, keeping which files are executable."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, folder))  # it stays within the folder, whatever the entry is called
            if path.is_file() and entry.external_attr >> 16 & 0o111:
                path.chmod(path.stat().st_mode | 0o111)
