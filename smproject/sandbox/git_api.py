"""What is asked about one repository of the git host by JSON, below `/_git/OWNER/NAME`.

GET             describes the repository
GET /runs       returns what became of its workflows, and what they printed, the newest first
GET /deliveries returns what the host has told pipelines and workflows, the newest first
POST /deliveries/ID/attempts tells it again
POST /variables sets variables that its workflows read: {"NAME": "VALUE"}; returns all
POST /token     returns a token as a workflow of a branch gets it: {"host": "GitHub", "branch": "main", "audience": ...}
/pulls..., /issues/N/comments  git_pull_api.py
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from smproject.sandbox import git_issuers, git_pull_api, git_tokens, git_work
from smproject.sandbox.git_events import GitEvents
from smproject.sandbox.git_pull_api import Answer, PullApi
from smproject.sandbox.git_tokens import Grant
from smproject.sandbox.workflows import runs

if TYPE_CHECKING:
    from smproject.sandbox.git_hosted import Hosted

_ATTEMPTS = re.compile(r"deliveries/([\w-]+)/attempts")


class GitApi:
    """Answers for the repositories that the host has, by full name."""

    def __init__(self, events: GitEvents) -> None:
        self._events = events

    def answer(self, method: str, full_name: str, what: str, asked: dict[str, Any], grant: Grant | None) -> Answer:
        """Answer one request of a job with a grant, or of the owner; `what` is the path below the repository's."""
        repository = self._events.hosted.get(full_name)
        if repository is None:
            return HTTPStatus.NOT_FOUND, {"message": f"Repository {full_name} does not exist."}
        if grant and (lacking := _lacking(grant, full_name, method, what)):
            return HTTPStatus.FORBIDDEN, {"message": "Resource not accessible by integration", "needed": lacking}
        if (method, what) == ("GET", ""):
            return HTTPStatus.OK, self._events.facts(repository)
        if found := git_pull_api.route(method, what):
            operation, _, numbers = found
            by = git_tokens.ACTOR if grant else git_work.OWNER
            return PullApi(self._events, repository, by).answer(operation, numbers, asked)
        return self._own(repository, method, what, asked)

    def _own(self, repository: Hosted, method: str, what: str, asked: dict[str, Any]) -> Answer:
        """Answer what only the owner asks."""
        if (method, what) == ("GET", "runs"):
            told = [{**each, "log": runs.text_of(repository, each["id"])} for each in reversed(repository.runs)]
            return HTTPStatus.OK, {"runs": told}
        if (method, what) == ("GET", "deliveries"):
            return HTTPStatus.OK, {"deliveries": [each.describe() for each in reversed(repository.deliveries)]}
        if method == "POST" and (found := _ATTEMPTS.fullmatch(what)):
            return self._deliver(repository, found[1])
        if (method, what) == ("POST", "variables"):
            return self._set_variables(repository, asked)
        if (method, what) == ("POST", "token"):
            return self._token(repository, asked)
        return HTTPStatus.NOT_FOUND, {"message": f"Repository {repository.full_name} has no {what}."}

    def _deliver(self, repository: Hosted, identity: str) -> Answer:
        """Deliver again; whatever knows the delivery starts nothing a second time."""
        delivery = next((each for each in repository.deliveries if each.id == identity), None)
        if delivery is None:
            return HTTPStatus.NOT_FOUND, {"message": f"Repository {repository.full_name} has no delivery {identity}."}
        if started := self._events.deliver(repository, delivery):
            return HTTPStatus.OK, {"message": f"delivery {identity} started {', '.join(started)}"}
        former = ", ".join(delivery.started) or "nothing"
        return HTTPStatus.OK, {"message": f"delivery {identity} was handled already: it started {former}"}

    def _set_variables(self, repository: Hosted, asked: dict[str, Any]) -> Answer:
        for name, value in asked.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name) or not isinstance(value, str):
                return HTTPStatus.BAD_REQUEST, {"message": f"{name!r} is no variable: give NAME and a text."}
        repository.variables |= asked
        self._events.world.touched("codeconnections", "", "UpdateVariables")
        return HTTPStatus.OK, dict(sorted(repository.variables.items()))

    def _token(self, repository: Hosted, asked: dict[str, Any]) -> Answer:
        if asked.get("host") not in git_issuers.ISSUERS or not asked.get("branch") or not asked.get("audience"):
            hosts = " or ".join(git_issuers.ISSUERS)
            return HTTPStatus.BAD_REQUEST, {"message": f"Give host ({hosts}), branch and audience."}
        work, issuer = self._events.work(repository, asked["branch"]), git_issuers.ISSUERS[asked["host"]]
        value = git_issuers.token(self._events.world.home, issuer, work, asked["audience"])
        return HTTPStatus.OK, {"value": value}


def _lacking(grant: Grant, full_name: str, method: str, what: str) -> str:
    """Return what a job lacks for a request; an empty text where it lacks nothing."""
    if grant.full_name != full_name:
        return f"a token of a job of {full_name}"
    found = git_pull_api.route(method, what)
    if found is None:
        return "" if (method, what) == ("GET", "") else "the owner, who shows no token"
    scopes, level = found[1]
    return "" if grant.allows(scopes, level) else " or ".join(f"{scope}: {level}" for scope in scopes)
