"""What the git host's own programs ask it by JSON about one repository, below `/_git/OWNER/NAME`.

GET             describes the repository
GET /runs       returns what became of its workflows, and what they printed, the newest first
POST /variables sets variables that its workflows read: {"NAME": "VALUE"}; returns all
POST /token     returns a token as a workflow of a branch gets it: {"host": "GitHub", "branch": "main", "audience": ...}
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from smproject.sandbox import git_issuers
from smproject.sandbox.git_issuers import Work
from smproject.sandbox.workflows import runs
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.git_hosts import Hosted

Answer = tuple[HTTPStatus, dict[str, Any]]


class GitApi:
    """Answers for the repositories that the host has, by full name."""

    def __init__(self, world: World, hosted: dict[str, Hosted]) -> None:
        self._world, self._hosted = world, hosted

    def answer(self, method: str, full_name: str, what: str, asked: dict[str, Any]) -> Answer:
        """Answer one request; `what` is the path below the repository's."""
        repository = self._hosted.get(full_name)
        if repository is None:
            return HTTPStatus.NOT_FOUND, {"message": f"Repository {full_name} does not exist."}
        if (method, what) == ("GET", ""):
            return HTTPStatus.OK, self.facts(repository)
        if (method, what) == ("GET", "runs"):
            told = [{**each, "log": runs.text_of(repository, each["id"])} for each in reversed(repository.runs)]
            return HTTPStatus.OK, {"runs": told}
        if (method, what) == ("POST", "variables"):
            return self._set_variables(repository, asked)
        if (method, what) == ("POST", "token"):
            return self._token(repository, asked)
        return HTTPStatus.NOT_FOUND, {"message": f"Repository {full_name} has no {what}."}

    def facts(self, repository: Hosted) -> dict[str, Any]:
        """Return what the host tells of a repository, as GitHub's API does."""
        owner = repository.full_name.partition("/")[0]
        return {
            "id": repository.id,
            "full_name": repository.full_name,
            "owner": {"login": owner, "id": _owner_id(owner, self._hosted.values())},
            "private": repository.is_private,
            "clone_url": f"{self._world.endpoint}/_git/{repository.full_name}.git",
        }

    def work(self, repository: Hosted, branch: str) -> Work:
        """Return what a workflow of a branch works on; the commit is empty while there is no such branch."""
        owner = _owner_id(repository.full_name.partition("/")[0], self._hosted.values())
        commit = repository.git.branches().get(branch, "")
        return Work(repository.full_name, owner, repository.id, branch, commit)

    def _set_variables(self, repository: Hosted, asked: dict[str, Any]) -> Answer:
        for name, value in asked.items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name) or not isinstance(value, str):
                return HTTPStatus.BAD_REQUEST, {"message": f"{name!r} is no variable: give NAME and a text."}
        repository.variables |= asked
        self._world.touched("codeconnections", "", "UpdateVariables")
        return HTTPStatus.OK, dict(sorted(repository.variables.items()))

    def _token(self, repository: Hosted, asked: dict[str, Any]) -> Answer:
        if asked.get("host") not in git_issuers.ISSUERS or not asked.get("branch") or not asked.get("audience"):
            hosts = " or ".join(git_issuers.ISSUERS)
            return HTTPStatus.BAD_REQUEST, {"message": f"Give host ({hosts}), branch and audience."}
        work, issuer = self.work(repository, asked["branch"]), git_issuers.ISSUERS[asked["host"]]
        return HTTPStatus.OK, {"value": git_issuers.token(self._world.home, issuer, work, asked["audience"])}


def _owner_id(owner: str, hosted: Iterable[Hosted]) -> int:
    """Return the id of an owner: that of the first repository."""
    return min(each.id for each in hosted if each.full_name.partition("/")[0] == owner)
