"""A git host, which stands for GitHub, GitLab and the others: AWS knows it by connections alone.

Repositories are cloned from and pushed to `/_git/OWNER/NAME.git`. What a person does on the host's own pages is done by
JSON: `POST /_git/OWNER/NAME` makes a repository, `POST /_git/-/connections/ID` completes a connection.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from smproject.sandbox import git_http
from smproject.sandbox.git_repository import GitRepository
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.codeconnections import CodeConnections
    from smproject.sandbox.codepipeline.service import CodePipelineService

PREFIX = "/_git/"
_GIT = re.compile(r"([\w.-]+/[\w.-]+?)\.git/(info/refs|git-upload-pack|git-receive-pack)")
_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)")
_CONNECTION = re.compile(r"-/connections/([\w-]+)")
# Git runs it for each reference that a push moves.
_HOOK = """#!/bin/sh
if grep -qxF "$1" protected 2>/dev/null; then
  echo "error: $1 is protected: changes go there by a pull request" >&2
  exit 1
fi
"""


@dataclass
class Hosted:
    """A repository of the host; `lock` makes changes to its references one by one."""

    full_name: str
    git: GitRepository
    is_private: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def protect(self, branches: Iterable[str]) -> None:
        """Let nobody push to these branches."""
        (self.git.path / "protected").write_text("".join(f"refs/heads/{name}\n" for name in branches))
        hook = self.git.path / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)


class GitHost:
    """Answers git and the host's own requests."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def _connections(self) -> CodeConnections:
        return cast("CodeConnections", self.world.services["codeconnections"])

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request below PREFIX."""
        path = environ["PATH_INFO"].removeprefix(PREFIX)
        if route := _GIT.fullmatch(path):
            return self._git(environ, start_response, *route.groups())
        if environ["REQUEST_METHOD"] == "POST" and (route := _CONNECTION.fullmatch(path)):
            return self._complete(start_response, route[1])
        if environ["REQUEST_METHOD"] == "POST" and (route := _REPOSITORY.fullmatch(path)):
            return self._create(environ, start_response, route[1])
        return _answer(start_response, "404 Not Found", {"message": f"There is nothing at {environ['PATH_INFO']}."})

    def _create(self, environ: dict[str, Any], start_response: Any, full_name: str) -> Iterable[bytes]:
        hosted = self._connections.hosted
        if full_name in hosted:
            return _answer(start_response, "409 Conflict", {"message": f"Repository {full_name} exists already."})
        try:
            wanted = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
        except ValueError as error:
            return _answer(start_response, "400 Bad Request", {"message": f"The body is not JSON: {error}"})
        git = GitRepository(self.world.home / "hosts" / f"{full_name}.git")
        shutil.rmtree(git.path, ignore_errors=True)  # of a repository that nobody knows any more
        git.create()
        made = hosted[full_name] = Hosted(full_name, git, bool(wanted.get("private")))
        made.protect(wanted.get("protected") or [])
        self.world.touched("codeconnections", "", "CreateRepository")
        url = f"{self.world.endpoint}{PREFIX}{full_name}.git"
        return _answer(start_response, "201 Created", {"full_name": full_name, "clone_url": url})

    def _complete(self, start_response: Any, identity: str) -> Iterable[bytes]:
        """Complete a connection, as the owner of the repositories does who installs AWS's app."""
        for connection in self._connections.connections.values():
            if connection.arn.endswith(f"/{identity}"):
                connection.status = "AVAILABLE"
                self.world.touched("codeconnections", connection.account, "UpdateConnection")
                return _answer(start_response, "200 OK", connection.describe())
        return _answer(start_response, "404 Not Found", {"message": f"There is no connection {identity}."})

    def _git(self, environ: dict[str, Any], start_response: Any, full_name: str, what: str) -> Iterable[bytes]:
        repository = self._connections.hosted.get(full_name)
        user = git_http.user_name(environ)
        if repository is None:
            return git_http.refuse(start_response, "404 Not Found", f"Repository {full_name} does not exist.")
        pushes = "git-receive-pack" in what + environ.get("QUERY_STRING", "")
        if user is None and (pushes or repository.is_private):
            challenge = ("WWW-Authenticate", 'Basic realm="git host"')
            text = "Say who you are: any user name and password will do, http://user:password@..."
            return git_http.refuse(start_response, "401 Unauthorized", text, challenge)
        root, path = self.world.home / "hosts", f"{full_name}.git/{what}"
        if what != "git-receive-pack":
            return git_http.serve(environ, start_response, root, path, user or "anonymous")
        with repository.lock:
            before = repository.git.branches()
            answer = git_http.serve(environ, start_response, root, path, user or "anonymous")
            repository.git.choose_default_branch()
            after = repository.git.branches()
        self.world.touched("codeconnections", "", "Push")
        pipelines = cast("CodePipelineService", self.world.services["codepipeline"])
        for branch in sorted(name for name in after if after[name] != before.get(name)):
            pipelines.pushed(full_name, branch, after[branch])
        return answer


def _answer(start_response: Any, status: str, content: dict[str, Any]) -> Iterable[bytes]:
    body = json.dumps(content).encode() + b"\n"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
