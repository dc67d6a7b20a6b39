"""Find records in JSON Lines: one object a line, a prompt and the completion that the model shall learn to give."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEYS = {"prompt", "completion"}
HALF = re.compile("[\ud800-\udfff]")  # of a character, which JSON may hold and no file


class RecordError(ValueError):
    """A line is no record; the message says where it is and what is wrong with it."""


@dataclass(frozen=True)
class Record:
    """A prompt, and what is to be answered."""

    prompt: str
    completion: str

    @property
    def digest(self) -> str:
        """SHA-256 of the record; 64 hexadecimal digits."""
        return digest(json.dumps([self.prompt, self.completion]))

    def line(self) -> str:
        """The record as a line of JSON."""
        return json.dumps({"prompt": self.prompt, "completion": self.completion}, ensure_ascii=False) + "\n"


def digest(text: str) -> str:
    """SHA-256 of a text; 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def find(folder: Path) -> Iterator[Record | RecordError]:
    """Yield the records of all .jsonl files under a folder, in their order; a bad line as the error that it is."""
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield read(line, f"{path.relative_to(folder).as_posix()}:{number}")


def read(line: bytes, where: str) -> Record | RecordError:
    """Read a line, which `where` names."""
    try:
        content = json.loads(line)
    except ValueError as error:  # not JSON, or not UTF-8
        return RecordError(f"{where} is not JSON ({error})")
    if not isinstance(content, dict) or content.keys() != KEYS:
        found = f"has the keys {sorted(content)}" if isinstance(content, dict) else f"is a {type(content).__name__}"
        return RecordError(f"{where} {found}, not prompt and completion")
    for name, text in content.items():
        if not isinstance(text, str) or not text or HALF.search(text):
            return RecordError(f"{where} has no text in {name}")
    return Record(**content)
