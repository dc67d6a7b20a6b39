"""How a container's program runs without a container engine: in a jail of Linux namespaces, or as a plain process.

`jail` mounts the job's folder at /opt/ml and shows the program only its image, its job and the system's libraries.
`process` runs anywhere: it rewrites /opt/ml in arguments and environment to the job's folder.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from smproject.sandbox import environments
from smproject.sandbox.image_store import Image
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.processes import Processes
from smproject.sandbox.sagemaker import bubblewrap, relay
from smproject.sandbox.sagemaker.bubblewrap import Program
from smproject.sandbox.sagemaker.network import Place

ML = "/opt/ml"
_RELAY = "/opt/relay"
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc")


@dataclass(frozen=True)
class Launch:
    """What to run: an image's command in a job's folder, whose subfolder `ml` is the program's /opt/ml.

    `network` False cuts the program off, and `readonly` protects subfolders of `ml` from it, where the runtime can.
    `port` is where a server is to listen: cut off, it is reached through `socket`. `place` names its host, in a jail.
    """

    folder: Path
    image: Image
    command: list[str]
    env: dict[str, str]
    network: bool
    readonly: tuple[str, ...] = ()
    port: int = 0
    place: Place | None = None

    @property
    def socket(self) -> Path | None:
        """Return the UNIX socket through which a server without network is reached; None when its port is open."""
        relayed = self.port and not self.network and name() == "jail"
        return self.folder / "relay" / "socket" if relayed else None

    @property
    def environment(self) -> Path:
        """Return the job's own Python environment: the image's packages are seen, what is installed goes here."""
        return self.folder / "environment"

    def variables(self) -> dict[str, str]:
        """Return the environment variables: the image's, then the job's."""
        # An instance's cores are a job's own, this machine's are not: threads that wait must not keep one busy.
        shared = {"OMP_WAIT_POLICY": "PASSIVE"}
        home = "/tmp"  # noqa: S108 (inside the jail)
        given = {"LANG": "C.UTF-8", "HOME": home, **shared, **self.image.env, **self.env}
        places = [self.environment / "bin", self.image.environment / "bin", "/usr/local/bin", "/usr/bin", "/bin"]
        return given | {"PATH": ":".join(str(place) for place in places)}


def access(endpoint: str, region: str, credentials: Credentials | None) -> dict[str, str]:
    """Return the variables by which a program finds AWS; without credentials (when it is isolated) only the region."""
    env = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if credentials:
        env |= {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token,
            "AWS_ENDPOINT_URL": endpoint,
        }
    return env


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


def start(processes: Processes, launch: Launch, output: int) -> Program:
    """Start a launch's command; what it prints goes to the file descriptor `output`."""
    environments.throwaway(
        launch.environment, [str(path) for path in launch.image.environment.glob("lib/*/site-packages")]
    )
    if name() == "jail":
        return _start_jail(processes, launch, output)
    command, env = _rewrite(launch)
    process = processes.start(command, cwd=launch.folder, env=env, output=output)
    return Program(process, process.pid)


def _start_jail(processes: Processes, launch: Launch, output: int) -> Program:
    rest = _relayed(launch) if launch.socket else launch.command
    return bubblewrap.begin(
        processes,
        lambda info: [*_jail(launch, info), *rest],
        cwd=launch.folder,
        env=launch.variables(),
        output=output,
    )


def system_jail() -> list[str]:
    """Return the beginning of bubblewrap's command line: the system and Python read-only, a fresh /tmp and /opt."""
    jail = ["bwrap", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/opt"]  # noqa: S108
    for path in _SYSTEM:
        jail += ["--ro-bind-try", path, path]
    for path in {sys.base_prefix, os.path.realpath(sys.base_prefix)}:
        jail += ["--ro-bind", path, path]
    return jail


def _jail(launch: Launch, info: int) -> list[str]:
    """Return bubblewrap's command line: the system's jail, the image's files, the job at /opt/ml."""
    environment = str(launch.image.environment)
    entry, network = _network(launch)
    jail = [*entry, *system_jail(), *network, "--info-fd", str(info), "--ro-bind", environment, environment]
    root = launch.image.root
    for file in sorted(p for p in root.rglob("*") if p.is_file()):
        jail += ["--ro-bind", str(file), f"/{file.relative_to(root)}"]
    jail += ["--bind", str(launch.environment), str(launch.environment)]
    jail += ["--bind", str(launch.folder / "ml"), ML, "--chdir", launch.image.workdir if _copied(launch.image) else ML]
    for folder in launch.readonly:
        jail += ["--ro-bind", str(launch.folder / "ml" / folder), f"{ML}/{folder}"]
    if launch.socket:
        launch.socket.parent.mkdir(exist_ok=True)
        jail += ["--bind", str(launch.socket.parent), _RELAY, "--ro-bind", relay.__file__, f"{_RELAY}.py"]
    return [*jail, "--"]


def _network(launch: Launch) -> tuple[tuple[str, ...], list[str]]:
    """Return what begins a launch's command line, and the options for its network and its host's name."""
    place = launch.place
    entry = place.entry if place else ()
    options = [] if launch.network or entry else ["--unshare-net"]
    if place:
        options += ["--unshare-uts", "--hostname", place.host, "--ro-bind", str(place.names), "/etc/hosts"]
    return entry, options


def _relayed(launch: Launch) -> list[str]:
    """Return a command that runs a launch's in the same process, with a relay from its socket to its port beside it."""
    python = os.path.realpath(sys.executable)
    script = f'"$0" -I -S {_RELAY}.py {_RELAY}/socket {launch.port} & exec "$@"'
    return ["/bin/sh", "-c", script, python, *launch.command]


def _copied(image: Image) -> bool:
    """Tell whether the image's working folder is one that it copied files to, so that the jail has it."""
    inside = image.root / image.workdir.lstrip("/")
    return inside != image.root and inside.is_dir() and any(inside.iterdir())


def _rewrite(launch: Launch) -> tuple[list[str], dict[str, str]]:
    """Point /opt/ml and the image's own files to where they lie; a toolkit's base directory follows."""
    ml, root = str(launch.folder / "ml"), launch.image.root

    def moved(text: str) -> str:
        inside = root / text.lstrip("/")
        if text.startswith("/") and inside != root and inside.exists():
            return str(inside)
        return text.replace(ML, ml)

    env = {key: moved(value) for key, value in launch.variables().items() if key != "PATH"}
    env |= {"PATH": launch.variables()["PATH"], "SAGEMAKER_BASE_DIR": ml, "HOME": str(launch.folder)}
    return [moved(argument) for argument in launch.command], env
