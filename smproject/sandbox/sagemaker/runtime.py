"""How a container's program runs without a container engine: in a jail of Linux namespaces, or as a plain process.

`jail` mounts the job's folder at /opt/ml and shows the program only its image, its job and the system's libraries.
`process` runs anywhere: it rewrites /opt/ml in arguments and environment to the job's folder.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from smproject.sandbox.images import Image
from smproject.sandbox.processes import Processes, signal_group

ML = "/opt/ml"
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc")


@dataclass
class Program:
    """A started program; `pid` is the one that gets signals (inside a jail it isn't the process we started)."""

    process: subprocess.Popen[bytes]
    pid: int

    def terminate(self) -> None:
        """Ask the program to stop."""
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """Make it stop, with its children."""
        signal_group(self.process, signal.SIGKILL)


@functools.cache
def name() -> str:
    """Return the runtime of this machine: `jail` where bubblewrap works, else `process`."""
    wanted = os.environ.get("SMPROJECT_RUNTIME", "")
    if wanted != "process" and shutil.which("bwrap"):
        probe = subprocess.run(
            ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "true"], capture_output=True, check=False
        )
        if probe.returncode == 0:
            return "jail"
    return "process"


def start(
    processes: Processes,
    folder: Path,
    image: Image,
    command: list[str],
    env: dict[str, str],
    output: IO[bytes],
    network: bool,
) -> Program:
    """Start an image's command with `folder / "ml"` as its /opt/ml; `network` False cuts it off where the runtime can."""
    env = {
        "PATH": f"{image.environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        **image.env,
        **env,
    }  # noqa: S108
    env["PATH"] = f"{image.environment}/bin:{env['PATH']}"
    if name() == "jail":
        return _start_jail(processes, folder, image, command, env, output, network)
    command, env = _rewrite(folder, image, command, env)
    process = processes.start(command, cwd=folder, env=env, output=output)
    return Program(process, process.pid)


def _start_jail(
    processes: Processes,
    folder: Path,
    image: Image,
    command: list[str],
    env: dict[str, str],
    output: IO[bytes],
    network: bool,
) -> Program:
    info_read, info_write = os.pipe()
    jail = _jail(folder, image, network, info_write)
    process = processes.start([*jail, *command], cwd=folder, env=env, output=output, pass_fds=(info_write,))
    os.close(info_write)
    with os.fdopen(info_read, "rb") as info:
        text = info.read()
    pid = json.loads(text)["child-pid"] if text.strip() else process.pid
    return Program(process, pid)


def _jail(folder: Path, image: Image, network: bool, info: int) -> list[str]:
    """Return bubblewrap's command line: the system read-only, a fresh /tmp, the image's files, the job at /opt/ml."""
    jail = ["bwrap", "--info-fd", str(info), "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/opt"]  # noqa: S108
    for path in _SYSTEM:
        jail += ["--ro-bind-try", path, path]
    for path in {sys.base_prefix, os.path.realpath(sys.base_prefix), str(image.environment)}:
        jail += ["--ro-bind", path, path]
    for file in sorted(p for p in image.root.rglob("*") if p.is_file()):
        jail += ["--ro-bind", str(file), f"/{file.relative_to(image.root)}"]
    jail += ["--bind", str(folder / "ml"), ML, "--chdir", image.workdir if _exists(image) else ML]
    return jail + ([] if network else ["--unshare-net"]) + ["--"]


def _exists(image: Image) -> bool:
    inside = image.root / image.workdir.lstrip("/")
    return inside != image.root and inside.is_dir() and any(inside.iterdir())


def _rewrite(folder: Path, image: Image, command: list[str], env: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Point /opt/ml and the image's own files to where they lie; a toolkit's base directory follows."""
    ml = str(folder / "ml")

    def moved(text: str) -> str:
        inside = image.root / text.lstrip("/")
        if text.startswith("/") and inside != image.root and inside.exists():
            return str(inside)
        return text.replace(ML, ml)

    env = {key: moved(value) for key, value in env.items()} | {"SAGEMAKER_BASE_DIR": ml, "HOME": str(folder)}
    return [moved(argument) for argument in command], env
