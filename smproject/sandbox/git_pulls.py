"""Pull requests of the git host: what is proposed for a branch, how it follows its branches, and how it is merged.

https://docs.github.com/en/rest/pulls/pulls
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smproject.sandbox.git_repository import GitError, Signature
from smproject.sandbox.git_work import Proposal, moment

if TYPE_CHECKING:
    from smproject.sandbox.git_hosted import Hosted

OPEN, CLOSED = "open", "closed"
METHODS = {"merge": "three-way", "squash": "squash"}
HIDDEN = ("refs/pull", "refs/merge-requests")  # references that the host makes, and nobody pushes to
_HOST = Signature("git host", "noreply@example.com")


@dataclass
class PullRequest:
    """A proposal to merge branch `head` into `base`; `merge_commit` merges them, and is empty where they conflict."""

    number: int
    title: str
    body: str
    author: str
    head: str
    base: str
    head_commit: str = ""
    base_commit: str = ""
    merge_base: str = ""
    merge_commit: str = ""
    state: str = OPEN
    merged_at: str | None = None
    closed_at: str | None = None
    created_at: str = field(default_factory=moment)
    updated_at: str = field(default_factory=moment)
    comments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_merged(self) -> bool:
        """Whether it was merged."""
        return self.merged_at is not None

    def happened(self, action: str) -> Proposal:
        """Return it as it is now, for those who hear of an action."""
        branches = (self.base, self.base_commit, self.merge_base, self.merge_commit)
        return Proposal(self.number, self.title, action, *branches, self.is_merged)

    def close(self, *, merged: bool = False) -> None:
        """Close it."""
        self.state, self.closed_at, self.updated_at = CLOSED, moment(), moment()
        self.merged_at = self.closed_at if merged else None


def refresh(repository: Hosted, pull: PullRequest) -> None:
    """Take up what the branches of an open pull request are at, and merge them on trial."""
    git, tips = repository.git, repository.git.branches()
    pull.head_commit, pull.base_commit = tips[pull.head], tips[pull.base]
    pull.merge_base = git.merge_base(pull.base_commit, pull.head_commit)
    message = f"Merge {pull.head_commit} into {pull.base_commit}"
    try:
        pull.merge_commit = git.merge_commit(pull.base_commit, pull.head_commit, "three-way", message, _HOST)
    except GitError:
        pull.merge_commit = ""
    git.point(f"refs/pull/{pull.number}/head", pull.head_commit)
    git.point(f"refs/pull/{pull.number}/merge", pull.merge_commit)
    git.point(f"refs/merge-requests/{pull.number}/head", pull.head_commit)


def follow(
    repository: Hosted, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[tuple[PullRequest, str]]:
    """Let open pull requests follow branches that have moved; yield those to which something happened, and what."""
    moved = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    for pull in list(repository.pulls.values()):
        head, base = f"refs/heads/{pull.head}", f"refs/heads/{pull.base}"
        if pull.state != OPEN or not moved & {head, base}:
            continue
        if head not in after or base not in after:
            pull.close()
            yield pull, CLOSED
            continue
        refresh(repository, pull)
        if pull.merge_base == pull.head_commit:  # somebody has pushed the merge
            pull.merge_commit = pull.base_commit
            pull.close(merged=True)
            yield pull, CLOSED
        elif head in moved:
            pull.updated_at = moment()
            yield pull, "synchronize"


def merge(repository: Hosted, pull: PullRequest, method: str, message: str, by: Signature) -> str:
    """Merge into the base branch and close; return the commit. Raises GitError where both changed the same lines."""
    made = repository.git.merge(pull.base, pull.head_commit, METHODS[method], message, by)
    pull.merge_commit = made
    pull.close(merged=True)
    return made
