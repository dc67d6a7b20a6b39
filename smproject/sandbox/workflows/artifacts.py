"""Artifacts of GitLab's jobs: kept with the run, and there again in the jobs that come after.

https://docs.gitlab.com/ci/jobs/job_artifacts/
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from smproject.sandbox import globs
from smproject.sandbox.workflows.model import Artifacts


def keep(artifacts: Artifacts, workspace: Path, to: Path, *, succeeded: bool) -> list[str]:
    """Copy what a job leaves in its workspace, where its outcome asks for that; return the paths."""
    if artifacts.when not in ("always", "on_success" if succeeded else "on_failure"):
        return []
    found = [path for path in _files(workspace) if any(globs.matches_tree(path, each) for each in artifacts.paths)]
    for path in found:
        _copy(workspace / path, to / path)
    return found


def bring(jobs: Iterable[Path], workspace: Path) -> None:
    """Put what earlier jobs have kept into a workspace."""
    for folder in jobs:
        for path in _files(folder):
            _copy(folder / path, workspace / path)


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if relative.parts[0] != ".git" and (path.is_symlink() or path.is_file()):
            yield relative.as_posix()


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, to, follow_symlinks=False)
