"""A git host, which stands for GitHub, GitLab and the others: AWS knows it by connections alone.

Repositories are cloned from and pushed to `/_git/OWNER/NAME.git`. What a person does on the host's own pages is done by
JSON: `POST /_git/OWNER/NAME` makes a repository, `POST /_git/-/connections/ID` completes a connection; git_api.py has
what is asked about one repository. Programs with a job's token ask the same below API, as on api.github.com.

With AWS's credentials, by a connection, they are at `/git-http/ACCOUNT/REGION/CONNECTION/OWNER/NAME.git`, as on AWS at
codeconnections.REGION.amazonaws.com.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from smproject.sandbox import git_http, git_pulls, git_tokens, git_work, moto_seam
from smproject.sandbox.git_api import GitApi
from smproject.sandbox.git_events import GitEvents
from smproject.sandbox.git_hosted import Hosted
from smproject.sandbox.git_repository import GitRepository
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

if TYPE_CHECKING:
    from smproject.sandbox.codeconnections import CodeConnections

PREFIX, BY_CONNECTION = "/_git/", "/git-http/"
_GIT = re.compile(r"([\w.-]+/[\w.-]+?)\.git/(info/refs|git-upload-pack|git-receive-pack)")
_CONNECTED = re.compile(rf"(\d{{12}})/([\w-]+)/([\w-]+)/{_GIT.pattern}")
_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)")
_OF_REPOSITORY = re.compile(rf"(-/api/repos/)?{_REPOSITORY.pattern}(?:/(.+))?")
_CONNECTION = re.compile(r"-/connections/([\w-]+)")


class GitHost:
    """Answers git and the host's own requests."""

    def __init__(self, world: World) -> None:
        self.world, self.events = world, GitEvents(world)

    @property
    def _connections(self) -> CodeConnections:
        return cast("CodeConnections", self.world.services["codeconnections"])

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request below PREFIX."""
        if environ["PATH_INFO"].startswith(BY_CONNECTION):
            return self._git_by_connection(environ, start_response)
        path = environ["PATH_INFO"].removeprefix(PREFIX)
        if route := _GIT.fullmatch(path):
            return self._git(environ, start_response, *route.groups())
        if environ["REQUEST_METHOD"] == "POST" and (route := _CONNECTION.fullmatch(path)):
            return self._complete(start_response, route[1])
        if environ["REQUEST_METHOD"] == "POST" and (route := _REPOSITORY.fullmatch(path)):
            return self._create(environ, start_response, route[1])
        if route := _OF_REPOSITORY.fullmatch(path):
            return self._api(environ, start_response, route[2], route[3] or "", by_token=bool(route[1]))
        return _answer(start_response, "404 Not Found", {"message": f"There is nothing at {environ['PATH_INFO']}."})

    def _create(self, environ: dict[str, Any], start_response: Any, full_name: str) -> Iterable[bytes]:
        hosted = self._connections.hosted
        if full_name in hosted:
            return _answer(start_response, "409 Conflict", {"message": f"Repository {full_name} exists already."})
        try:
            wanted = _asked(environ)
        except (TypeError, ValueError) as error:
            return _answer(start_response, "400 Bad Request", {"message": f"The body is no JSON object: {error}"})
        git = GitRepository(self.world.home / "hosts" / f"{full_name}.git")
        shutil.rmtree(git.path, ignore_errors=True)  # of a repository that nobody knows any more
        git.create()
        git.hide(git_pulls.HIDDEN)
        made = hosted[full_name] = Hosted(full_name, git, len(hosted) + 1, bool(wanted.get("private")))
        made.protect(wanted.get("protected") or [])
        self.world.touched("codeconnections", "", "CreateRepository")
        return _answer(start_response, "201 Created", self.events.facts(made))

    def _api(
        self, environ: dict[str, Any], start_response: Any, full_name: str, what: str, *, by_token: bool
    ) -> Iterable[bytes]:
        """Answer what is asked about a repository, by its owner or with a job's token."""
        try:
            asked = _asked(environ)
        except (TypeError, ValueError) as error:
            return _answer(start_response, "400 Bad Request", {"message": f"The body is no JSON object: {error}"})
        token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[2] if by_token else ""
        grant = git_tokens.read(self.world.home, token)
        if by_token and grant is None:
            text = "Bad credentials" if token else "Requires authentication"
            return _answer(start_response, "401 Unauthorized", {"message": text})
        method = environ["REQUEST_METHOD"]
        status, content = GitApi(self.events).answer(method, full_name, what, asked, grant)
        return _answer(start_response, f"{status.value} {status.phrase}", content)

    def _complete(self, start_response: Any, identity: str) -> Iterable[bytes]:
        """Complete a connection, as the owner of the repositories does who installs AWS's app."""
        for connection in self._connections.connections.values():
            if connection.arn.endswith(f"/{identity}"):
                connection.complete()
                self.world.touched("codeconnections", connection.account, "UpdateConnection")
                return _answer(start_response, "200 OK", connection.describe())
        return _answer(start_response, "404 Not Found", {"message": f"There is no connection {identity}."})

    def _git(self, environ: dict[str, Any], start_response: Any, full_name: str, what: str) -> Iterable[bytes]:
        """Answer git as the provider does."""
        repository, told = self._connections.hosted.get(full_name), git_http.credentials(environ)
        if repository is None:
            return git_http.refuse(start_response, "404 Not Found", f"Repository {full_name} does not exist.")
        if told is None and (_pushes(environ) or repository.is_private):
            return _ask_who(
                start_response, "Say who you are: any user name and password will do, http://user:password@..."
            )
        user, password = told or ("anonymous", "")
        if user == git_tokens.USER and not self._may(repository, password, pushes=_pushes(environ)):
            needed = "Write access to repository not granted: the job's token needs the permission contents"
            return git_http.refuse(start_response, "403 Forbidden", needed)
        return self._serve(environ, start_response, repository, what, user)

    def _may(self, repository: Hosted, token: str, *, pushes: bool) -> bool:
        """Tell whether a job's token lets git in."""
        grant = git_tokens.read(self.world.home, token)
        if grant is None or not (pushes or repository.is_private):
            return grant is not None
        level = "write" if pushes else "read"
        return grant.full_name == repository.full_name and grant.allows(("contents",), level)

    def _git_by_connection(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer git as AWS does, for who may use a connection."""
        route = _CONNECTED.fullmatch(environ["PATH_INFO"].removeprefix(BY_CONNECTION))
        if route is None:
            return git_http.refuse(start_response, "404 Not Found", "Give ACCOUNT/REGION/CONNECTION/OWNER/NAME.git.")
        account, region, identity, full_name, what = route.groups()
        user = git_http.user_name(environ)
        if user is None:
            return _ask_who(start_response, "Configure git's credential helper: `aws codecommit credential-helper $@`.")
        credentials = moto_seam.identify(user.partition("%")[0])
        if credentials is None:
            text = "The sandbox has not issued this access key: use one of its profiles."
            return git_http.refuse(start_response, "403 Forbidden", text)
        ends = f":{region}:{account}:connection/{identity}"
        arn = next(
            (each for each in self._connections.connections if each.endswith(ends)), f"arn:aws:codeconnections{ends}"
        )
        try:
            repository = self._connections.use(
                credentials, arn, full_name, "GitPush" if _pushes(environ) else "GitPull"
            )
        except ServiceError as error:
            return git_http.refuse(start_response, "403 Forbidden", error.message)
        return self._serve(environ, start_response, repository, what, credentials.arn)

    def _serve(
        self, environ: dict[str, Any], start_response: Any, repository: Hosted, what: str, user: str
    ) -> Iterable[bytes]:
        """Let git answer, and tell of what was pushed."""
        root, path = self.world.home / "hosts", f"{repository.full_name}.git/{what}"
        if what != "git-receive-pack":
            return git_http.serve(environ, start_response, root, path, user)
        with self.events.changing(repository, git_tokens.ACTOR if user == git_tokens.USER else git_work.OWNER):
            return git_http.serve(environ, start_response, root, path, user)


def _asked(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON object that a request brings, and its query; raises TypeError or ValueError for none."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}"
    return dict(parse_qsl(environ.get("QUERY_STRING", ""))) | dict(json.loads(body))


def _pushes(environ: dict[str, Any]) -> bool:
    return "git-receive-pack" in environ["PATH_INFO"] + environ.get("QUERY_STRING", "")


def _ask_who(start_response: Any, text: str) -> Iterable[bytes]:
    challenge = ("WWW-Authenticate", 'Basic realm="git host"')
    return git_http.refuse(start_response, "401 Unauthorized", text, challenge)


def _answer(start_response: Any, status: str, content: Any) -> Iterable[bytes]:
    body = json.dumps(content).encode() + b"\n"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
