"""Pull requests of CodeCommit: what is proposed for a branch, what is said of it, and how it is merged.

https://docs.aws.amazon.com/codecommit/latest/userguide/pull-requests.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.codecommit_records import Record, emit
from smproject.sandbox.git_repository import GitError, Signature
from smproject.sandbox.service import Request, ServiceError
from smproject.sandbox.world import World

OPEN, CLOSED = "OPEN", "CLOSED"
_TITLE = "CodeCommit Pull Request State Change"


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class PullRequest:
    """A proposal to merge one branch of a repository into another."""

    id: str
    repository: str
    author: str
    title: str
    description: str
    source: str
    destination: str
    source_commit: str
    destination_commit: str
    merge_base: str
    status: str = OPEN
    revision: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: datetime = field(default_factory=_now)
    active: datetime = field(default_factory=_now)
    merge: dict[str, Any] = field(default_factory=lambda: {"isMerged": False})
    comments: list[dict[str, Any]] = field(default_factory=list)

    def describe(self) -> Request:
        """Return the PullRequest."""
        target = {
            "repositoryName": self.repository,
            "sourceReference": f"refs/heads/{self.source}",
            "destinationReference": f"refs/heads/{self.destination}",
            "sourceCommit": self.source_commit,
            "destinationCommit": self.destination_commit,
            "mergeBase": self.merge_base,
            "mergeMetadata": dict(self.merge),
        }
        return {
            "pullRequestId": self.id,
            "title": self.title,
            "description": self.description,
            "pullRequestStatus": self.status,
            "authorArn": self.author,
            "revisionId": self.revision,
            "creationDate": self.created,
            "lastActivityDate": self.active,
            "pullRequestTargets": [target],
            "approvalRules": [],
        }

    def event(self, name: str, by: str) -> Request:
        """Return the detail of an event: docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html."""
        facts = self.describe()
        target = facts["pullRequestTargets"][0]
        return {
            "event": name,
            "pullRequestId": self.id,
            "callerUserArn": by,
            "author": self.author,
            "title": self.title,
            "description": self.description,
            "pullRequestStatus": self.status.capitalize(),
            "isMerged": str(self.merge["isMerged"]),
            "revisionId": self.revision,
            "repositoryNames": [self.repository],
            "creationDate": f"{self.created:%a %b %d %H:%M:%S UTC %Y}",
            "lastModifiedDate": f"{self.active:%a %b %d %H:%M:%S UTC %Y}",
            "notificationBody": f"A pull request event occurred in repository {self.repository}: {name}.",
            **{name: target[name] for name in (
                *("sourceReference", "destinationReference", "sourceCommit", "destinationCommit"),
            )},
        }  # fmt: skip


def propose(record: Record, request: Request, number: int, by: str) -> PullRequest:
    """Make a pull request of CreatePullRequest's target."""
    target = request["targets"][0]
    source = _branch(target["sourceReference"])
    destination = _branch(target.get("destinationReference") or record.git.default_branch() or "main")
    tips = record.git.branches()
    for name in (source, destination):
        if name not in tips:
            raise ServiceError("ReferenceDoesNotExistException", f"Branch {name} does not exist in {record.name}.")
    if source == destination:
        raise ServiceError("SourceAndDestinationAreSameException", f"Source and destination are both {source}.")
    base = record.git.merge_base(tips[destination], tips[source])
    facts = (str(number), record.name, by, request["title"], request.get("description", ""))
    return PullRequest(*facts, source, destination, tips[source], tips[destination], base)


def follow(world: World, record: Record, branch: str, commit: str | None, by: str) -> None:
    """Tell of the open pull requests whose source moved; one whose source is gone stays as it was."""
    for each in record.pulls.values():
        if each.status == OPEN and each.source == branch and commit and each.source_commit != commit:
            each.source_commit, each.revision, each.active = commit, uuid.uuid4().hex, _now()
            each.merge_base = record.git.merge_base(each.destination_commit, commit)
            tell(world, record, each, "pullRequestSourceBranchUpdated", by)


def tell(world: World, record: Record, pull: PullRequest, event: str, by: str) -> None:
    """Emit an event of a pull request."""
    emit(world, record, _TITLE, pull.event(event, by))


def comment(pull: PullRequest, request: Request, by: str) -> Request:
    """Keep a comment; return it."""
    made = {
        "commentId": f"{uuid.uuid4()}:{uuid.uuid4()}",
        "content": request["content"],
        "creationDate": _now(),
        "lastModifiedDate": _now(),
        "authorArn": by,
        "deleted": False,
        "clientRequestToken": request.get("clientRequestToken", ""),
        "callerReactions": [],
        "reactionCounts": {},
    }
    about = {
        "pullRequestId": pull.id,
        "repositoryName": pull.repository,
        "beforeCommitId": request["beforeCommitId"],
        "afterCommitId": request["afterCommitId"],
    }
    pull.comments.append({**about, "comments": [made]})
    pull.active = _now()
    return {**about, "comment": made}


def merged(record: Record, pull: PullRequest, how: str, message: str, by: Signature) -> str:
    """Merge a pull request into its branch; return the commit. Raises ServiceError where git can't."""
    tips = record.git.branches()
    if pull.source not in tips or pull.destination not in tips:
        raise ServiceError("ReferenceDoesNotExistException", "A branch of the pull request is gone.")
    try:
        return record.git.merge(pull.destination, tips[pull.source], how, message, by)
    except GitError as error:
        raise ServiceError("ManualMergeRequiredException", f"The branches can't be merged: {error}") from error


def listed(pulls: Iterator[PullRequest], request: Request) -> list[str]:
    """Return the ids that ListPullRequests asks for, the newest first."""
    wanted = {name: request.get(name) for name in ("pullRequestStatus", "authorArn")}
    found = [
        each
        for each in pulls
        if wanted["pullRequestStatus"] in (None, each.status) and wanted["authorArn"] in (None, each.author)
    ]
    return [each.id for each in sorted(found, key=lambda each: int(each.id), reverse=True)]


def _branch(reference: str) -> str:
    return reference.removeprefix("refs/heads/")
