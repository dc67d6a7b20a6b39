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


def new(template: Template, seed: Seed, folder: Path, given: Mapping[str, str] | None = None) -> list[str]:
    """Make a repository whose branch `seed` holds the seed, and `main` the values given, too; returns the seed's files.

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
    if given:
        write_answers(folder, given)
        repository.ask("add", FILE)
        repository.ask("commit", "--quiet", "--message", "What the project is made with")
    return list(files)


def demand_empty(folder: Path) -> None:
    """Raise SeedFolderError for a folder that holds anything."""
    if not folder.exists():
        return
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {".git"}:
        raise SeedFolderError(f"{folder} isn't an empty folder. Name one that is new or empty.")
    if (folder / ".git").exists() and Repository(folder).text("rev-list", "--all", "--max-count=1"):
        raise SeedFolderError(f"{folder} is a repository with commits. Name a folder that is new or empty.")
