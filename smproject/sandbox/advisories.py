"""Advisories about Python packages that the user has put on this machine, and which installed packages they are about.

The files are in the format of https://ossf.github.io/osv-schema/: one advisory a `.json` file, or a `.zip` of such.
"""

from __future__ import annotations

import functools
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

_ECOSYSTEM = "PyPI"
# What GitHub's advisories call medium; the rest are ECR's words.
_SEVERITIES = {"LOW": "LOW", "MODERATE": "MEDIUM", "MEDIUM": "MEDIUM", "HIGH": "HIGH", "CRITICAL": "CRITICAL"}
_RANKS = ("UNDEFINED", "LOW", "MEDIUM", "HIGH", "CRITICAL")


class AdvisoryError(Exception):
    """A file of advisories can't be read; the message names it."""


@dataclass(frozen=True)
class Advisory:
    """One advisory about one package: its name, how bad it is, and what it says of versions."""

    name: str
    severity: str
    summary: str
    uri: str
    affected: Mapping[str, Any]

    def concerns(self, version: str) -> bool:
        """Tell whether a version is affected."""
        if version in self.affected.get("versions", ()):
            return True
        ranges = (each for each in self.affected.get("ranges", ()) if each.get("type") == "ECOSYSTEM")
        try:
            return any(_within(each["events"], Version(version)) for each in ranges)
        except InvalidVersion:  # a range says nothing about what has no place in the order
            return False


@dataclass(frozen=True)
class Match:
    """An installed package that an advisory is about."""

    advisory: Advisory
    package: str
    version: str


def matches(folder: Path, installed: Mapping[str, str]) -> tuple[int, list[Match]]:
    """Compare packages (versions by name) with a folder's advisories; return how many those are, and what matched.

    The same vulnerability told by several advisories counts once, as the worst of them. Raises AdvisoryError.
    """
    count, known = _read(tuple((path, path.stat().st_mtime_ns) for path in _files(folder)))
    found: dict[tuple[str, str], Match] = {}
    for package, version in sorted(installed.items()):
        for advisory in known.get(normal(package), ()):
            if advisory.concerns(version):
                key = (advisory.name, package)
                if key not in found or _rank(advisory) > _rank(found[key].advisory):
                    found[key] = Match(advisory, package, version)
    return count, list(found.values())


def normal(name: str) -> str:
    """Return a package's name as https://packaging.python.org/en/latest/specifications/name-normalization/ has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".zip")) if folder.is_dir() else []


@functools.lru_cache(maxsize=1)
def _read(files: tuple[tuple[Path, int], ...]) -> tuple[int, dict[str, list[Advisory]]]:
    """Return the number of advisories, and advisories by package; files that have not changed are read once."""
    count, known = 0, dict[str, list[Advisory]]()
    for path, _ in files:
        try:
            for record in _records(path):
                about = [each for each in record.get("affected", ()) if each["package"]["ecosystem"] == _ECOSYSTEM]
                if about and "withdrawn" not in record:
                    count += 1
                for each in about if "withdrawn" not in record else ():
                    known.setdefault(normal(each["package"]["name"]), []).append(_advisory(record, each))
        except (ValueError, KeyError, TypeError, AttributeError, OSError, zipfile.BadZipFile) as error:
            raise AdvisoryError(f"{path} holds no advisories in OSV's format: {error!r}") from error
    return count, known


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".json":
        yield json.loads(path.read_text(encoding="utf-8"))
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def _advisory(record: Mapping[str, Any], affected: Mapping[str, Any]) -> Advisory:
    aliases = [name for name in (record["id"], *record.get("aliases", ())) if name.startswith("CVE-")]
    told = str(record.get("database_specific", {}).get("severity", "")).upper()
    summary = record.get("summary") or record.get("details", "")
    uri = next((each["url"] for each in record.get("references", ()) if each.get("type") == "ADVISORY"), "")
    name = sorted(aliases)[0] if aliases else record["id"]
    return Advisory(name, _SEVERITIES.get(told, "UNDEFINED"), summary, uri, affected)


def _rank(advisory: Advisory) -> int:
    return _RANKS.index(advisory.severity)


def _within(events: list[Mapping[str, str]], version: Version) -> bool:
    """Tell whether a version lies in a range, as https://ossf.github.io/osv-schema/#evaluation evaluates it."""
    affected = False
    for event in sorted(events, key=_order):
        ((kind, text),) = event.items()
        if kind == "introduced" and (text == "0" or version >= Version(text)):
            affected = True
        elif (kind == "fixed" and version >= Version(text)) or (kind == "last_affected" and version > Version(text)):
            affected = False
    return affected


def _order(event: Mapping[str, str]) -> Version:
    return Version(next(iter(event.values())))
