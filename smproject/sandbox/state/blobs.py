"""Long bytes on disk, each a file named by its content, written once."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[0-9a-f]{64}")


class MissingBlobError(ValueError):
    """The state names content that isn't there."""


@dataclass(frozen=True)
class Blobs:
    """The blobs of a sandbox's home."""

    home: Path

    @property
    def folder(self) -> Path:
        """Return where they lie."""
        return self.home / "blobs"

    def put(self, content: bytes) -> str:
        """Keep bytes; return their name."""
        name = hashlib.sha256(content).hexdigest()
        path = self.path(name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f".{name}.{os.urandom(4).hex()}")
            draft.write_bytes(content)
            draft.rename(path)  # whoever is killed leaves the whole of it or nothing
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes with a name; raises MissingBlobError."""
        path = self.path(name)
        if not NAME.fullmatch(name) or not path.is_file():
            raise MissingBlobError(f"{path} is missing")
        return path.read_bytes()

    def path(self, name: str) -> Path:
        """Return where a blob lies or would."""
        return self.folder / name[:2] / name

    def names(self) -> set[str]:
        """Return the names of all blobs."""
        return {path.name for path in self.folder.glob("*/*") if NAME.fullmatch(path.name)}

    def keep_only(self, names: set[str]) -> None:
        """Remove all others, and drafts that were never finished."""
        for path in self.folder.glob("*/*"):
            if path.name not in names:
                path.unlink()
