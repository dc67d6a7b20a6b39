"""What happened at the git host, for whoever does something about it: a push, or a proposal to merge a branch."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.service import now

OWNER = "developer"  # who does what no job's token does


def moment() -> str:
    """Return the time as GitHub writes it."""
    return f"{now():%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Proposal:
    """A pull request as it was when something happened to it; `merge_commit` is empty where its branches conflict."""

    number: int
    title: str
    action: str  # opened, synchronize, reopened or closed
    base: str
    base_commit: str
    merge_base: str
    merge_commit: str
    merged: bool = False


@dataclass(frozen=True)
class Work:
    """A commit that was pushed to a branch of a repository, or as a tag, or that is proposed for another branch.

    `before` is what the branch was at until then, `payload` what a webhook would tell.
    """

    full_name: str
    owner_id: int
    repository_id: int
    branch: str
    commit: str
    before: str = ""
    tag: str = ""
    actor: str = OWNER
    proposal: Proposal | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """Return the name of the repository's owner."""
        return self.full_name.rpartition("/")[0]

    @property
    def event(self) -> str:
        """Return the event's name at GitHub."""
        return "pull_request" if self.proposal else "push"

    @property
    def reference(self) -> str:
        """Return the full name of the branch or tag."""
        return f"refs/tags/{self.tag}" if self.tag else f"refs/heads/{self.branch}"

    @property
    def github_reference(self) -> str:
        """Return what GITHUB_REF is: of a pull request the merge of its branches, or the branch once it is merged."""
        if self.proposal is None:
            return self.reference
        return f"refs/heads/{self.proposal.base}" if self.proposal.merged else f"refs/pull/{self.proposal.number}/merge"

    @property
    def gitlab_reference(self) -> str:
        """Return what GitLab calls the reference: of a merge request its head."""
        return f"refs/merge-requests/{self.proposal.number}/head" if self.proposal else self.reference

    @property
    def github_commit(self) -> str:
        """Return what GITHUB_SHA is."""
        return self.proposal.merge_commit if self.proposal else self.commit


@dataclass
class Delivery:
    """What the host told, and what that started."""

    work: Work
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    delivered_at: str = field(default_factory=moment)
    started: list[str] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """Return what the host's API tells."""
        action = self.work.proposal.action if self.work.proposal else None
        times = {"delivered_at": self.delivered_at, "status": "OK"}
        return {"id": self.id, "guid": self.id, "event": self.work.event, "action": action, **times,
                "started": list(self.started)}  # fmt: skip
