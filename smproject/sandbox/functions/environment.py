"""Where a function's process runs: its code at /var/task, its layers under /opt, its role's credentials.

In the jail those are the paths; a plain process finds the code where LAMBDA_TASK_ROOT says.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smproject.sandbox import environments
from smproject.sandbox.functions import bootstrap
from smproject.sandbox.processes import Processes
from smproject.sandbox.sagemaker import runtime

# What AWS's Python runtimes bring: boto3 and what it needs.
_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
_TASK, _LAYERS, _RUNTIME = "/var/task", "/opt", "/var/runtime"


@dataclass(frozen=True)
class Environment:
    """What one process of a function's version needs; `folder` is its own and goes with it."""

    folder: Path
    code: Path
    layers: tuple[Path, ...]
    version: str
    timeout: int
    memory: int
    variables: dict[str, str]

    def start(self, processes: Processes, events: int, answers: int, output: int) -> subprocess.Popen[bytes]:
        """Start the process: events come from one file descriptor, answers go to another, what it prints to a third."""
        packages = _packages(self.folder.parent / "runtime")
        python = [os.path.realpath(sys.executable), "-S", "-B"]
        if runtime.name() == "jail":
            command = [*self._jail(packages), *python, f"{_RUNTIME}/{packages.script.name}", str(answers)]
            env = self._env(_TASK, [_LAYERS] if self.layers else [], _RUNTIME)
        else:
            command = [*python, str(packages.script), str(answers)]
            env = self._env(str(self.code), [str(layer) for layer in self._merged()], str(packages.folder))
        return processes.start(command, cwd=self.folder, env=env, output=output, stdin=events, pass_fds=(answers,))

    def remove(self) -> None:
        """Remove the process's own files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _env(self, task: str, layers: list[str], packages: str) -> dict[str, str]:
        libraries = ":".join([f"{layer}/lib" for layer in layers] + [task, f"{task}/lib"])
        places = ":".join([*(f"{layer}/bin" for layer in layers), "/usr/local/bin", "/usr/bin", "/bin"])
        temporary = "/tmp" if runtime.name() == "jail" else str(self.folder)  # noqa: S108 (inside the jail)
        own = {"LAMBDA_TASK_ROOT": task, "LAMBDA_RUNTIME_DIR": packages, "SANDBOX_LAYERS": os.pathsep.join(layers)}
        own |= {"PATH": places, "LD_LIBRARY_PATH": libraries, "LANG": "en_US.UTF-8", "TZ": ":UTC"}
        return own | {"TMPDIR": temporary, "HOME": temporary, "PYTHONIOENCODING": "utf-8"} | self.variables

    def _jail(self, packages: Packages) -> list[str]:
        jail = [*runtime.system_jail(), "--ro-bind", str(self.code), _TASK, "--chdir", _TASK]
        jail += ["--ro-bind", str(packages.folder), _RUNTIME]
        for place in packages.sources:
            jail += ["--ro-bind", place, place]
        if self.layers:
            jail += ["--ro-bind", str(next(self._merged())), _LAYERS]
        return [*jail, "--"]

    def _merged(self) -> Iterator[Path]:
        """Yield one folder with the layers' files, the last layer's over the others', if there are layers."""
        if not self.layers:
            return
        merged = self.folder / "opt"
        for layer in self.layers:
            shutil.copytree(layer, merged, dirs_exist_ok=True, symlinks=True)
        yield merged


@dataclass(frozen=True)
class Packages:
    """A folder with links to the packages of the runtime and the program that runs functions."""

    folder: Path
    sources: tuple[str, ...]

    @property
    def script(self) -> Path:
        """Return the program."""
        return self.folder / Path(bootstrap.__file__).name


def _packages(folder: Path) -> Packages:
    sources = tuple(dict.fromkeys(os.path.realpath(place) for place in environments.host_packages()))
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PACKAGES:
        found = next((Path(place) / name for place in sources if (Path(place) / name).exists()), None)
        if found and not (folder / name).is_symlink():
            (folder / name).symlink_to(found)
    shutil.copyfile(bootstrap.__file__, folder / Path(bootstrap.__file__).name)
    return Packages(folder, sources)
