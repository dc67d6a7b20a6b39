"""How publishing grows with the catalogue: `python -m benchmarks.publishing`.

Catalogues of FEW and MANY products, each with a small template of its own, are published into Service Catalog of fresh
sandboxes, in turns. Prints the ratio of the medians of a product's time; exits 1 when a product takes more than LIMIT
times as long among many as among few.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from smproject import catalog
from smproject.assemble import assemble
from smproject.catalog import ROOT
from smproject.publish import publish

FEW, MANY, ROUNDS = 10, 50, 3
LIMIT = 1.5
PORT = 4573
SETUP = ("catalog-bucket", "fragments", "launch-role", "portfolio", "product")
PART = """Description: Part

Resources:
  Part{number}Parameter:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: set
"""
MANIFEST = "title: Product {number}\ndescription: A small one.\nportfolio: ml-admin\nfragments: [part{number}]\n"


def main() -> int:
    """Measure and print; return 1 when the limit is missed."""
    found: dict[int, list[float]] = {FEW: [], MANY: []}
    for _ in range(ROUNDS):
        for count, times in found.items():
            times.append(_published(count))
            sys.stdout.write(f"{count} products: {times[-1]:.1f} s\n")
            sys.stdout.flush()
    few, many = (statistics.median(times) / count for count, times in found.items())
    sys.stdout.write(f"a product among {MANY} / among {FEW}: {many / few:.2f} (limit {LIMIT})\n")
    return int(many / few > LIMIT)


def _published(count: int) -> float:
    """Publish a catalogue once; return the seconds that it took without what every catalogue needs."""
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder) / "repository", Path(folder) / "home"
        _write(root, 0)
        with _sandbox(home):
            session = boto3.Session(profile_name="shared-services")
            publish(session, None, _ignore, root)
            _write(root, count)
            began = time.perf_counter()
            publish(session, None, _ignore, root)
            return time.perf_counter() - began


def _write(root: Path, count: int) -> None:
    """Write a repository with so many products."""
    for name in SETUP:
        shutil.copytree(ROOT / "project_templates" / name, root / "project_templates" / name, dirs_exist_ok=True)
    (root / "smproject").mkdir(exist_ok=True)
    shutil.copy(ROOT / "smproject" / "VERSION", root / "smproject" / "VERSION")
    for number in range(count):
        folder = root / "project_templates" / f"product-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "project.yaml").write_text(MANIFEST.format(number=number))
        part = root / "project_templates" / "fragments" / f"part{number}.yaml"
        part.write_text(PART.format(number=number))
    for template in catalog.templates(root):
        template.path.write_text(assemble(template))


@contextmanager
def _sandbox(home: Path) -> Iterator[None]:
    """Run a sandbox whose profiles boto3 finds."""
    own = {
        "SMPROJECT_SANDBOX_HOME": str(home),
        "AWS_CONFIG_FILE": str(home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials"),
    }
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(own)
    command = [str(Path(sys.executable).with_name("smproject")), "sandbox"]
    subprocess.run([*command, "up", "--port", str(PORT)], check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run([*command, "down"], check=True, stdout=subprocess.DEVNULL)
        os.environ.clear()
        os.environ.update(before)


def _ignore(_line: str) -> None:
    """Tell nobody what publishing tells."""


if __name__ == "__main__":
    sys.exit(main())
