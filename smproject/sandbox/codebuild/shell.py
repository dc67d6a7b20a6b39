"""The one shell in which a build's commands run, so that what they set and where they go lasts."""

from __future__ import annotations

import os
import select
import shlex
import signal
from collections.abc import Callable
from typing import IO

from smproject.sandbox.codebuild.folder import BuildFolder
from smproject.sandbox.processes import Processes, signal_group

POLL_SECONDS = 0.1
# Reads names of files with commands from its input, runs each in itself, and reports the exit status and the
# environment after it. A command that ends the shell (`exit 3`) is reported by the shell's own exit status.
_DRIVER = """
__environment() {{ /usr/bin/env -0 > {environment}; }}
trap __environment EXIT
while read -r __file; do
  . "$__file" < /dev/null
  __status=$?
  __environment
  echo "$__status" > {status}
done
"""


class Shell:
    """A shell that starts with its first command, and anew after one that ended it."""

    def __init__(
        self, processes: Processes, program: str, folder: BuildFolder, env: dict[str, str], output: IO[bytes]
    ) -> None:
        self._processes, self._program, self._output = processes, program, output
        self._control, self._cwd, self._env = folder.control, folder.source(), env
        self._commands = self._status = -1
        self._start()

    def run(self, command: str, check: Callable[[], None]) -> int:
        """Run a command and return its exit status; `check` is called again and again and may raise to end it."""
        if self._process.poll() is not None:
            self.close()
            self._start()
        file = self._control / "command"
        file.write_text(f"{command}\n")
        try:
            os.write(self._commands, f"{file}\n".encode())
            return self._wait(check)
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        status = self._control / "status"
        if not status.exists():
            os.mkfifo(status)
        # Open for both directions, it never reports an end, whoever writes to it.
        self._status = os.open(status, os.O_RDWR | os.O_NONBLOCK)
        driver = self._control / "driver"
        names = {"environment": shlex.quote(str(self._control / "environment")), "status": shlex.quote(str(status))}
        driver.write_text(_DRIVER.format(**names))
        reader, self._commands = os.pipe()
        self._process = self._processes.start(
            [self._program, str(driver)], cwd=self._cwd, env=self._env, output=self._output.fileno(), stdin=reader
        )
        os.close(reader)

    def _wait(self, check: Callable[[], None]) -> int:
        while True:
            ended = self._process.poll()  # asked before reading: a status written last is not missed
            if select.select([self._status], [], [], 0 if ended is not None else POLL_SECONDS)[0]:
                return int(os.read(self._status, 64).split()[0])
            if ended is not None:
                return ended if ended >= 0 else 128 - ended
            check()

    def environment(self) -> dict[str, str]:
        """Return the exported variables as they were after the last command."""
        file = self._control / "environment"
        entries = file.read_bytes().decode(errors="replace").split("\0") if file.exists() else []
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)

    def close(self) -> None:
        """End the shell and whatever its commands left running."""
        signal_group(self._process, signal.SIGKILL)
        self._process.wait()
        self._processes.forget(self._process)
        for descriptor in (self._commands, self._status):
            if descriptor >= 0:
                os.close(descriptor)
        self._commands = self._status = -1
