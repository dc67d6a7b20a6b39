"""Repositories of the sandbox's git host, as developers and the host's own programs see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import Sandbox, eventually
from workshop import Declared, Workshop, action, approval, stage

SMPROJECT = Path(sys.executable).with_name("smproject")
WHO = {f"GIT_{role}_{what}": "dev@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
Found = dict[str, Any]


def ask(method: str, url: str, content: Any = None, token: str | None = None) -> tuple[int, Any]:
    """Ask the host, as the owner or by a token; return the status and the answer."""
    body = None if content is None else json.dumps(content).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  # the sandbox
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@dataclass
class Repository:
    """A repository of the git host, and a checkout of it."""

    sandbox: Sandbox
    folder: Path
    name: str = field(default_factory=lambda: f"team/{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        url = self.smproject("repository", self.name).strip()
        self.folder.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", url.replace("://", "://dev:any@"))

    def smproject(self, *words: str, status: int = 0) -> str:
        command = [str(SMPROJECT), "sandbox", *words, "--home", str(self.sandbox.home)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=os.environ | WHO, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self, files: dict[str, str], branch: str = "main") -> str:
        """Push files to a branch; return the commit."""
        for path, text in {"README.md": uuid.uuid4().hex, **files}.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(textwrap.dedent(text))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Work")
        self.git("push", "--quiet", "origin", f"HEAD:{branch}")
        return self.git("rev-parse", "HEAD").strip()

    def ask(self, method: str, path: str, content: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Ask the host as the owner, or by a token below the API's address."""
        prefix = "" if token is None else "-/api/repos/"
        return ask(method, f"{self.sandbox.endpoint}/_git/{prefix}{self.name}{path}", content, token)

    def propose(self, head: str = "change", base: str = "main", **more: Any) -> Found:
        """Open a pull request."""
        status, made = self.ask("POST", "/pulls", {"title": "Change it", "head": head, "base": base, **more})
        assert status == 201, made
        return dict(made)

    def pull(self, number: int = 1) -> Found:
        return dict(self.ask("GET", f"/pulls/{number}")[1])

    def runs(self) -> list[Found]:
        return list(self.ask("GET", "/runs")[1]["runs"])

    def ended(self, event: str, number: int = 1) -> Found:
        """Wait until so many runs of an event have ended; return the newest of them."""

        def look() -> list[Found]:
            found = [run for run in self.runs() if run["event"] == event and run["status"] == "completed"]
            return found if len(found) >= number else []

        return eventually(look)[0]

    def run(self, files: dict[str, str], branch: str = "main") -> Found:
        """Push files; return the one run that this starts, once it has ended."""
        commit = self.push(files, branch)
        return eventually(lambda: next((e for e in self.runs() if self._ended(e, commit)), None) or {})

    @staticmethod
    def _ended(run: Found, commit: str) -> bool:
        return bool(run["commit"] == commit and run["status"] == "completed")


@dataclass
class Team:
    """A team whose code is on a git host."""

    workshop: Workshop
    folder: Path
    name: str = field(default_factory=lambda: f"team/{uuid.uuid4().hex[:8]}")
    connection: str = field(default_factory=lambda: f"c-{uuid.uuid4().hex[:8]}")
    protected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        options = [word for branch in self.protected for word in ("--protect", branch)]
        self.url = self.smproject("repository", self.name, *options).strip()
        self.api = self.workshop.sandbox.client("codeconnections")
        made = self.api.create_connection(ConnectionName=self.connection, ProviderType="GitHub")
        self.arn = made["ConnectionArn"]
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", self.url.replace("://", "://dev:any@"))

    def smproject(self, *words: str, status: int = 0) -> str:
        home = ["--home", str(self.workshop.sandbox.home)]
        command = [str(SMPROJECT), "sandbox", *words, *home]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    def git(self, *words: str, status: int = 0) -> str:
        self.folder.mkdir(exist_ok=True)
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=os.environ | WHO, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    def ask(self, method: str, path: str, content: Any = None) -> tuple[int, Any]:
        """Ask the host as the owner."""
        return ask(method, f"{self.workshop.sandbox.endpoint}/_git/{self.name}{path}", content)

    def push(self, branch: str = "main", status: int = 0) -> str:
        """Commit something and push it; return the commit."""
        (self.folder / "README.md").write_text(uuid.uuid4().hex)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Work on {branch}")
        told = self.git("push", "--quiet", "origin", f"HEAD:{branch}", status=status)
        return told if status else self.git("rev-parse", "HEAD").strip()

    def source(self, branch: str = "main", **more: str) -> Declared:
        configuration = {"ConnectionArn": self.arn, "FullRepositoryId": self.name, "BranchName": branch, **more}
        return action(
            "Source", "Source/CodeStarSourceConnection", configuration, makes=["Code"], namespace="SourceVariables"
        )

    def pipeline(self, branch: str = "main", role: str = "", triggers: list[Any] | None = None, **more: str) -> str:
        """Make a pipeline of this source, which shows the branch and waits for an approval."""
        shown = approval(configuration={"CustomData": "#{SourceVariables.BranchName}"})
        given: dict[str, Any] = {"executionMode": "PARALLEL"}
        given |= {"triggers": triggers} if triggers else {}
        given |= {"roleArn": role} if role else {}
        return self.workshop.create(stage("Source", self.source(branch, **more)), stage("Approval", shown), **given)

    def started(self, name: str, commit: str) -> Declared:
        """Wait for the execution that a commit starts."""

        def look() -> Declared | None:
            found = self.workshop.executions(name)
            return next(
                (each for each in found for one in each.get("sourceRevisions", []) if one["revisionId"] == commit), None
            )

        return eventually(look)
