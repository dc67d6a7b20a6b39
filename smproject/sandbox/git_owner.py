"""What the owner of a git host's repositories does there: makes one, connects AWS, proposes changes, looks at runs."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

from smproject.errors import SandboxError
from smproject.sandbox import git_hosts, profiles
from smproject.sandbox.lifecycle import ACCOUNTS, Running


def make_repository(running: Running, full_name: str, *, private: bool, protected: Sequence[str]) -> str:
    """Make a repository, OWNER/NAME; return the URL to clone it. Raises SandboxError when that can't be."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", full_name):
        raise SandboxError(f"{full_name!r} is no repository's name. Give OWNER/NAME.")
    return str(_post(running, full_name, {"private": private, "protected": list(protected)})["clone_url"])


def accept(running: Running, name: str) -> str:
    """Complete the one pending connection of a name or ARN in any account; return its ARN."""
    found = [each for profile in ACCOUNTS for each in _connections(running, profile)]
    wanted = [each for each in found if name in (each["ConnectionName"], each["ConnectionArn"])]
    if not wanted:
        known = ", ".join(sorted(each["ConnectionName"] for each in found)) or "none at all"
        raise SandboxError(f"There is no connection {name!r}; there are: {known}.")
    if len(wanted) > 1:
        raise SandboxError(f"Several connections are called {name!r}. Give its ARN instead.")
    arn = str(wanted[0]["ConnectionArn"])
    _post(running, f"-/connections/{arn.rpartition('/')[2]}", {})
    return arn


def set_variables(running: Running, full_name: str, given: Sequence[str]) -> dict[str, str]:
    """Set variables, NAME=VALUE, that a repository's workflows read; return all. Raises SandboxError."""
    pairs = [each.partition("=")[::2] for each in given]
    if wrong := [each for each in given if "=" not in each]:
        raise SandboxError(f"{wrong[0]!r} is no variable. Give NAME=VALUE.")
    found: dict[str, str] = _post(running, f"{full_name}/variables", dict(pairs))
    return found


def subjects(running: Running, full_name: str) -> dict[str, str]:
    """Return how the tokens of a repository's workflows name it, by host."""
    found = _ask(running, full_name)
    owner, _, name = full_name.partition("/")
    return {"GitHub": f"{owner}@{found['owner']['id']}/{name}@{found['id']}", "GitLab": full_name}


def runs(running: Running, full_name: str) -> list[dict[str, Any]]:
    """Return what became of a repository's workflows, the newest first. Raises SandboxError."""
    found: list[dict[str, Any]] = _ask(running, f"{full_name}/runs")["runs"]
    return found


def propose(running: Running, full_name: str, head: str, base: str, title: str) -> int:
    """Open a pull request, by default for the default branch; return its number. Raises SandboxError."""
    wanted = {"head": head, "base": base or _ask(running, full_name)["default_branch"], "title": title or head}
    return int(_post(running, f"{full_name}/pulls", wanted)["number"])


def merge(running: Running, full_name: str, number: int) -> str:
    """Merge a pull request; return the commit. Raises SandboxError."""
    return str(_ask(running, f"{full_name}/pulls/{number}/merge", b"{}", "PUT")["sha"])


def proposals(running: Running, full_name: str) -> list[dict[str, Any]]:
    """Return a repository's open pull requests, the newest first. Raises SandboxError."""
    found: list[dict[str, Any]] = _ask(running, f"{full_name}/pulls")
    return found


def _connections(running: Running, profile: str) -> Iterator[dict[str, Any]]:
    client, more = profiles.session(running, profile).client("codeconnections"), dict[str, str]()
    while True:
        page = client.list_connections(**more)
        yield from page["Connections"]
        if "NextToken" not in page:
            return
        more = {"NextToken": page["NextToken"]}


def _post(running: Running, path: str, content: dict[str, Any]) -> Any:
    return _ask(running, path, json.dumps(content).encode())


def _ask(running: Running, path: str, body: bytes | None = None, method: str | None = None) -> Any:
    """Ask the host, by POST where there is a body and no other method."""
    try:
        url = f"{running.endpoint}{git_hosts.PREFIX}{path}"
        request = urllib.request.Request(url, body, method=method)  # noqa: S310  # of the sandbox
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        told = json.load(error)
        raise SandboxError(
            "; ".join([told["message"], *(each["message"] for each in told.get("errors", []))])
        ) from error
