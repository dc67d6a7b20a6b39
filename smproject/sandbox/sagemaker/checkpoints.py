"""The checkpoints of a training job: restored from S3 before it starts, copied there while it runs and at its end.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
All hosts share one prefix, so each gets all files, and of files with one name the last that was written stays.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.sagemaker import contract, transfer
from smproject.sandbox.sagemaker.hosts import Host
from smproject.sandbox.sagemaker.job import Job

LOG = logging.getLogger(__name__)
SECONDS = 1.0  # between looks for changed files


@contextmanager
def kept(s3: Any, job: Job, hosts: Sequence[Host]) -> Iterator[None]:
    """Restore the checkpoints of a job that has some to keep, then keep them until the end of the block."""
    place = contract.checkpoints(job)
    if place is None:
        yield
        return
    path, uri = place
    keeper = _Keeper(s3, uri, [host.ml / path for host in hosts])
    keeper.restore()
    thread = threading.Thread(target=keeper.follow, daemon=True, name=f"checkpoints of {job.name}")
    thread.start()
    try:
        yield
    finally:
        keeper.ended.set()
        thread.join()
        keeper.copy()


@dataclass
class _Keeper:
    s3: Any
    uri: str
    folders: list[Path]
    ended: threading.Event = field(default_factory=threading.Event)
    known: dict[Path, tuple[int, int]] = field(default_factory=dict)  # what S3 has: time and size of each file

    def restore(self) -> None:
        """Bring what S3 has into each folder."""
        keys = transfer.keys(self.s3, self.uri)
        for folder in self.folders:
            transfer.fetch(self.s3, self.uri, keys, folder)
            self.known |= dict(_files(folder))

    def follow(self) -> None:
        """Copy changed files until the job ends; what S3 refuses is tried again."""
        while not self.ended.wait(SECONDS):
            try:
                self.copy()
            except (ClientError, BotoCoreError) as error:
                LOG.warning("checkpoints were not copied to %s: %s", self.uri, error)

    def copy(self) -> None:
        """Copy the files that have changed."""
        for folder in self.folders:
            for path, state in _files(folder):
                if self.known.get(path) != state:
                    self._copy(path, folder)
                    self.known[path] = state

    def _copy(self, path: Path, folder: Path) -> None:
        try:
            transfer.upload_file(self.s3, path, folder, self.uri, None)
        except FileNotFoundError:
            LOG.debug("%s was replaced while it was copied", path)


def _files(folder: Path) -> list[tuple[Path, tuple[int, int]]]:
    """Return the files below a folder with time and size; the program may remove some meanwhile."""
    found, inside = [], folder.resolve()
    for path in sorted(folder.rglob("*")):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file() and path.resolve().is_relative_to(inside):  # a link must not lead out of the jail
            found.append((path, (facts.st_mtime_ns, facts.st_size)))
    return found
