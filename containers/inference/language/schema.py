"""How a record becomes the prompt of a language model: features.json, as process.py writes it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.errors import RequestError, StartError
from server.records import Records, shown


class Schema(Records):
    """Takes records of one text."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if [column["kind"] for column in self.columns] != ["text"]:
            kinds = ", ".join(f"{column['name']} ({column['kind']})" for column in self.columns)
            raise StartError(f"{path} lists {kinds}; this server takes models of one text. Serve it by another.")

    def write(self, rows: list[Sequence[Any]]) -> list[str]:
        """Prompts of the records; RequestError names the one that is no text, or an empty one."""
        for number, (value,) in enumerate(rows, 1):
            if not isinstance(value, str) or not value:
                found = f"row {number}, column {self.names[0]!r}: {shown(value)} is no text to answer"
                raise RequestError(400, f"{found}. Send a string that is not empty.")
        return [value for (value,) in rows]
