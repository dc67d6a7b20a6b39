"""Unpack the archive of a training job, which holds plain files alone."""

import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from job import JobError

LIMIT = 16 << 30  # bytes that the archive may unpack to


def unpack(archive: Path, folder: Path, needed: Iterable[str]) -> None:
    """Unpack model.tar.gz into a folder; raises JobError for links and paths outside, or when a file is missing."""
    with open_archive(archive) as tar:
        members = tar.getmembers()
        for member in members:
            path = PurePosixPath(member.name)
            if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
                raise JobError(f"{archive.name} holds {member.name!r}, a link or a path outside. Train again.")
        if sum(member.size for member in members) > LIMIT:
            raise JobError(f"{archive.name} unpacks to more than {LIMIT} bytes. Train a smaller model.")
        for member in members:
            tar.extract(member, folder, filter="data")
    for name in needed:
        if not (folder / name).is_file():
            raise JobError(f"{archive.name} holds no {name}. Train with the channel 'metadata'.")


def open_archive(path: Path) -> tarfile.TarFile:
    """Open a gzipped tar, or say what is wrong with it."""
    try:
        return tarfile.open(path, "r:gz")
    except (OSError, tarfile.TarError) as error:
        raise JobError(f"{path} is not a readable model.tar.gz: {error}. Look at the training job.") from error
