"""The folder that an image is built from, less what its .dockerignore leaves out."""

from __future__ import annotations

import shutil
from pathlib import Path

from smproject.sandbox import globs
from smproject.sandbox.dockerfile import BuildError, Copy

_NEVER = ("**/__pycache__", "**/*.pyc")  # they hold timestamps, which would make equal sources differ


class BuildContext:
    """The files that COPY can see."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BuildError(f'unable to prepare context: path "{folder}" not found')
        self.folder = folder
        ignore = folder / ".dockerignore"
        lines = ignore.read_text().splitlines() if ignore.exists() else []
        self._patterns = [*_NEVER, *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]

    def copy(self, step: Copy, root: Path) -> None:
        """Copy a step's sources into an image's root."""
        target = root / step.target.lstrip("/")
        for source in step.sources:
            for path in self._found(source, step.line):
                if path.is_dir():
                    self._copy_tree(path, target)
                else:
                    into = target / path.name if step.target.endswith("/") or target.is_dir() else target
                    _copy_file(path, into)

    def _found(self, source: str, line: int) -> list[Path]:
        pattern = source.lstrip("/").removeprefix("./") or "."
        if ".." in Path(pattern).parts:
            raise BuildError(f"Dockerfile:{line}: COPY {source}: forbidden path outside the build context")
        literal = self.folder / pattern
        found = [literal] if literal.exists() else sorted(self.folder.glob(pattern))
        kept = [path for path in found if not self._ignored(path)]
        if not kept:
            raise BuildError(
                f"Dockerfile:{line}: COPY {source}: file not found in {self.folder} or excluded by .dockerignore"
            )
        return kept

    def _copy_tree(self, folder: Path, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not self._ignored(path):
                _copy_file(path, target / path.relative_to(folder))

    def _ignored(self, path: Path) -> bool:
        relative, ignored = path.relative_to(self.folder).as_posix(), False
        for line in self._patterns:  # the last pattern that matches decides
            if globs.matches_tree(relative, line.lstrip("!").strip("/").removeprefix("./")):
                ignored = not line.startswith("!")
        return ignored and relative != "."


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
