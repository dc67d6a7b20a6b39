"""Bare git repositories: what CodeCommit and its pipelines read from them and write to them."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_UNSAFE = re.compile(r"[<>\n\0]")  # what git itself leaves out of names
MODES = {"NORMAL": "100644", "EXECUTABLE": "100755", "SYMLINK": "120000"}


class GitError(Exception):
    """Git refused; the message is git's own."""


@dataclass(frozen=True)
class File:
    """A file of a commit: its mode is one of `MODES`, its blob is git's id of the content."""

    path: str
    mode: str
    blob: str


@dataclass(frozen=True)
class Change:
    """A file to write (content) or to delete (None) in a new commit."""

    path: str
    content: bytes | None
    mode: str = "NORMAL"


@dataclass(frozen=True)
class Signature:
    """Who wrote a commit."""

    name: str
    email: str


def environment() -> dict[str, str]:
    """Return git's environment, free of the configuration of whoever runs the sandbox."""
    return {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


class GitRepository:
    """A bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the repository, empty."""
        self.path.mkdir(parents=True)
        self._git("init", "--quiet", "--bare", "--initial-branch=main", ".")

    def references(self) -> dict[str, str]:
        """Return the object id of each branch and tag, by its full name."""
        lines = self._git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags").decode()
        return dict(line.split(" ", 1) for line in lines.splitlines())

    def branches(self) -> dict[str, str]:
        """Return the commit id of each branch, by its short name."""
        prefix = "refs/heads/"
        return {name[len(prefix) :]: commit for name, commit in self.references().items() if name.startswith(prefix)}

    def default_branch(self) -> str | None:
        """Return the branch that HEAD names; None while there is no such branch."""
        name = self._git("symbolic-ref", "--short", "HEAD").decode().strip()
        return name if name in self.branches() else None

    def choose_default_branch(self) -> None:
        """Point HEAD at the first branch when what it names does not exist."""
        branches = self.branches()
        if branches and self.default_branch() is None:
            self._git("symbolic-ref", "HEAD", f"refs/heads/{next(iter(branches))}")

    def resolve(self, specifier: str) -> str | None:
        """Return the commit id that a commit id, branch or tag stands for; None when there is none."""
        try:
            return (
                self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{specifier}^{{commit}}")
                .decode()
                .strip()
            )
        except GitError:
            return None

    def show(self, commit: str, *fields: str) -> list[str]:
        """Return fields of a commit, written as in git's pretty formats (`%T`, `%an`)."""
        text = self._git("show", "--no-patch", "--date=raw", f"--format={'%x00'.join(fields)}", commit).decode(
            errors="replace"
        )
        return text.rstrip("\n").split("\0")

    def files(self, commit: str) -> list[File]:
        """Return every file of a commit."""
        names = {mode: name for name, mode in MODES.items()}
        entries = self._git("ls-tree", "-r", "-z", commit).decode(errors="replace").split("\0")
        found = (entry.split("\t", 1) for entry in entries if entry)
        return [File(path, names.get(facts.split()[0], "NORMAL"), facts.split()[2]) for facts, path in found]

    def content(self, blob: str) -> bytes:
        """Return the content of a file."""
        return self._git("cat-file", "blob", blob)

    def archive(self, commit: str) -> bytes:
        """Return a commit's tree as a zip."""
        return self._git("archive", "--format=zip", commit)

    def create_branch(self, name: str, commit: str) -> None:
        """Make a branch at a commit; raises GitError when it exists or its name is invalid."""
        self._git("branch", "--end-of-options", name, commit)

    def merge_base(self, one: str, other: str) -> str:
        """Return the commit that two have in common; an empty text when there is none."""
        try:
            return self._git("merge-base", one, other).decode().strip()
        except GitError:
            return ""

    def merge(self, branch: str, source: str, how: str, message: str, by: Signature) -> str:
        """Merge a commit into a branch, by `fast-forward`, `squash` or `three-way`; return the branch's commit.

        Raises GitError when the branch has moved on, or both changed the same lines.
        """
        tip = self.branches()[branch]
        if how == "fast-forward":
            if self.merge_base(tip, source) != tip:
                raise GitError(f"branch {branch} has commits that the other has not")
            made = source
        else:
            made = self.merge_commit(tip, source, how, message, by)
        self._git("update-ref", f"refs/heads/{branch}", made, tip)
        return made

    def merge_commit(self, tip: str, source: str, how: str, message: str, by: Signature) -> str:
        """Make the commit that merges one commit into another, on no branch yet; raises GitError as `merge` does."""
        tree = self._git("merge-tree", "--write-tree", tip, source).decode().splitlines()[0]
        parents = ["-p", tip, *(["-p", source] if how == "three-way" else [])]
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", by.name), ("EMAIL", by.email or "nobody@example.com"))}  # fmt: skip
        return self._git("commit-tree", tree, *parents, "-m", message, more=who).decode().strip()

    def point(self, reference: str, commit: str) -> None:
        """Let a reference name a commit; without one, let there be no such reference."""
        self._git("update-ref", *([reference, commit] if commit else ["-d", reference]))

    def hide(self, references: Iterable[str]) -> None:
        """Let nobody push to references whose names begin so."""
        for each in references:
            self._git("config", "--add", "receive.hideRefs", each)

    def between(self, old: str, new: str) -> list[str]:
        """Return the ids of the commits of one that another has not, the oldest first."""
        return self._git("rev-list", "--reverse", new, f"^{old}").decode().split()

    def changed(self, old: str, new: str) -> list[str]:
        """Return the paths of the files that differ; without an old commit, all files of the new one."""
        words = ["diff", "--name-only", "-z", "--no-renames", old] if old else ["ls-tree", "-r", "-z", "--name-only"]
        return [path for path in self._git(*words, new).decode(errors="replace").split("\0") if path]

    def commit(self, branch: str, parent: str | None, changes: Iterable[Change], message: str, by: Signature) -> str:
        """Commit changes on a branch and return the commit's id; raises GitError when the branch has moved on."""
        self._git("check-ref-format", "--branch", branch)  # a bad name could break out of the stream
        stream = b"".join(_fast_import(branch, parent, changes, message, by))
        self._git("fast-import", "--quiet", "--date-format=raw", given=stream)
        return self.branches()[branch]

    def _git(self, *arguments: str, given: bytes | None = None, more: dict[str, str] | None = None) -> bytes:
        command = ["git", f"--git-dir={self.path}", *arguments] if arguments[0] != "init" else ["git", *arguments]
        ended = subprocess.run(
            command, cwd=self.path, env=environment() | (more or {}), input=given, capture_output=True, check=False
        )
        if ended.returncode != 0:
            told = (ended.stderr or ended.stdout).decode(errors="replace").strip()
            raise GitError(told or f"git {arguments[0]} failed")
        return ended.stdout


def _fast_import(
    branch: str, parent: str | None, changes: Iterable[Change], message: str, by: Signature
) -> Iterable[bytes]:
    yield f"commit refs/heads/{branch}\n".encode()
    name, email = (_UNSAFE.sub("", text) for text in (by.name, by.email))
    yield f"committer {name} <{email}> {int(time.time())} +0000\n".encode()
    yield _data(message.encode())
    if parent:
        yield f"from {parent}\n".encode()
    for change in changes:
        if change.content is None:
            yield f"D {change.path}\n".encode()
        else:
            yield f"M {MODES[change.mode]} inline {change.path}\n".encode() + _data(change.content)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
