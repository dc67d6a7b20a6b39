"""Unpacking a model's archive, which may come from anybody: nothing is written outside the model's folder."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from smproject.sandbox.sagemaker.hosting.refusals import invalid


def unpack(archive: Path, folder: Path, url: str) -> None:
    """Unpack a tar.gz into a folder; raises ServiceError, before anything is written, for a member that can't stay.

    `url` is where the archive came from, for the message.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            members = opened.getmembers()
            for member in members:
                if fault := _fault(member):
                    raise invalid(f"{_failed(url)} Its member {member.name!r} {fault}.")
            for member in members:
                _extract(opened, member, folder)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise invalid(f"{_failed(url)} Please ensure that it is a valid tar.gz archive ({error}).") from error


def _failed(url: str) -> str:
    return f'Failed to extract model data archive from URL "{url}".'


def _fault(member: tarfile.TarInfo) -> str:
    """Tell what is wrong with a member; empty when nothing is."""
    path = PurePosixPath(member.name)
    if path.is_absolute():
        return "has an absolute path"
    if ".." in path.parts:
        return "would lie outside the model's folder"
    if member.issym() or member.islnk():
        return f"is a link (to {member.linkname!r}); pack the file itself"
    if not (member.isfile() or member.isdir()):
        return "is a device or another special file"
    return ""


def _extract(opened: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    target = folder / member.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = opened.extractfile(member)
    if source is not None:  # it is a file, so it is there
        with source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
