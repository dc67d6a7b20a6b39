"""The file with the state: parts as JSON texts, written together or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import metadata
from pathlib import Path

FILE = "state.db"
FORMAT = "1"
_VERSION = Path(__file__).parents[2] / "VERSION"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, position INTEGER NOT NULL, content TEXT NOT NULL);
"""


def version() -> dict[str, str]:
    """Return what must be the same for a state to be readable."""
    return {
        "format": FORMAT,
        "smproject": _VERSION.read_text().strip(),
        "moto": metadata.version("moto"),
    }


class Store:
    """The state of a home. Another process may read it at any time: it finds the last round that was finished."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        self._kept: dict[str, tuple[int, int]] = {}  # position and hash of the content, of what the file holds
        self._unkept = ""

    def facts(self) -> dict[str, str]:
        """Return what is known of the state as a whole; raises sqlite3.DatabaseError when the file is damaged."""
        with self._open() as database:
            return dict(database.execute("SELECT name, value FROM facts"))

    def parts(self) -> list[tuple[str, str]]:
        """Return names and contents of all parts, in the order in which they were written."""
        with self._open() as database:
            return list(database.execute("SELECT name, content FROM parts ORDER BY position"))

    def write(self, parts: Mapping[str, str], facts: Mapping[str, str]) -> bool:
        """Bring the file to these parts, in one transaction; tell whether any had changed."""
        now = {name: (position, hash(content)) for position, (name, content) in enumerate(parts.items())}
        changed = [name for name, kept in now.items() if self._kept.get(name) != kept]
        gone = self._kept.keys() - now.keys()
        if not changed and not gone and facts["unkept"] == self._unkept:
            return False
        with self._open() as database, database:
            database.executescript(_SCHEMA)
            database.executemany("DELETE FROM parts WHERE name = ?", [(name,) for name in gone])
            if not self._kept:  # this is the first round of this server: what an earlier one left goes
                database.execute("DELETE FROM parts")
            rows = [(name, now[name][0], parts[name]) for name in changed]
            database.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", rows)
            database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", list(facts.items()))
        self._kept, self._unkept = now, facts["unkept"]
        return True

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.touch(mode=0o600)
        with closing(sqlite3.connect(self.path, timeout=30.0)) as database:
            yield database
