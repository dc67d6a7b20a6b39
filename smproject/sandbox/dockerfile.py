"""Reads the Dockerfiles that the stand-in can build: files to copy, pinned Python requirements, how to start.

Reference: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")
_CACHE_MOUNT = re.compile(r"^--mount=type=cache\S*\s+")
_NEUTRAL = ("USER", "EXPOSE")  # they change nothing for a program that runs as the current user on its own machine
_IGNORED_FLAGS = ("--chown=", "--chmod=", "--link")
_CLEANUP = "rm -rf /var/lib/apt/lists/"


class BuildError(Exception):
    """An image can't be built; the message says where and why."""


@dataclass(frozen=True)
class Copy:
    """Files of a build context that go into the image; a target with a trailing slash is a folder."""

    sources: list[str]
    target: str
    line: int
    context: str = ""  # name of a `--build-context`; empty: the folder that is built


@dataclass(frozen=True)
class Install:
    """A requirements file, by its absolute path in the image, that pip installs."""

    requirements: str
    line: int


@dataclass
class Recipe:
    """What a Dockerfile asks for."""

    base: str = ""
    steps: list[Copy | Install] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse(path: Path) -> Recipe:
    """Read a Dockerfile; raises BuildError with file and line for what the stand-in can't build."""
    if not path.is_file():
        raise BuildError(f"failed to read dockerfile: open {path.name}: no such file or directory (in {path.parent})")
    reader = _Reader(path.name)
    for number, name, value in instructions(path.read_text()):
        reader.read(number, name, value)
    if not reader.recipe.base:
        raise BuildError(f"{path.name}: no FROM instruction")
    return reader.recipe


def instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, instruction and value, with continuation lines joined and comments dropped."""
    first, gathered = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        first = first if gathered else number
        stripped = line.strip()
        gathered += stripped.removesuffix("\\")
        if not stripped.endswith("\\"):
            name, _, value = gathered.partition(" ")
            yield first, name.upper(), value.strip()
            gathered = ""
    if gathered:
        raise BuildError(f"Dockerfile:{first}: the last line ends in a continuation")


class _Reader:
    """Applies instructions, one after the other, to a recipe."""

    def __init__(self, file: str) -> None:
        self.file, self.line, self.recipe = file, 0, Recipe()
        self.variables: dict[str, str] = {}

    def read(self, line: int, name: str, value: str) -> None:
        """Apply one instruction."""
        self.line = line
        action = getattr(self, f"_{name.lower()}", None)
        if name in _NEUTRAL:
            return
        if action is None:
            raise self._error(f"the stand-in for docker does not know the instruction {name}")
        if not self.recipe.base and name not in ("FROM", "ARG"):
            raise self._error(f"{name} comes before FROM")
        action(value)

    def _error(self, message: str) -> BuildError:
        return BuildError(f"{self.file}:{self.line}: {message}")

    def _expand(self, text: str) -> str:
        return _VARIABLE.sub(lambda m: self.variables.get(m[1] or m[2]) or m[3] or "", text)

    def _from(self, value: str) -> None:
        if self.recipe.base:
            raise self._error("several FROM instructions: the stand-in builds one stage only")
        words = [word for word in self._expand(value).split() if not word.startswith("--platform=")]
        if not words:
            raise self._error("FROM names no image")
        self.recipe.base = words[0]

    def _arg(self, value: str) -> None:
        name, _, default = value.partition("=")
        self.variables.setdefault(name.strip(), self._expand(default.strip("\"'")))

    def _env(self, value: str) -> None:
        self.recipe.env.update(self._pairs(value))
        self.variables.update(self.recipe.env)

    def _label(self, value: str) -> None:
        self.recipe.labels.update(self._pairs(value))

    def _pairs(self, value: str) -> dict[str, str]:
        words = self._words(value)
        if "=" not in words[0]:  # the old form: ENV NAME some text
            name, _, text = value.partition(" ")
            return {name: self._expand(text.strip())}
        if wrong := [word for word in words if "=" not in word]:
            raise self._error(f"{wrong[0]!r} is not NAME=VALUE")
        return {name: self._expand(text) for name, _, text in (word.partition("=") for word in words)}

    def _words(self, value: str) -> list[str]:
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise self._error(f"{error}: {value}") from error
        if not words:
            raise self._error("the instruction has no value")
        return words

    def _workdir(self, value: str) -> None:
        self.recipe.workdir = posixpath.normpath(posixpath.join(self.recipe.workdir, self._expand(value)))

    def _copy(self, value: str) -> None:
        words = _exec_form(value) or self._words(value)
        named = [word for word in words if word.startswith("--from=")]
        self._copy_from("".join(named).removeprefix("--from="), [word for word in words if word not in named])

    def _copy_from(self, context: str, words: list[str]) -> None:
        words = [self._expand(word) for word in words if not word.startswith(_IGNORED_FLAGS)]
        if flags := [word for word in words if word.startswith(("--", "<<"))]:
            raise self._error(f"the stand-in does not know {flags[0]}")
        if len(words) < 2:
            raise self._error("COPY needs at least one source and a destination")
        target = posixpath.join(self.recipe.workdir, words[-1])
        folder = "/" if target.endswith(("/", "/.")) or len(words) > 2 else ""
        step = Copy(words[:-1], posixpath.normpath(target).rstrip("/") + folder, self.line, context)
        self.recipe.steps.append(step)

    def _add(self, value: str) -> None:
        words = _exec_form(value) or self._words(value)
        for source in words[:-1]:
            if "://" in source or source.endswith((".tar", ".gz", ".tgz", ".bz2", ".xz")):
                raise self._error(f"the stand-in's ADD copies plain local files only, not {source}")
        self._copy_from("", words)

    def _run(self, value: str) -> None:
        value = _CACHE_MOUNT.sub("", value)
        for command in re.split(r"&&|;", " ".join(_exec_form(value) or [value])):
            self._run_one(command.strip())

    def _run_one(self, command: str) -> None:
        words = self._words(self._expand(command))
        if words[0] in ("apt-get", "apt") or command.startswith(_CLEANUP):
            note = f"{self.file}:{self.line}: skipped `{words[0]}`: the stand-in builds no operating system packages"
            self.recipe.notes += [note] if note not in self.recipe.notes and words[0] != "rm" else []
            return
        files = _requirement_files(words)
        if not files:
            raise self._error(
                f"the stand-in can't run `{command}`; it knows `pip install -r FILE` and skips `apt-get` "
                "(put Python packages into a requirements file, other files into COPY)"
            )
        self.recipe.steps += [Install(posixpath.join(self.recipe.workdir, file), self.line) for file in files]

    def _entrypoint(self, value: str) -> None:
        self.recipe.entrypoint = _exec_form(value) or ["/bin/sh", "-c", value]

    def _cmd(self, value: str) -> None:
        self.recipe.command = _exec_form(value) or ["/bin/sh", "-c", value]


def _exec_form(value: str) -> list[str] | None:
    """Return the words of `["a", "b"]`; None for the shell form."""
    try:
        words = json.loads(value) if value.startswith("[") else None
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _requirement_files(words: list[str]) -> list[str]:
    """Return the files that a `pip install` names with -r; empty for any other command."""
    if words[:1] and re.fullmatch(r"python[\d.]*", words[0]) and words[1:2] == ["-m"]:
        words = words[2:]
    if not words or not re.fullmatch(r"pip[\d.]*", words[0]) or words[1:2] != ["install"]:
        return []
    given = zip(words, [*words[1:], ""], strict=True)
    named = [after for word, after in given if word in ("-r", "--requirement")]
    packages = [word for word in words[2:] if not word.startswith("-") and word not in named]
    return [] if packages else named
