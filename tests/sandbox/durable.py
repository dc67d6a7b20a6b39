"""A sandbox that a test stops, kills and starts again on the same files."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import uuid
from contextlib import closing
from pathlib import Path

from harness import Sandbox, eventually


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Durable:
    """A server on a home of its own; `sandbox` speaks to it while it is up."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        home.mkdir(parents=True, exist_ok=True)

    @property
    def sandbox(self) -> Sandbox:
        return Sandbox(f"http://127.0.0.1:{self.port}", self.home)

    @property
    def log(self) -> str:
        return (self.home / "server.log").read_text()

    def up(self) -> Sandbox:
        """Start the server and wait until it serves."""
        command = [sys.executable, "-m", "smproject.sandbox.server", "--home", str(self.home), "--port", str(self.port)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        (self.home / "server.json").unlink(missing_ok=True)
        with (self.home / "server.log").open("a") as log:
            self.server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        # All that the tests before have made comes back.
        eventually(lambda: (self.home / "server.json").exists() or self.server.poll() is not None)
        assert self.server.poll() is None, self.log
        return self.sandbox

    def down(self) -> None:
        """Stop it as `sandbox down` does."""
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(timeout=30)

    def kill(self) -> None:
        """End it without a warning."""
        self.server.kill()
        self.server.wait(timeout=30)

    def saved(self) -> None:
        """Wait until what has happened so far is on disk, as it is when nobody calls for a moment."""
        marker = f"/saved/{uuid.uuid4().hex}"
        self.sandbox.client("ssm").put_parameter(Name=marker, Value="1", Type="String")
        eventually(lambda: self._holds(marker))

    def _holds(self, text: str) -> bool:
        """Tell whether the state on disk has a text somewhere."""
        with closing(sqlite3.connect(self.home / "state.db", timeout=30)) as database:
            found = database.execute("SELECT 1 FROM parts WHERE instr(content, ?)", [text]).fetchone()
        return found is not None

    def writes(self, times: int) -> None:
        """Wait until the state has been written anew some times: what was there before the last is in it."""
        for _ in range(times):
            before = (self.home / "state.db").stat().st_mtime_ns
            eventually(lambda then=before: (self.home / "state.db").stat().st_mtime_ns != then)
