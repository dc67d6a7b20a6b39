"""The demonstration, told once; its tests look at what it left behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path[:0] = [str(TESTS), str(TESTS / "sandbox")]

from demonstration import SMPROJECT, Demonstration  # noqa: E402
from harness import Sandbox  # noqa: E402
from visitor import PROJECT, Visitor  # noqa: E402


def variables(demonstration: Demonstration) -> dict[str, str]:
    """Return the environment of a shell after the command that the tool tells its users to type."""
    shell = demonstration.run("bash", "-c", 'eval "$(smproject sandbox env)" && env -0')
    assert shell.returncode == 0, shell.stderr
    people = {"GIT_AUTHOR_NAME": "Visitor", "GIT_AUTHOR_EMAIL": "visitor@example.com"}
    people |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in people.items()}
    return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line) | people


@contextmanager
def told(folder: Path) -> Iterator[Visitor]:
    """Run the demonstration, and keep its sandbox for a visitor."""
    demonstration = Demonstration(folder)
    smproject = str(SMPROJECT)
    try:
        demo = demonstration.run(*demonstration.demo("--keep"))
        assert demo.returncode == 0, demo.stdout + demo.stderr
        log = demonstration.run(smproject, "sandbox", "logs", "--lines", "100000", "--output", "json")
        calls = [json.loads(line) for line in log.stdout.splitlines()]
        audit = demonstration.run(smproject, "audit", "--project", PROJECT, "--output", "json")
        sandbox = Sandbox(f"http://127.0.0.1:{demonstration.port}", demonstration.home)
        yield Visitor(sandbox, variables(demonstration), demo.stdout, calls, audit.stdout)
    finally:
        down = demonstration.run(smproject, "sandbox", "down")
        assert down.returncode == 0, down.stderr


@pytest.fixture(scope="session")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    with told(tmp_path_factory.mktemp("story")) as found:
        yield found


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """A visitor who follows the tutorials on a sandbox that the demonstration has just left."""
    with told(tmp_path_factory.mktemp("tutorials")) as found:
        yield found
