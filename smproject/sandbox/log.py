"""A program's log: a file that it writes to, copied to CloudWatch Logs as it grows."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

LOG = logging.getLogger(__name__)
SECONDS = 1.0
# PutLogEvents: at most 10,000 events and 1 MiB a call, where each event counts 26 bytes more than its text.
_EVENTS, _BYTES, _OVERHEAD, _EVENT_BYTES = 10_000, 1_000_000, 26, 250_000


class Log:
    """Collects what a program prints; `secrets` are shown as asterisks."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("ab", buffering=0)
        self.secrets: set[str] = set()
        self._source = path.open("rb")
        self._rest = b""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, logs: Any, group: str, stream: str) -> None:
        """Copy the log to a stream from now on; raises ClientError when the stream can't be made.

        The group is made only where it is missing: whoever prepared it need not let the program make groups.
        """
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        except logs.exceptions.ResourceNotFoundException:
            _make_group(logs, group)
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        copy = threading.Thread(target=self._copy, args=(logs, group, stream), daemon=True, name=f"log {stream}")
        copy.start()
        self._thread = copy

    def follow_if_allowed(self, logs: Any, group: str, stream: str) -> None:
        """Copy the log where the role may write it: AWS runs jobs and endpoints without their logs, too."""
        try:
            self.follow(logs, group, stream)
        except ClientError as error:
            LOG.warning("%s has no logs: %s", stream, error)

    def close(self) -> None:
        """Copy what is left and end."""
        self._ended.set()
        if self._thread:
            self._thread.join()
        self.file.close()
        self._source.close()

    def _copy(self, logs: Any, group: str, stream: str) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(SECONDS)
            for batch in _batches(self._new_lines(ended)):
                try:
                    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
                except (ClientError, BotoCoreError):
                    LOG.exception("%s:%s lost %d lines", group, stream, len(batch))

    def _new_lines(self, ended: bool) -> list[str]:
        """Return the whole lines that came since the last call; at the end, an unfinished one too."""
        text = self._rest + self._source.read()
        *lines, self._rest = text.split(b"\n")
        if ended and self._rest:
            lines.append(self._rest)
        return [self._masked(line.decode(errors="replace")) for line in lines]

    def _masked(self, line: str) -> str:
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return line


def _make_group(logs: Any, group: str) -> None:
    try:
        logs.create_log_group(logGroupName=group)
    except logs.exceptions.ResourceAlreadyExistsException:
        LOG.debug("another program has just made %s", group)


def _batches(lines: list[str]) -> list[list[dict[str, Any]]]:
    now, batches, size = int(time.time() * 1000), [[]], 0  # type: int, list[list[dict[str, Any]]], int
    for line in lines:
        message = line.encode()[:_EVENT_BYTES].decode(errors="ignore") + "\n"
        cost = len(message.encode()) + _OVERHEAD
        if size + cost > _BYTES or len(batches[-1]) == _EVENTS:
            batches.append([])
            size = 0
        batches[-1].append({"timestamp": now, "message": message})
        size += cost
    return [batch for batch in batches if batch]
