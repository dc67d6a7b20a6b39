"""How long work tells what it has done."""

from collections.abc import Callable

Progress = Callable[[str], None]
