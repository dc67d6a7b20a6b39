"""Tells pipelines and workflows what happens at the git host: each event is a delivery, by an id of its own.

Who has heard of a delivery knows its id, and starts nothing a second time when it comes again.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from smproject.sandbox import git_pulls
from smproject.sandbox.git_pulls import PullRequest
from smproject.sandbox.git_work import Delivery, Work
from smproject.sandbox.workflows.runs import Runs
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.codeconnections import CodeConnections
    from smproject.sandbox.codepipeline.service import CodePipelineService
    from smproject.sandbox.git_hosted import Hosted

_KEPT = 100  # deliveries of a repository


class GitEvents:
    """The events of all repositories of the host."""

    def __init__(self, world: World) -> None:
        self.world, self._runs = world, Runs(world)

    @property
    def hosted(self) -> dict[str, Hosted]:
        """The host's repositories, by full name."""
        return cast("CodeConnections", self.world.services["codeconnections"]).hosted

    def facts(self, repository: Hosted) -> dict[str, Any]:
        """Return what the host tells of a repository, as GitHub's API does."""
        owner = repository.full_name.partition("/")[0]
        return {
            "id": repository.id,
            "full_name": repository.full_name,
            "owner": {"login": owner, "id": _owner_id(owner, self.hosted.values())},
            "private": repository.is_private,
            "default_branch": repository.git.default_branch() or "main",
            "clone_url": f"{self.world.endpoint}/_git/{repository.full_name}.git",
        }

    def describe(self, repository: Hosted, pull: PullRequest) -> dict[str, Any]:
        """Return a pull request as GitHub's API does."""
        owner, facts = repository.full_name.partition("/")[0], {"repo": self.facts(repository)}
        sides = {"head": (pull.head, pull.head_commit), "base": (pull.base, pull.base_commit)}
        told = ("number", "state", "title", "body", "created_at", "updated_at", "closed_at", "merged_at")
        is_open = pull.state == git_pulls.OPEN
        return {
            **{name: getattr(pull, name) for name in told},
            "id": pull.number,
            "url": f"{self.world.endpoint}/_git/-/api/repos/{repository.full_name}/pulls/{pull.number}",
            "user": {"login": pull.author},
            "draft": False,
            **{side: {"label": f"{owner}:{name}", "ref": name, "sha": commit, **facts}
               for side, (name, commit) in sides.items()},
            "merged": pull.is_merged,
            "mergeable": bool(pull.merge_commit) if is_open else None,
            "merge_commit_sha": pull.merge_commit or None,
            "comments": len(pull.comments),
        }  # fmt: skip

    def work(self, repository: Hosted, branch: str, commit: str = "", **more: Any) -> Work:
        """Return work on a branch of a repository, by default on its tip: an empty text while there is none."""
        owner = _owner_id(repository.full_name.partition("/")[0], self.hosted.values())
        commit = commit or repository.git.branches().get(branch, "")
        return Work(repository.full_name, owner, repository.id, branch, commit, **more)

    def _proposed(self, repository: Hosted, pull: PullRequest, action: str, actor: str) -> Work:
        pulled = {"action": action, "number": pull.number, "pull_request": self.describe(repository, pull)}
        more = {"proposal": pull.happened(action), "payload": {**pulled, "repository": self.facts(repository)}}
        return self.work(repository, pull.head, pull.head_commit, actor=actor, **more)

    @contextmanager
    def changing(self, repository: Hosted, actor: str) -> Iterator[None]:
        """Let branches and tags move inside the block, pull requests follow them, and tell of both."""
        with repository.lock:
            before = repository.git.references()
            yield
            repository.git.choose_default_branch()
            after = repository.git.references()
            followed = list(git_pulls.follow(repository, before, after))
        self.world.touched("codeconnections", "", "Push")
        for name in sorted(name for name in after if after[name] != before.get(name)):
            self._deliver(repository, self._pushed(repository, name, before.get(name, ""), actor))
        for pull, action in followed:
            self.tell(repository, pull, action, actor)

    def tell(self, repository: Hosted, pull: PullRequest, action: str, actor: str) -> None:
        """Tell of something that happened to a pull request."""
        self._deliver(repository, self._proposed(repository, pull, action, actor))

    def deliver(self, repository: Hosted, delivery: Delivery) -> list[str]:
        """Deliver, for the first time or again; return what was started by this."""
        self.world.touched("codeconnections", "", "Deliver")
        pipelines = cast("CodePipelineService", self.world.services["codepipeline"])
        started = pipelines.delivered(delivery.id, delivery.work, self._files(repository, delivery.work))
        started += self._runs.delivered(repository, delivery.id, delivery.work)
        delivery.started += started
        self.world.touched("codeconnections", "", "Deliver")
        return started

    def _deliver(self, repository: Hosted, work: Work) -> None:
        made = Delivery(work)
        repository.deliveries.append(made)
        del repository.deliveries[:-_KEPT]
        self.deliver(repository, made)

    def _pushed(self, repository: Hosted, reference: str, before: str, actor: str) -> Work:
        commit = repository.git.resolve(reference) or ""
        kind, _, name = reference.removeprefix("refs/").partition("/")
        branch, tag = ("", name) if kind == "tags" else (name, "")
        moved = {"ref": reference, "before": before or "0" * 40, "after": commit}
        payload = {**moved, "repository": self.facts(repository)}
        return self.work(repository, branch, commit, before=before, tag=tag, actor=actor, payload=payload)

    def _files(self, repository: Hosted, work: Work) -> list[str]:
        """Return the paths of the files that a push or a pull request changes; a new branch is compared to main."""
        git = repository.git
        if work.proposal:
            return git.changed(work.proposal.merge_base, work.commit)
        default = git.branches().get(git.default_branch() or "", "")
        new = git.merge_base(default, work.commit) if default and default != work.commit else ""
        return git.changed(work.before or new, work.commit)


def _owner_id(owner: str, hosted: Iterable[Hosted]) -> int:
    """Return the id of an owner: that of the first repository."""
    return min(each.id for each in hosted if each.full_name.partition("/")[0] == owner)
