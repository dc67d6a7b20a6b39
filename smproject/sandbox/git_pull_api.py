"""The API of pull requests and of what is said about them, in the words of GitHub's REST API.

https://docs.github.com/en/rest/pulls/pulls, https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from smproject.sandbox import git_pulls, git_work
from smproject.sandbox.git_events import GitEvents
from smproject.sandbox.git_pulls import CLOSED, OPEN, PullRequest
from smproject.sandbox.git_repository import GitError, Signature

if TYPE_CHECKING:
    from smproject.sandbox.git_hosted import Hosted

Asked = dict[str, Any]
Answer = tuple[HTTPStatus, Any]
_PULLS, _COMMENTS, _WRITE = ("pull-requests",), ("pull-requests", "issues"), "write"
# Method, path below the repository's, the operation, and of what a workflow's token needs which level for it.
_ROUTES = (
    ("POST", r"pulls", "open", (_PULLS, _WRITE)),
    ("GET", r"pulls", "list", (_PULLS, "read")),
    ("GET", r"pulls/(\d+)", "get", (_PULLS, "read")),
    ("PATCH", r"pulls/(\d+)", "change", (_PULLS, _WRITE)),
    ("PUT", r"pulls/(\d+)/merge", "merge", (("contents",), _WRITE)),
    ("GET", r"pulls/(\d+)/commits", "commits", (_PULLS, "read")),
    ("POST", r"issues/(\d+)/comments", "comment", (_COMMENTS, _WRITE)),
    ("GET", r"issues/(\d+)/comments", "comments", (_COMMENTS, "read")),
)


class Refused(Exception):
    """The API refuses; the message says why, `details` as GitHub's `errors` do."""

    def __init__(self, status: HTTPStatus, message: str, *details: str) -> None:
        super().__init__(message)
        self.status, self.details = status, [{"message": each} for each in details]


def route(method: str, what: str) -> tuple[str, tuple[tuple[str, ...], str], list[int]] | None:
    """Return the operation that a request asks for, what a token needs for it, and its numbers; None for no such."""
    for its_method, pattern, operation, needs in _ROUTES:
        if method == its_method and (found := re.fullmatch(pattern, what)):
            return operation, needs, [int(number) for number in found.groups()]
    return None


class PullApi:
    """Answers for one repository, to whoever is called `by`."""

    def __init__(self, events: GitEvents, repository: Hosted, by: str) -> None:
        self._events, self._repository, self._by = events, repository, by

    def answer(self, operation: str, numbers: list[int], asked: Asked) -> Answer:
        """Answer one request."""
        try:
            found = [self._pull(number) for number in numbers]
            answer: Answer = getattr(self, f"_{operation}")(*found, asked)
        except Refused as refusal:
            errors = {"errors": refusal.details} if refusal.details else {}
            return refusal.status, {"message": str(refusal), **errors}
        self._events.world.touched("codeconnections", "", "Get" if operation in _READING else "UpdatePullRequest")
        return answer

    def _open(self, asked: Asked) -> Answer:
        head, base = (_text(asked, name).rpartition(":")[2] for name in ("head", "base"))
        repository, title = self._repository, _text(asked, "title")
        with repository.lock:
            self._check(head, base)
            number = len(repository.pulls) + 1
            made = PullRequest(number, title, str(asked.get("body") or ""), self._by, head, base)
            git_pulls.refresh(repository, made)
            repository.pulls[number] = made
        self._events.tell(repository, made, "opened", self._by)
        return HTTPStatus.CREATED, self._described(made)

    def _list(self, asked: Asked) -> Answer:
        state, head = asked.get("state", OPEN), asked.get("head", "").rpartition(":")[2]
        found = [
            self._described(pull)
            for pull in reversed(self._repository.pulls.values())
            if state in ("all", pull.state) and head in ("", pull.head) and asked.get("base", pull.base) == pull.base
        ]
        return HTTPStatus.OK, found

    def _get(self, pull: PullRequest, asked: Asked) -> Answer:
        return HTTPStatus.OK, self._described(pull)

    def _change(self, pull: PullRequest, asked: Asked) -> Answer:
        if unknown := sorted(asked.keys() - {"title", "body", "state"}):
            raise _invalid(f"the sandbox does not implement a change of {unknown[0]}")
        state = asked.get("state", pull.state)
        if state not in (OPEN, CLOSED) or (pull.is_merged and state == OPEN):
            raise _invalid(f"state can't be changed to {state}")
        with self._repository.lock:
            pull.title, pull.body = asked.get("title", pull.title), asked.get("body", pull.body)
            pull.updated_at, was = git_work.moment(), pull.state
            if state != was:
                self._reopen(pull) if state == OPEN else pull.close()
        if state != was:
            self._events.tell(self._repository, pull, "reopened" if state == OPEN else "closed", self._by)
        return HTTPStatus.OK, self._described(pull)

    def _reopen(self, pull: PullRequest) -> None:
        self._check(pull.head, pull.base)
        pull.state, pull.closed_at = OPEN, None
        git_pulls.refresh(self._repository, pull)

    def _merge(self, pull: PullRequest, asked: Asked) -> Answer:
        method = asked.get("merge_method", "merge")
        if method not in git_pulls.METHODS:
            raise _not_mergeable(f"the sandbox does not implement merge_method {method}")
        with self._events.changing(self._repository, self._by):
            self._check_merge(pull, asked.get("sha"))
            commit = self._merged(pull, method, asked)
        self._events.tell(self._repository, pull, "closed", self._by)
        return HTTPStatus.OK, {"sha": commit, "merged": True, "message": "Pull Request successfully merged"}

    def _check_merge(self, pull: PullRequest, sha: str | None) -> None:
        if pull.state != OPEN:
            raise _not_mergeable("it is merged already" if pull.is_merged else "it is closed")
        if sha not in (None, pull.head_commit):
            moved = f"Head branch was modified: {pull.head} is at {pull.head_commit}. Review and try the merge again."
            raise Refused(HTTPStatus.CONFLICT, moved)

    def _merged(self, pull: PullRequest, method: str, asked: Asked) -> str:
        title = asked.get("commit_title") or f"Merge pull request #{pull.number} from {pull.head}"
        message = "\n\n".join([title, asked.get("commit_message") or pull.title])
        try:
            return git_pulls.merge(self._repository, pull, method, message, Signature(self._by, ""))
        except GitError as error:
            conflicts = [line for line in str(error).splitlines() if line.startswith("CONFLICT")]
            raise _not_mergeable("; ".join(conflicts) or str(error)) from error

    def _commits(self, pull: PullRequest, asked: Asked) -> Answer:
        git = self._repository.git
        found = [
            (commit, git.show(commit, "%B")[0].strip()) for commit in git.between(pull.merge_base, pull.head_commit)
        ]
        return HTTPStatus.OK, [{"sha": commit, "commit": {"message": message}} for commit, message in found]

    def _comment(self, pull: PullRequest, asked: Asked) -> Answer:
        number = sum(len(each.comments) for each in self._repository.pulls.values()) + 1
        user, moment = {"login": self._by}, git_work.moment()
        made = {"id": number, "body": _text(asked, "body"), "user": user, "created_at": moment, "updated_at": moment}
        pull.comments.append(made)
        return HTTPStatus.CREATED, made

    def _comments(self, pull: PullRequest, asked: Asked) -> Answer:
        return HTTPStatus.OK, list(pull.comments)

    def _check(self, head: str, base: str) -> None:
        """Refuse what GitHub refuses to open."""
        git, full_name = self._repository.git, self._repository.full_name
        tips = git.branches()
        for side, name in (("head", head), ("base", base)):
            if name not in tips:
                raise _invalid(f"{side} is invalid: {full_name} has no branch {name}")
        if not git.between(tips[base], tips[head]):
            raise _invalid(f"No commits between {base} and {head}")
        for each in self._repository.pulls.values():
            if (each.state, each.head, each.base) == (OPEN, head, base):
                raise _invalid(
                    f"A pull request already exists for {full_name.partition('/')[0]}:{head}: {each.number}."
                )

    def _pull(self, number: int) -> PullRequest:
        if number not in self._repository.pulls:
            raise Refused(
                HTTPStatus.NOT_FOUND, f"Not Found: {self._repository.full_name} has no pull request {number}."
            )
        return self._repository.pulls[number]

    def _described(self, pull: PullRequest) -> dict[str, Any]:
        return self._events.describe(self._repository, pull)


_READING = ("list", "get", "commits", "comments")


def _text(asked: Asked, name: str) -> str:
    if not isinstance(asked.get(name), str) or not asked[name]:
        raise _invalid(f"{name} is missing, or no text")
    return str(asked[name])


def _invalid(detail: str) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation Failed", detail)


def _not_mergeable(why: str) -> Refused:
    return Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"Pull Request is not mergeable: {why}")
