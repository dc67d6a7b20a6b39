"""Seed repositories: parts of this repository and a root of their own, as a folder or as a reproducible zip."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from smproject.catalog import Seed, Template
from smproject.errors import AssemblyError, SeedFolderError

CACHES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"}
# The earliest time that a zip can hold: a zip must not depend on when it was made.
EPOCH = (1980, 1, 1, 0, 0, 0)
KEY_DIGITS = 16
LABEL = ".seed.json"  # which template and version a seed came from


@dataclass(frozen=True)
class SeedFile:
    """One file of a seed: its bytes, and whether it may be executed."""

    content: bytes
    executable: bool = False

    @property
    def mode(self) -> int:
        """Permissions as git would set them: the rest depends on who checked the file out."""
        return 0o755 if self.executable else 0o644


def version(root: Path) -> str:
    """Version of the tool and of every template in it."""
    return (root / "smproject" / "VERSION").read_text().strip()


def seed_files(template: Template, seed: Seed) -> dict[str, SeedFile]:
    """Files of a seed by their path in it, sorted; raises AssemblyError for missing parts, links and clashes."""
    files: dict[str, SeedFile] = {}
    for part in seed.parts:
        _add(files, template.root / part, template.root)
    for name in (*seed.roots, seed.id):
        own = template.root / "seedcode" / name
        _add(files, own, own)
    files[LABEL] = _label(template, files)
    return dict(sorted(files.items()))


def seed_zip(template: Template, seed: Seed) -> bytes:
    """The seed as a zip that is the same to the byte wherever and whenever it is made."""
    buffer = io.BytesIO()
    # Stored, because what deflate writes depends on the version of zlib.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, file in seed_files(template, seed).items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, wherever this runs: it gives the mode its meaning
            entry.external_attr = file.mode << 16
            archive.writestr(entry, file.content)
    return buffer.getvalue()


def seed_key(template: Template, seed: Seed) -> str:
    """Key of the zip in the catalogue's bucket, which names its content."""
    return f"seeds/{seed.id}/{hashlib.sha256(seed_zip(template, seed)).hexdigest()[:KEY_DIGITS]}.zip"


def materialise(template: Template, seed: Seed, folder: Path) -> list[str]:
    """Write a seed into a folder; returns the paths written. Raises SeedFolderError unless it is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SeedFolderError(f"{folder} isn't an empty folder. Name one that is new or empty.")
    files = seed_files(template, seed)
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    return list(files)


def _add(files: dict[str, SeedFile], source: Path, base: Path) -> None:
    """Add a file, or all files under a folder, by their paths relative to base."""
    if not source.exists():
        raise AssemblyError(f"{source}: no such part of a seed. Write it, or mend the manifest that names it.")
    for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
        relative = path.relative_to(base)
        if path.is_symlink():
            raise AssemblyError(f"{path}: a seed must not hold symbolic links. Replace it by the file itself.")
        if path.is_dir() or path.suffix == ".pyc" or CACHES & set(relative.parts):
            continue
        if relative.as_posix() in files:
            raise AssemblyError(f"{path}: {relative} is in the seed already. Remove one of the two.")
        files[relative.as_posix()] = SeedFile(path.read_bytes(), bool(path.stat().st_mode & 0o100))


def digest_of(files: Mapping[str, SeedFile]) -> str:
    """Digest of a seed's files, their paths and modes, its label left out; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        if name != LABEL:
            digest.update(f"{name}\0{file.mode:o}\0{len(file.content)}\0".encode() + file.content)
    return digest.hexdigest()


def _label(template: Template, files: Mapping[str, SeedFile]) -> SeedFile:
    """What the label says: where the seed came from, and a digest of its other files, for later upgrades."""
    label = {"template": template.id, "version": version(template.root), "digest": digest_of(files)}
    return SeedFile((json.dumps(label, indent=2) + "\n").encode())
