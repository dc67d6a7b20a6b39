"""Podman's commands, and containers that end with their tests.

PODMAN in the environment may add options to it: `podman --runtime runc`.
"""

import json
import os
import subprocess
from tempfile import gettempdir
from typing import Any

PODMAN = os.environ.get("PODMAN", "podman").split()
# By default podman raises these to a million, which not every machine grants.
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096")


def podman(*words: object, check: bool = True) -> str:
    """Run one of podman's commands; returns what it printed."""
    command = [*PODMAN, *(str(word) for word in words)]
    # Elsewhere than in the repository: where memory runs out, podman's monitor leaves a file `oom` in its folder.
    finished = subprocess.run(command, cwd=gettempdir(), capture_output=True, text=True, check=False, timeout=3600)
    assert not check or finished.returncode == 0, f"{' '.join(command)}:\n{finished.stdout}{finished.stderr}"
    return finished.stdout


def succeeds(*words: object) -> bool:
    """Tell whether one of podman's commands ends with 0."""
    return subprocess.run([*PODMAN, *map(str, words)], capture_output=True, check=False).returncode == 0


class Container:
    """A running container, removed on leaving. The network is the machine's unless `options` say otherwise."""

    def __init__(self, image: str, *command: str, options: tuple[str, ...] = ()) -> None:
        network = () if any(option.startswith("--network") for option in options) else ("--network=host",)
        self.id = podman("run", "--detach", *LIMITS, *network, *options, image, *command).strip()

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        podman("rm", "--force", "--time=0", self.id)

    def wait(self) -> int:
        """Wait for the end; returns the exit status."""
        return int(podman("wait", self.id))

    def stop(self, seconds: int) -> int:
        """Send SIGTERM as SageMaker does, and SIGKILL after so many seconds; returns the exit status."""
        podman("stop", f"--time={seconds}", self.id)
        return int(self.inspect()["State"]["ExitCode"])

    def execute(self, *command: str) -> str:
        """Run a program inside; returns what it printed."""
        return podman("exec", self.id, *command)

    def inspect(self) -> Any:
        """What podman knows of the container."""
        return json.loads(podman("inspect", self.id))[0]

    def log(self) -> str:
        """What the container has printed until now."""
        command = [*PODMAN, "logs", self.id]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def wait_for(self, text: str) -> None:
        """Read the log until a line holds the text; fails when the container ends without it."""
        command = [*PODMAN, "logs", "--follow", self.id]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as follower:
            assert follower.stdout is not None
            found = any(text in line for line in follower.stdout)
            follower.kill()
        assert found, f"{text!r} is not in the log:\n{self.log()}"
