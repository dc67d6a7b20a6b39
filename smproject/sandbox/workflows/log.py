"""What a run prints, line by line, without its secrets."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE = 5.0  # for a program that has left its group and still holds the log


class RunLog:
    """A file that grows; `secrets` are shown as asterisks."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self.secrets: set[str] = set()

    def note(self, text: str) -> None:
        """Write a line."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        self._file.write(f"{text}\n".encode())

    @contextmanager
    def output(self) -> Iterator[int]:
        """Give a program a descriptor to print to."""
        reader, writer = os.pipe()
        copying = threading.Thread(target=self._copy, args=(reader,), daemon=True)
        copying.start()
        try:
            yield writer
        finally:
            os.close(writer)
            copying.join(_PATIENCE)

    def _copy(self, reader: int) -> None:
        with os.fdopen(reader, errors="replace") as lines:
            for line in lines:
                self.note(line.rstrip("\n"))
