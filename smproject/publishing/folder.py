"""The target folder: the same files as in the bucket, and an index of their digests, the same to the byte each time."""

import json
from collections.abc import Iterable
from pathlib import Path

from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.publishing.wanted import Object

INDEX = "index.json"
PART = ".part"  # of a file that is being written


def index(objects: Iterable[Object], version: str) -> Object:
    """What the folder holds: the catalogue's version, and each file's digest."""
    files = {each.key: f"sha256:{each.digest}" for each in objects}
    content = {"version": version, "files": dict(sorted(files.items()))}
    return Object(INDEX, (json.dumps(content, indent=2) + "\n").encode())


def changes(folder: Path, objects: Iterable[Object]) -> list[Object]:
    """Files that the folder lacks, or has otherwise; raises DeploymentError when it holds anything else."""
    wanted = list(objects)
    if folder.exists() and not folder.is_dir():
        raise DeploymentError(f"{folder} is a file. Name a folder for the catalogue.")
    ours = {folder / each.key for each in wanted}
    strangers = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path not in ours and not _is_part(path)
    ]
    # What an earlier version has left stays: projects may have been seeded from it.
    if strangers and not (folder / INDEX).is_file():
        raise DeploymentError(
            f"{folder} holds something else, such as {strangers[0].name}. Name a new folder, or one that "
            "`smproject publish --to folder` has written."
        )
    return [each for each in wanted if not _is_there(folder / each.key, each.content)]


def write(folder: Path, each: Object, progress: Progress) -> str:
    """Write a file, whole or not at all; returns its key."""
    path = folder / each.key
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}{PART}")
    unfinished.write_bytes(each.content)
    unfinished.replace(path)
    progress(f"wrote {path}")
    return each.key


def _is_part(path: Path) -> bool:
    return path.name.endswith(PART)


def _is_there(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
