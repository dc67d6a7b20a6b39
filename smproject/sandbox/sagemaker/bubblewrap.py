"""Starting bubblewrap, and learning which process of it is the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smproject.sandbox.processes import Processes, signal_group


@dataclass
class Program:
    """A started program; `pid` is the one that gets signals (inside a jail it isn't the process we started)."""

    process: subprocess.Popen[bytes]
    pid: int

    def ends(self, seconds: float) -> bool:
        """Wait for the program's end at most so long; tell whether it came."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        """Ask the program to stop."""
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    def kill(self) -> None:
        """Make it stop, with its children."""
        signal_group(self.process, signal.SIGKILL)


def begin(
    processes: Processes, command: Callable[[int], list[str]], *, cwd: Path, env: dict[str, str], output: int
) -> Program:
    """Start a command line of bubblewrap, which is given the file descriptor for its `--info-fd`.

    A jail that can't be made ends at once, with bubblewrap's message in `output`.
    """
    info_read, info_write = os.pipe()
    with os.fdopen(info_read, "rb") as info:
        try:
            process = processes.start(command(info_write), cwd=cwd, env=env, output=output, pass_fds=(info_write,))
        finally:
            os.close(info_write)
        text = info.read()
    return Program(process, json.loads(text)["child-pid"] if text.strip() else process.pid)
