"""The branch `seed`: each version of a seed as it was handed out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from smproject.errors import ForkError
from smproject.forks.git import Repository
from smproject.seeds import LABEL, SeedFile, digest_of

BRANCH = "seed"
# Where the branch may be: a clone has only what it fetched.
PLACES = (f"refs/heads/{BRANCH}", f"refs/remotes/origin/{BRANCH}")


@dataclass(frozen=True)
class Label:
    """Which seed a repository came from."""

    template: str
    version: str
    digest: str


def label_of(repository: Repository, commit: str = "HEAD") -> Label:
    """Read a commit's label; raises ForkError when there is none."""
    if not repository.succeeds("cat-file", "-e", f"{commit}:{LABEL}"):
        raise ForkError(f"{repository.folder} has no {LABEL} in its last commit: it was not made from a seed.")
    try:
        values = json.loads(repository.ask("show", f"{commit}:{LABEL}"))
        return Label(values["template"], values["version"], values["digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise ForkError(f"{LABEL} can't be read: {error!r}. Restore it: git checkout COMMIT -- {LABEL}") from error


def base_of(repository: Repository, label: Label) -> str:
    """The last commit of the branch; where there is no branch, the one that holds the labelled seed and no edit."""
    for place in PLACES:
        if tip := repository.commit_of(place):
            return tip
    for commit in repository.lines("log", "--format=%H", "HEAD", "--", LABEL):
        if digest_of(repository.files(commit)) == label.digest:
            return commit
    raise ForkError(
        f"No commit holds the seed of {label.template} {label.version} as it was handed out, so git can't tell your "
        f"changes from it. Name one that comes near, the first for example: git branch {BRANCH} COMMIT"
    )


def record(repository: Repository, files: Mapping[str, SeedFile], message: str, parent: str | None = None) -> str:
    """Commit a seed to the branch, whatever is checked out; returns the commit."""
    who = repository.text("var", "GIT_COMMITTER_IDENT")
    parts = [f"commit refs/heads/{BRANCH}\ncommitter {who}\n".encode(), _data(message.encode())]
    parts += [f"from {parent}\n".encode()] * bool(parent) + [b"deleteall\n"]
    for name, file in files.items():
        parts += [f"M 100{file.mode:o} inline {name}\n".encode(), _data(file.content)]
    repository.ask("fast-import", "--quiet", given=b"".join(parts))
    return repository.text("rev-parse", f"refs/heads/{BRANCH}")


def _data(content: bytes) -> bytes:
    """A block of git's fast-import format: https://git-scm.com/docs/git-fast-import#_data"""
    return f"data {len(content)}\n".encode() + content + b"\n"
