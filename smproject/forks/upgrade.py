"""Bring the newest seed into a fork: a commit on the branch `seed`, merged by git."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smproject import catalog
from smproject.errors import ForkError
from smproject.forks import changelog
from smproject.forks.git import Repository
from smproject.forks.vanilla import BRANCH, Label, base_of, label_of, record
from smproject.seeds import SeedFile, digest_of, seed_files, version


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade brought: files of the seed that differ, and those of them that git could not merge."""

    template: str
    before: str
    after: str
    files: tuple[str, ...]
    conflicts: tuple[str, ...]
    why: str


def upgrade(folder: Path, *, merge: bool = True, root: Path = catalog.ROOT) -> Upgrade | None:
    """Merge the newest seed into what is checked out; None when that is there. Raises ForkError."""
    repository = open_repository(folder)
    label = label_of(repository)
    template = catalog.template(label.template, root)
    files = _seed_of(template)
    if digest_of(files) == label.digest:
        return None
    base = base_of(repository, label)
    after, why = version(root), changelog.between((root / "CHANGELOG.md").read_text(), label.version, version(root))
    tip = _record(repository, files, base, f"Seed of {template.id} {after}\n\n{why}\n")
    changed = tuple(repository.lines("diff", "--name-only", base, tip))
    conflicts = _merge(repository, label, after) if merge else ()
    return Upgrade(template.id, label.version, after, changed, conflicts, why)


def undo(folder: Path) -> None:
    """Take back a merge of the branch `seed` that is under way, or that is the last commit; raises ForkError."""
    repository = open_repository(folder, clean=False)
    tip = repository.commit_of(BRANCH)
    if tip and repository.commit_of("MERGE_HEAD") == tip:
        repository.ask("merge", "--abort")
    elif tip and repository.commit_of("HEAD^2") == tip:
        repository.ask("reset", "--keep", "HEAD^1")
    else:
        raise ForkError(
            f"The last commit of {folder} is no merge of the branch {BRANCH}, so there is nothing to take back. Where "
            "commits follow the merge, revert it: git revert -m 1 MERGE"
        )
    repository.ask("branch", "--force", BRANCH, f"{BRANCH}^")


def open_repository(folder: Path, *, clean: bool = True) -> Repository:
    """Open a repository at its top; raises ForkError where there is none, or where work would get mixed up."""
    repository = Repository(folder)
    if not folder.is_dir() or not repository.succeeds("rev-parse", "--git-dir"):
        raise ForkError(f"{folder} is no git repository. Name the folder of a repository that was made from a seed.")
    repository = Repository(Path(repository.text("rev-parse", "--show-toplevel")))
    if clean and repository.text("status", "--porcelain", "--untracked-files=no"):
        raise ForkError(f"{repository.folder} has changes that aren't committed. Commit them, or: git stash")
    return repository


def _seed_of(template: catalog.Template) -> Mapping[str, SeedFile]:
    if not template.seeds:
        raise ForkError(f"Template {template.id} has no seed any more. CHANGELOG.md says where its code went.")
    return seed_files(template, template.seeds[0])


def _record(repository: Repository, files: Mapping[str, SeedFile], base: str, message: str) -> str:
    """Commit the seed after the base, unless an upgrade that was not merged did so."""
    tip = base if digest_of(repository.files(base)) == digest_of(files) else None
    if tip is None:
        return record(repository, files, message, base)
    repository.ask("branch", "--force", BRANCH, tip)
    return tip


def _merge(repository: Repository, label: Label, after: str) -> tuple[str, ...]:
    """Merge the branch; returns the files in which both sides changed the same lines."""
    message = f"Upgrade the seed of {label.template} from {label.version} to {after}"
    if repository.succeeds("merge", "--no-ff", "--message", message, BRANCH):
        return ()
    conflicts = tuple(repository.lines("diff", "--name-only", "--diff-filter=U"))
    if not conflicts:
        repository.ask("merge", "--no-ff", "--message", message, BRANCH)  # says why it did not even begin
    return conflicts
