"""What CodeCommit knows of each repository, and the events that tell how its references move."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from smproject.sandbox.events import events_of
from smproject.sandbox.git_repository import GitRepository
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.codecommit_pulls import PullRequest


@dataclass
class Record:
    """What CodeCommit knows of a repository besides its content; `lock` makes changes to its references one by one."""

    account: str
    region: str
    name: str
    git: GitRepository
    description: str | None
    kms_key: str | None
    tags: dict[str, str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    modified: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    pulls: dict[str, PullRequest] = field(default_factory=dict)  # pull requests by id
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        """The repository's ARN."""
        return f"arn:aws:codecommit:{self.region}:{self.account}:{self.name}"


@contextmanager
def changing(world: World, record: Record, by: str) -> Iterator[None]:
    """Emit an event for each reference that the caller `by` changes inside the block."""
    with record.lock:
        before = record.git.references()
        yield
        record.git.choose_default_branch()
        after = record.git.references()
        record.modified = datetime.now(timezone.utc)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            _tell(world, record, name, (before.get(name), after.get(name)), by)


def emit(world: World, record: Record, title: str, detail: dict[str, Any]) -> None:
    """Emit an event of a repository."""
    events_of(world).emit(record.account, record.region, "aws.codecommit", title, detail, [record.arn])


def _tell(world: World, record: Record, reference: str, moved: tuple[str | None, str | None], by: str) -> None:
    """Emit the event of docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html."""
    old, new = moved
    kind, _, short = reference.removeprefix("refs/").partition("/")
    event = "referenceDeleted" if new is None else "referenceCreated" if old is None else "referenceUpdated"
    commits = {name: value for name, value in (("commitId", new), ("oldCommitId", old)) if value}
    names = {"repositoryName": record.name, "repositoryId": record.id, "callerUserArn": by}
    what = {"referenceType": {"heads": "branch", "tags": "tag"}[kind], "referenceName": short}
    detail = {"event": event, **names, **what, "referenceFullName": reference, **commits}
    emit(world, record, "CodeCommit Repository State Change", detail)
    if kind == "heads" and record.pulls:
        from smproject.sandbox import codecommit_pulls  # noqa: PLC0415  # which needs records itself

        codecommit_pulls.follow(world, record, short, new, by)
