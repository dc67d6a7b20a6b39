"""The folders that an image is built from, less what their .dockerignore files leave out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from smproject.sandbox import globs
from smproject.sandbox.dockerfile import BuildError, Copy

_NEVER = ("**/__pycache__", "**/*.pyc")  # they hold timestamps, which would make equal sources differ
_NAME = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*")


def parse_named(values: list[str]) -> dict[str, Path]:
    """Read `--build-context NAME=FOLDER`; raises BuildError, in Docker's words, for what is no name or no folder.

    https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
    """
    named = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not separator:
            raise BuildError(f"invalid context value: {value}, expected key=value")
        if not _NAME.fullmatch(name):
            raise BuildError(f"invalid context name {name}: invalid reference format")
        if "://" in path:
            raise BuildError(f"--build-context {value}: the stand-in's build contexts are folders of this machine")
        if not Path(path).exists():
            raise BuildError(f"failed to get build context {name}: stat {path}: no such file or directory")
        if not Path(path).is_dir():
            raise BuildError(f"failed to get build context path {path}: not a directory")
        named[name] = Path(path)
    return named


def copy(step: Copy, contexts: Mapping[str, BuildContext], root: Path) -> None:
    """Copy a step's files from the context that it names, into an image's root."""
    if step.context not in contexts:  # Docker takes any other name for an image's
        raise BuildError(
            f"Dockerfile:{step.line}: failed to solve: {step.context}: failed to resolve source metadata for "
            f"docker.io/library/{step.context}:latest: pull access denied, repository does not exist or may require "
            f"authorization (for a folder, give --build-context {step.context}=FOLDER)"
        )
    contexts[step.context].copy(step, root)


class BuildContext:
    """The files of one folder that COPY can see."""

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
