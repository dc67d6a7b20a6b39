"""Reads buildspec files, version 0.2.

Reference: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
SHELLS = {"": "sh", "sh": "sh", "/bin/sh": "sh", "bash": "bash"}

# What each key holds: text, a list of texts, anything, or a mapping ("*" stands for names that the user chooses).
_TEXT, _TEXTS, _ANY = "a text", "a list", "anything"
_NAMED_TEXTS = {"*": _TEXT}
_PHASE = {
    "run-as": _TEXT,
    "on-failure": _TEXT,
    "runtime-versions": _ANY,
    "commands": _TEXTS,
    "finally": _TEXTS,
}
_ARTIFACTS = {
    "files": _TEXTS,
    "name": _TEXT,
    "base-directory": _TEXT,
    "discard-paths": _TEXT,
    "exclude-paths": _TEXTS,
    "enable-symlinks": _TEXT,
    "s3-prefix": _TEXT,
}
_REPORT = {"files": _TEXTS, "base-directory": _TEXT, "discard-paths": _TEXT, "file-format": _TEXT}
_BUILDSPEC = {
    "version": _TEXT,
    "run-as": _TEXT,
    "env": {
        "shell": _TEXT,
        "variables": _NAMED_TEXTS,
        "parameter-store": _NAMED_TEXTS,
        "secrets-manager": _NAMED_TEXTS,
        "exported-variables": _TEXTS,
        "git-credential-helper": _TEXT,
    },
    "proxy": _ANY,
    "batch": _ANY,
    "phases": dict.fromkeys(PHASES, _PHASE),
    "reports": {"*": _REPORT},
    "artifacts": {**_ARTIFACTS, "secondary-artifacts": {"*": _ARTIFACTS}},
    "cache": _ANY,
}
# Keys that are read but change nothing here; the log says so.
_WITHOUT_EFFECT = {
    "run-as": "commands run as the user who started the sandbox",
    "runtime-versions": "commands run with this machine's Python",
    "cache": "nothing is cached between builds",
    "proxy": "the machine's own network settings hold",
    "batch": "builds run one by one",
    "enable-symlinks": "links are uploaded as the files they point to",
    "s3-prefix": "artifacts go to the path that the project sets",
}


class BuildspecError(Exception):
    """A buildspec can't be used; CodeBuild reports the message as YAML_FILE_ERROR."""


@dataclass(frozen=True)
class Phase:
    """A phase's commands; `on_failure` is empty, ABORT or CONTINUE."""

    commands: list[str] = field(default_factory=list)
    finally_commands: list[str] = field(default_factory=list)
    on_failure: str = ""


@dataclass(frozen=True)
class ArtifactFiles:
    """Which files a build hands over, and under what name."""

    files: list[str]
    name: str = ""
    base_directory: str = ""
    discard_paths: bool = False
    exclude_paths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Buildspec:
    """A buildspec; artifacts are kept by identifier, the primary ones under an empty one, reports by group."""

    shell: str
    variables: dict[str, str]
    parameters: dict[str, str]
    secrets: dict[str, str]
    exported: list[str]
    phases: dict[str, Phase]
    artifacts: dict[str, ArtifactFiles]
    reports: dict[str, ArtifactFiles]
    notes: list[str]


def parse(text: str) -> Buildspec:
    """Read a buildspec; raises BuildspecError with the line of what is wrong."""
    reader = _Reader()
    spec = reader.mapping(_compose(text), _BUILDSPEC, "")
    if spec.get("version") != "0.2":
        raise BuildspecError(f"version {spec.get('version', '')!r} of the buildspec is not supported: use 0.2")
    if not spec.get("phases"):
        raise BuildspecError("the buildspec has no phases")
    env = spec.get("env", {})
    shell = env.get("shell", "")
    if shell not in SHELLS:
        raise BuildspecError(f"env.shell {shell!r} is not supported: use bash or /bin/sh")
    return Buildspec(
        shell=SHELLS[shell],
        variables=env.get("variables", {}),
        parameters=env.get("parameter-store", {}),
        secrets=env.get("secrets-manager", {}),
        exported=env.get("exported-variables", []),
        phases={name: _phase(name, content) for name, content in spec["phases"].items()},
        artifacts=_artifacts(spec.get("artifacts", {})),
        reports={name: _report(name, content) for name, content in spec.get("reports", {}).items()},
        notes=reader.notes,
    )


def _compose(text: str) -> yaml.Node:
    try:
        node = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BuildspecError(f"{error.problem} at line {line}") from error
    except yaml.YAMLError as error:  # a character that YAML forbids
        raise BuildspecError(" ".join(str(error).split())) from error
    if node is None:
        raise BuildspecError("the buildspec is empty")
    return node


class _Reader:
    """Turns YAML nodes into texts, lists and dictionaries, checked against what each key holds."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def mapping(self, node: yaml.Node, keys: dict[str, Any], path: str) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _error(f"Expected {path or 'the buildspec'} to be a map", node)
        found: dict[str, Any] = {}
        for key, value in node.value:
            where = f"{path}.{key.value}".lstrip(".")
            kind = keys.get(key.value, keys.get("*"))
            if kind is None:
                raise _error(f"unknown key {where!r} (known: {', '.join(keys)})", key)
            if key.value in found:
                raise _error(f"the key {where!r} is already defined", key)
            found[key.value] = self._value(value, kind, where)
            if note := _WITHOUT_EFFECT.get(key.value if "*" not in keys else ""):
                self.notes.append(f"{where} has no effect in the sandbox: {note}")
        return found

    def _value(self, node: yaml.Node, kind: Any, where: str) -> Any:
        if isinstance(kind, dict):
            return {} if _is_null(node) else self.mapping(node, kind, where)
        if kind is _ANY:
            return None
        if kind is _TEXTS:
            return self._texts(node, where)
        if not isinstance(node, yaml.ScalarNode):
            raise _error(f"Expected {where} to be of string type", node)
        return node.value

    def _texts(self, node: yaml.Node, where: str) -> list[str]:
        if _is_null(node):
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise _error(f"Expected {where} to be a list", node)
        for index, item in enumerate(node.value):
            if not isinstance(item, yaml.ScalarNode):
                name = where.rpartition(".")[2].capitalize()
                raise _error(f"Expected {name}[{index}] to be of string type: found subkeys instead", item)
        return [item.value for item in node.value]


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _error(message: str, node: yaml.Node) -> BuildspecError:
    return BuildspecError(f"{message} at line {node.start_mark.line + 1}")


def _phase(name: str, content: dict[str, Any]) -> Phase:
    on_failure = content.get("on-failure", "")
    if re.match(r"RETRY(-|$)", on_failure):
        raise BuildspecError(f"phases.{name}.on-failure: the sandbox does not implement {on_failure}")
    if on_failure not in ("", "ABORT", "CONTINUE"):
        raise BuildspecError(f"phases.{name}.on-failure is {on_failure!r}: use ABORT or CONTINUE")
    return Phase(content.get("commands", []), content.get("finally", []), on_failure)


def _artifacts(content: dict[str, Any]) -> dict[str, ArtifactFiles]:
    named = {"": content, **content.get("secondary-artifacts", {})}
    return {identifier: _artifact_files(files) for identifier, files in named.items() if files.get("files")}


def _artifact_files(content: dict[str, Any]) -> ArtifactFiles:
    discard = content.get("discard-paths", "no").lower() in ("yes", "true")
    excluded = content.get("exclude-paths", [])
    return ArtifactFiles(
        content["files"], content.get("name", ""), content.get("base-directory", ""), discard, excluded
    )


def _report(name: str, content: dict[str, Any]) -> ArtifactFiles:
    if name.startswith(("arn:", "$")):
        raise BuildspecError(f"reports.{name}: the sandbox reads plain names of report groups only")
    if (kind := content.get("file-format", "JUNITXML")) != "JUNITXML":
        raise BuildspecError(f"reports.{name}.file-format: the sandbox does not implement {kind}, it reads JUNITXML")
    if not content.get("files"):
        raise BuildspecError(f"reports.{name} names no files")
    return _artifact_files(content)
