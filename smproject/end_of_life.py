"""What the product uses and when it ends: Lambda runtimes, build and base images, frameworks and SDKs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("end_of_life.yaml")
NOTICE, LOOK_AGAIN = timedelta(days=90), timedelta(days=365)
# Frameworks and SDKs; the other packages of an image or a build are these ones' affair.
PACKAGES = (
    *("boto3", "lightgbm", "onnxruntime", "peft", "sagemaker", "scikit-learn", "tensorflow", "torch"),
    *("transformers", "xgboost", "xgboost-cpu"),
)
_TEMPLATES = ("project_templates/fragments/*.yaml", "pipelines/**/*.yaml")
# By kind: where it is used, and how that is written; the groups are the name, and a package's major and minor version.
_USED = (
    ("lambda", _TEMPLATES, re.compile(r"^\s*Runtime:\s*([a-z]\w+(?:\.\w+)*)\s*$")),
    ("build image", _TEMPLATES, re.compile(r"^\s*Image:\s*(aws/codebuild/\S+)")),
    ("base image", ("containers/*/*/Dockerfile*",), re.compile(r"^FROM\s+(?:\S+/)?([^/\s@]+)")),
    (
        "package",
        ("containers/*/*/requirements*.txt", "pipelines/**/requirements.txt"),
        re.compile(rf"^({'|'.join(PACKAGES)})==(\d+\.\d+)", re.IGNORECASE),
    ),
)


@dataclass(frozen=True)
class Use:
    """One thing that ends one day: its kind, its name, and the line that uses it."""

    kind: str
    name: str
    file: str
    line: int


@dataclass(frozen=True)
class Ending:
    """A use to be changed or looked up, and why."""

    use: Use
    message: str


def uses(root: Path) -> Iterator[Use]:
    """Yield everything that the product of a repository uses and that ends."""
    for kind, patterns, written in _USED:
        for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                if match := written.match(line):
                    name = " ".join(match.groups()).lower()
                    yield Use(kind, name, path.relative_to(root).as_posix(), number)


def endings(root: Path, today: date, known: Mapping[str, Any] | None = None) -> Iterator[Ending]:
    """Yield what ends within 90 days, what nobody has looked up for a year, and what is not known."""
    dates = read() if known is None else known
    for use in uses(root):
        if message := _message(use, dates.get(use.kind, {}).get(use.name), today):
            yield Ending(use, message)


def read() -> dict[str, Any]:
    """Read the dates, by kind and name."""
    return dict(yaml.safe_load(FILE.read_text()))


def _message(use: Use, entry: Mapping[str, Any] | None, today: date) -> str:
    if entry is None:
        return f"{use.kind} {use.name} is not in smproject/{FILE.name}. Add when it ends, and where that is written."
    if "ends" in entry:
        ends: date = entry["ends"]
        told = f"{use.kind} {use.name} {'ends' if ends >= today else 'ended'} on {ends} ({entry['source']})"
        return f"{told}. Move to a newer one." if ends - today < NOTICE else ""
    if today - entry["checked"] > LOOK_AGAIN:
        told = f"nobody has looked up since {entry['checked']} when {use.kind} {use.name} ends"
        return f"{told}. Look at {entry['source']}, and write the day into smproject/{FILE.name}."
    return ""
