"""Compile the pipelines of a seed as its repository would: in a folder of their own, with neither network nor AWS."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject.catalog import Seed, Template
from smproject.choices import choices, one_by_one
from smproject.looking.reading import read
from smproject.seeds import materialise

# Settings and credentials of whoever runs this must not leak into the result.
_KEPT = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR")
# The SDK wants a Region when it is imported. All else is of an imaginary project, and nothing is looked up.
ENVIRONMENT = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True)
class Compilation:
    """A pipeline for one of its choices: its definition, or the reason why there is none."""

    source: str
    choice: str
    definition: dict[str, Any] | None
    error: str


def can_compile() -> bool:
    """Whether the SageMaker SDK is installed: the `build` extra."""
    return importlib.util.find_spec("sagemaker") is not None


def compile_seeds(seeds: Iterable[tuple[Template, Seed]]) -> Iterator[Compilation]:
    """Compile every pipeline of seeds for each of its choices; takes the seconds that the SDK's import takes."""
    with tempfile.TemporaryDirectory() as name:
        ordered = list(_orders(seeds, Path(name)))
        results = _carried_out([order for _, order in ordered]) if ordered else []
    for (source, order), result in zip(ordered, results, strict=True):
        choice = " ".join(order["environment"].values())
        yield Compilation(source.as_posix(), choice, result.get("definition"), result.get("error", ""))


def _orders(seeds: Iterable[tuple[Template, Seed]], parent: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each different pipeline of the seeds with an order for each of its choices."""
    known = set()
    for template, seed in seeds:
        folder = parent / seed.id
        materialise(template, seed, folder)
        # One that is not assembled is told by another check.
        chosen = choices(read(template.path)) if template.path.is_file() else {}
        for path in sorted((folder / "pipelines").rglob("pipeline.py")):
            if (content := _content(path, folder)) not in known:
                known.add(content)
                source = path.relative_to(folder)
                for choice in one_by_one(chosen):
                    yield source, _order(source, folder, choice)


def _content(pipeline: Path, folder: Path) -> str:
    """What a pipeline is made of: seeds that bring the same one need it compiled once."""
    root, kind = folder / "pipelines", pipeline.relative_to(folder / "pipelines").parts[0]
    files = [*root.glob("*"), *(root / kind).rglob("*")]
    told = {path.relative_to(root).as_posix(): path.read_text() for path in sorted(files) if path.is_file()}
    return json.dumps([pipeline.relative_to(root).as_posix(), told])


def _order(source: Path, folder: Path, choice: dict[str, str]) -> dict[str, Any]:
    pipeline = ".".join(source.parent.parts[1:])
    return {"folder": str(folder), "pipeline": pipeline, "environment": choice}


def _carried_out(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "smproject.compiling"],
        env={**kept, **ENVIRONMENT},
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}, and no word why"])[-1]
        return [{"error": reason} for _ in orders]
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results
