"""Identity of files by their content: what is unchanged keeps its name, and so its place in caches."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def content_digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over relative names and bytes, in the order of the names; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        # Each part is itself a digest of fixed length, so no two sets of files can read as the same bytes.
        digest.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def tree(folder: Path) -> dict[str, Path]:
    """Files under a folder by their relative POSIX name, byte-code left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in files}
