"""The commands that a build finds: those of the packages it sees, the AWS CLI, and the stand-in for docker."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

from smproject.sandbox import environments

# Found through `env`, the interpreter is the build's own, so a command sees what the build has installed.
_SCRIPT = """#!/usr/bin/env python
import sys
from {module} import {name}
sys.exit({attribute}())
"""
_DOCKER = """#!/bin/sh
SMPROJECT_IMAGES={images} SMPROJECT_IMAGE_TAGS={tags} SMPROJECT_CACHE={cache} \\
exec {python} -I -c '
import sys
sys.path.insert(0, {root})
from smproject.sandbox.docker import main
sys.exit(main())' "$@"
"""
_NO_DOCKER = """#!/bin/sh
echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2
echo 'The build project does not set privilegedMode, which docker needs.' >&2
exit 1
"""


def write_commands(folder: Path) -> None:
    """Write the commands of the packages that builds share with the sandbox, and the AWS CLI."""
    folder.mkdir(parents=True, exist_ok=True)
    for distribution in distributions(path=environments.host_packages()):
        for entry in distribution.entry_points.select(group="console_scripts"):
            if not entry.module.startswith("smproject"):
                _write(folder / entry.name, _script(entry))
    if importlib.util.find_spec("awscli"):
        _write(folder / "aws", _SCRIPT.format(module="awscli.clidriver", name="main", attribute="main"))
    elif aws := shutil.which("aws"):
        (folder / "aws").unlink(missing_ok=True)
        (folder / "aws").symlink_to(aws)


def _script(entry: EntryPoint) -> str:
    return _SCRIPT.format(module=entry.module, name=entry.attr.partition(".")[0], attribute=entry.attr)


@dataclass(frozen=True)
class Docker:
    """A build's docker command: images are this machine's, tags the build's own, as a daemon of its own would have."""

    images: Path
    tags: Path

    def write(self, folder: Path, *, privileged: bool) -> None:
        """Write the command, which refuses as on AWS when the project is not privileged."""
        words = {"images": self.images, "tags": self.tags, "cache": environments.cache(), "python": sys.executable}
        quoted = {name: shlex.quote(str(word)) for name, word in words.items()}
        text = _DOCKER.format(root=_python_text(str(Path(__file__).parents[3])), **quoted)
        _write(folder / "docker", text if privileged else _NO_DOCKER)


def _python_text(value: str) -> str:
    """Return a Python literal that may stand between single quotes of a shell."""
    return '"' + "".join(f"\\u{ord(letter):04x}" if letter in "\"'\\" else letter for letter in value) + '"'


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
