"""A job's log: what its program prints, sent to CloudWatch Logs while it runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

_SECONDS = 0.5
_LINE_LIMIT = 200_000  # bytes; CloudWatch Logs takes events up to 256 KB
_BATCH = 5_000


class LogShipper:
    """Follows a file and puts its lines into a log stream."""

    def __init__(self, client: Any, group: str, stream: str, path: Path) -> None:
        self.client, self.group, self.stream, self.path = client, group, stream, path
        self._offset, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Create the stream and begin to follow."""
        existing = {"ResourceAlreadyExistsException"}
        for create, names in (
            (self.client.create_log_group, {"logGroupName": self.group}),
            (self.client.create_log_stream, {"logGroupName": self.group, "logStreamName": self.stream}),
        ):
            try:
                create(**names)
            except self.client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in existing:
                    raise
        self._thread.start()

    def finish(self) -> None:
        """Send what is left and stop."""
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(_SECONDS):
            self._send(final=False)
        self._send(final=True)

    def _send(self, *, final: bool) -> None:
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        if not final:
            data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        now = int(time.time() * 1000)
        lines = [line[:_LINE_LIMIT].decode(errors="replace") for line in data.splitlines() if line.strip()]
        for first in range(0, len(lines), _BATCH):
            events = [{"timestamp": now, "message": line} for line in lines[first : first + _BATCH]]
            self.client.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=events)
