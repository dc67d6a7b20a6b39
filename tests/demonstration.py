"""The demonstration as a person runs it: a program with a home, a port and a sandbox of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from smproject.sandbox import environments

SMPROJECT = Path(sys.executable).with_name("smproject")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Demonstration:
    """Commands of `smproject` that read and write nothing of the user's but the cache of image environments."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def home(self) -> Path:
        return self.folder / "sandbox"

    def environment(self) -> dict[str, str]:
        theirs = ("AWS_", "GIT_", "XDG_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        own = {"HOME": self.folder, "SMPROJECT_SANDBOX_HOME": self.home, "SMPROJECT_CACHE": environments.cache()}
        path = f"{SMPROJECT.parent}{os.pathsep}{kept['PATH']}"
        return {**kept, **{name: str(value) for name, value in own.items()}, "PATH": path}

    def demo(self, *options: str) -> list[str]:
        """Return the command that tells the story."""
        return [str(SMPROJECT), "sandbox", "demo", "--port", str(self.port), *options]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
