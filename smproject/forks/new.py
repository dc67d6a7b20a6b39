"""Write a seed into a new git repository."""

from collections.abc import Mapping
from pathlib import Path

from smproject.catalog import Seed, Template
from smproject.errors import SeedFolderError
from smproject.forks.answers import FILE, write_answers
from smproject.forks.git import Repository
from smproject.forks.vanilla import BRANCH, record
from smproject.seeds import seed_files, version

MAIN = "main"
TARGETS = "local.mk"  # which a seed's Makefile includes
RUN = """.PHONY: run

run:  ## Build the last commit on this machine; DATA is the data's file or folder, the first time
\tsmproject sandbox run $(if $(DATA),--data $(DATA))
"""


def new(template: Template, seed: Seed, folder: Path, given: Mapping[str, str] | None = None) -> list[str]:
    """Make a repository whose branch `seed` holds the seed, and `main` what is the fork's own, too; returns the files.

    The folder is new, empty, or a repository without commits, such as a clone of an empty one; else SeedFolderError.
    """
    demand_empty(folder)
    files = seed_files(template, seed)
    Repository(Path()).text("var", "GIT_COMMITTER_IDENT")  # who commits: asked before anything is made
    folder.mkdir(parents=True, exist_ok=True)
    repository = Repository(folder)
    repository.ask("init", "--quiet")
    record(repository, files, f"Seed of {template.id} {version(template.root)}\n")
    repository.ask("checkout", "--quiet", "--no-track", "-B", MAIN, BRANCH)
    own = _write_own(folder, given or {})
    repository.ask("add", *own)
    repository.ask("commit", "--quiet", "--message", "What the project is made with, and how to build it here")
    return [*files, *own]


def _write_own(folder: Path, given: Mapping[str, str]) -> list[str]:
    """Write what is no part of the seed, which knows nothing of this tool."""
    (folder / TARGETS).write_text(RUN, encoding="utf-8")
    if not given:
        return [TARGETS]
    write_answers(folder, given)
    return [TARGETS, FILE]


def demand_empty(folder: Path) -> None:
    """Raise SeedFolderError for a folder that holds anything."""
    if not folder.exists():
        return
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {".git"}:
        raise SeedFolderError(f"{folder} isn't an empty folder. Name one that is new or empty.")
    if (folder / ".git").exists() and Repository(folder).text("rev-list", "--all", "--max-count=1"):
        raise SeedFolderError(f"{folder} is a repository with commits. Name a folder that is new or empty.")
