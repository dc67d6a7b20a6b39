"""A build's log: what its commands print, between notes of CodeBuild's own."""

from __future__ import annotations

from datetime import datetime, timezone

from smproject.sandbox.log import Log


class BuildLog(Log):
    """A log in which CodeBuild says what it does."""

    def note(self, text: str) -> None:
        """Write a line in CodeBuild's own name."""
        now = datetime.now(timezone.utc).strftime("%Y/%m/%d %H:%M:%S.%f")
        self.file.write(f"[Container] {now} {text}\n".encode())
