"""What the demonstration prints: numbered steps with their times, and a line for whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Echo = Callable[[str], None]


class Console:
    """Prints steps and lines; `seconds` since the start stand before each line."""

    def __init__(self, echo: Echo) -> None:
        self._echo, self._start, self._number = echo, time.monotonic(), 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, and tell how long it took."""
        self._number += 1
        started = time.monotonic()
        self._echo(f"\n{self._number}. {title}")
        yield
        self.line(f"done in {time.monotonic() - started:.1f} s")

    def line(self, text: str) -> None:
        """Print one line of a step."""
        self._echo(f"   {self.seconds:5.1f} s  {text}")

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._start
