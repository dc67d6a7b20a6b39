"""The programs that the sandbox has started, so that none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

from smproject.sandbox import warden

GRACE_SECONDS = 5.0


class Processes:
    """Starts programs in their own process groups and can stop them all; a warden does that when we are killed."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = False
        self._lock = threading.Lock()
        self._warden: subprocess.Popen[bytes] | None = None

    def start(  # noqa: PLR0913 - what a process needs, each by name
        self,
        command: list[str],
        *,
        cwd: Path,
        env: dict[str, str],
        output: IO[bytes] | int,
        stdin: int | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program whose standard output and error go to `output`; raises InterruptedError after `stop_all`."""
        with self._lock:
            if self._stopping:
                raise InterruptedError("the sandbox is stopping")
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=pass_fds,
            )
            self._running.add(process)
            self._tell(f"+{process.pid}")
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Reap a program that has ended, and whatever it left behind in its group."""
        signal_group(process, signal.SIGKILL)
        with self._lock:
            self._running.discard(process)
            self._tell(f"-{process.pid}")

    def _tell(self, line: str) -> None:
        """Tell the warden of a group that has begun or ended."""
        if self._warden is None:
            command = [sys.executable, "-I", "-S", warden.__file__]
            nowhere = subprocess.DEVNULL
            self._warden = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True
            )
        if self._warden.stdin and self._warden.poll() is None:
            self._warden.stdin.write(f"{line}\n".encode())
            self._warden.stdin.flush()

    def stop_all(self) -> None:
        """Ask every program to stop, then make it; none starts from now on."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for process in running:
            signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while any(p.poll() is None for p in running) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in running:
            signal_group(process, signal.SIGKILL)


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a program and its children; nothing happens when they are gone."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
