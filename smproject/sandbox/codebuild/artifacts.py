"""Finds the files that a build hands over and uploads them."""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject.sandbox import globs
from smproject.sandbox.codebuild.buildspec import ArtifactFiles
from smproject.sandbox.codebuild.failure import PhaseFailure

Files = dict[str, Path]  # by the path that each gets in the artifact
_EXECUTABLE, _REGULAR = 0o755, 0o644


@dataclass(frozen=True)
class Upload:
    """What uploading needs: S3 with the role's credentials, the build, its source and its variables at the end."""

    s3: Any
    build: dict[str, Any]
    source: Path
    env: dict[str, str]

    def send(
        self, settings: dict[str, Any], spec: ArtifactFiles | None, note: Callable[[str], None]
    ) -> dict[str, Any] | None:
        """Upload one artifact; return where it went, as `BuildArtifacts`, or None when there is nothing to upload."""
        if settings["type"] == "NO_ARTIFACTS":
            return None
        if spec is None:
            note("No artifact files specified")
            return None
        found = self.collect(spec)
        note(f"Found {len(found)} file(s)")
        own = self._expand(spec.name) if settings.get("overrideArtifactName") else ""
        return self._upload(settings, own or settings.get("name") or self.build["projectName"], found)

    def collect(self, spec: ArtifactFiles) -> Files:
        """Find the files that a buildspec names; raises PhaseFailure when there are none."""
        found: Files = {}
        for base in self._bases(self._expand(spec.base_directory)):
            patterns = [_relative(self._expand(pattern), base) for pattern in spec.files]
            excluded = [_relative(self._expand(pattern), base) for pattern in spec.exclude_paths]
            for path, file in _files(base):
                if _any(path, patterns) and not _any(path, excluded):
                    found[file.name if spec.discard_paths else path] = file
        if not found:
            raise PhaseFailure("CLIENT_ERROR", f"no matching artifact paths found for {', '.join(spec.files)}")
        return found

    def _bases(self, base: str) -> list[Path]:
        pattern = _relative(base, self.source).rstrip("/")
        if pattern in ("", "."):
            return [self.source]
        folders = [path for path in sorted(self.source.rglob("*")) if path.is_dir()]
        found = [path for path in folders if globs.matches(path.relative_to(self.source).as_posix(), pattern)]
        if not found:
            raise PhaseFailure("CLIENT_ERROR", f"no matching base directory path found for {base}")
        return found

    def _expand(self, text: str) -> str:
        """Return a text with its variables and commands replaced, as CodeBuild's shell does."""
        if "$" not in text and "`" not in text:
            return text
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        command = ["/bin/sh", "-c", f'printf %s "{quoted}"']
        return subprocess.run(
            command, env=self.env, cwd=self.source, check=False, capture_output=True, text=True
        ).stdout

    def _upload(self, settings: dict[str, Any], name: str, files: Files) -> dict[str, Any]:
        bucket = settings["location"].removeprefix("arn:aws:s3:::")
        build_id = self.build["id"].partition(":")[2] if settings.get("namespaceType") == "BUILD_ID" else ""
        key = "/".join(part.strip("/") for part in (settings.get("path", ""), build_id, name) if part.strip("/"))
        kept = ("overrideArtifactName", "encryptionDisabled", "artifactIdentifier")
        done = {
            "location": f"arn:aws:s3:::{bucket}/{key}",
            **{name: settings[name] for name in kept if name in settings},
        }
        extra = _encryption(settings, self.build["encryptionKey"])
        if settings.get("packaging") == "ZIP":
            content = zipped(files)
            self.s3.put_object(Bucket=bucket, Key=key, Body=content, **extra)
            return done | {"sha256sum": hashlib.sha256(content).hexdigest()}
        for path, file in files.items():
            self.s3.put_object(Bucket=bucket, Key=f"{key}/{path}", Body=file.read_bytes(), **extra)
        return done


def _relative(pattern: str, base: Path) -> str:
    return pattern.removeprefix(str(base)).lstrip("/").removeprefix("./")


def _files(base: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(base.rglob("*")):
        if file.is_file():
            yield file.relative_to(base).as_posix(), file


def _any(path: str, patterns: list[str]) -> bool:
    return any(globs.matches(path, pattern) for pattern in patterns)


def _encryption(settings: dict[str, Any], key: str) -> dict[str, str]:
    if settings.get("encryptionDisabled"):
        return {}
    return {"ServerSideEncryption": "aws:kms"} | ({} if key.endswith("alias/aws/s3") else {"SSEKMSKeyId": key})


def zipped(files: Files) -> bytes:
    """Return an archive that is equal for equal files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, file in files.items():
            entry = zipfile.ZipInfo(path)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (_EXECUTABLE if file.stat().st_mode & 0o100 else _REGULAR) << 16
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()
