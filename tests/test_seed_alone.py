"""Every seed, written into a folder, is a repository that needs nothing of ours; and the product knows no sandbox."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from policies import ROOT
from test_seeds import PLACEHOLDER

from smproject import catalog
from smproject.compilation import ENVIRONMENT

SEEDS = [seed.id for template in catalog.templates() for seed in template.seeds]
PRODUCT = ("project_templates", "pipelines", "containers", "seedcode", "buildspecs")
# An address with a port is that of a service on this machine; processes of one host may meet at the address alone.
SANDBOX = re.compile(r"sandbox|(localhost|127\.0\.0\.1):|\bmoto\b", re.IGNORECASE)
US = re.compile(r"sandbox|smproject", re.IGNORECASE)
# What a seed's own tests run and read, by the folder of the tests.
TESTED = {
    "containers": ("containers/", "tests/containers/", "pyproject.toml"),
    "pipelines": ("pipelines/", "containers/", "tests/", "pyproject.toml", "buildspecs/deploy_render.yml"),
}
# An environment without AWS settings, and with no way out.
BARE = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "OMP_WAIT_POLICY": "PASSIVE",
    "https_proxy": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}


@dataclass
class Repository:
    """A seed in a folder, whose own tests, or those of one that has the same, run meanwhile: they take longest."""

    folder: Path
    tests: list[subprocess.Popen[str]]

    def texts(self) -> Iterator[tuple[str, str]]:
        yield from texts(self.folder)


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the files under a folder, what tools leave there aside."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.endswith(("_cache", "__pycache__")) for part in parts):
            yield "/".join(parts), path.read_text(errors="replace")


def start(folder: Path, home: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start a Python program of a repository."""
    environment = {**BARE, "HOME": str(home), **variables}
    command = [sys.executable, "-m", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def programs_of(folder: Path, part: str) -> str:
    """Digest of what a seed's own tests of a part run and read."""
    digest = hashlib.sha256(part.encode())
    for name, text in texts(folder):
        if name.startswith(TESTED[part]):
            digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


@cache
def outcome(tests: subprocess.Popen[str]) -> tuple[str, str]:
    """What tests told, output and error, once they have ended."""
    return tests.communicate()


@pytest.fixture(scope="module")
def runs() -> dict[str, subprocess.Popen[str]]:
    """Runs of seeds' own tests, by the digest of what they test."""
    return {}


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make; what mypy has read of the libraries is kept where `make check` of this repository keeps it."""
    environment = {**BARE, "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=SEEDS)
def repository(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, runs: dict[str, subprocess.Popen[str]]
) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("seed") / "repository"
    command = [Path(sys.executable).with_name("smproject"), "assemble", "--seed", request.param, "--to", folder]
    subprocess.run(command, check=True, capture_output=True)
    parts = {programs_of(folder, path.name): f"tests/{path.name}" for path in (folder / "tests").iterdir()}
    for digest, part in parts.items():
        if digest not in runs:
            runs[digest] = start(folder, folder.parent, "pytest", "-q", "-p", "no:cacheprovider", part)
    yield Repository(folder, [runs[digest] for digest in parts])
    for digest in parts:
        if runs[digest].poll() is None:  # nothing has asked what the tests tell
            with runs.pop(digest) as tests:
                tests.kill()


def test_it_mentions_neither_the_tool_nor_the_sandbox_but_in_its_label(repository: Repository) -> None:
    assert [name for name, text in repository.texts() if US.search(text)] in ([], [".seed.json"])


def test_it_has_no_placeholder(repository: Repository) -> None:
    assert [name for name, text in repository.texts() if PLACEHOLDER.search(text)] == []


def test_its_pipelines_compile_offline_to_the_same_bytes_each_time(repository: Repository) -> None:
    pipelines = sorted((repository.folder / "pipelines").rglob("pipeline.py"))
    assert bool(pipelines) == (repository.folder / "pipelines" / "run.py").exists()
    for path in pipelines:
        name = ".".join(path.parent.relative_to(repository.folder / "pipelines").parts)
        command = ("pipelines.run", "print", "--imaginary", "--pipeline", name)
        runs = [start(repository.folder, repository.folder.parent, *command, **ENVIRONMENT) for _ in range(2)]
        (first, error), (second, _) = (run.communicate() for run in runs)
        assert [run.returncode for run in runs] == [0, 0], error
        assert first == second != ""


def test_its_own_check_passes(repository: Repository) -> None:
    done = make(repository.folder, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All checks passed!" in done.stdout
    assert "Success: no issues found in " in done.stdout


def test_its_own_tests_pass(repository: Repository) -> None:
    for tests in repository.tests:
        output, error = outcome(tests)
        assert tests.returncode == 0, output + error
        assert re.search(r"\d+ passed", output)


def test_a_wrong_type_is_found_in_every_program(tmp_path: Path) -> None:
    for part in ("pipelines", "containers"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "seedcode" / "repository", tmp_path, dirs_exist_ok=True)
    programs = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.py")}
    for path in programs.values():
        path.write_text(path.read_text() + "\nmistyped: int = ''\n")
    done = make(tmp_path, "--keep-going", "types")
    assert done.returncode != 0
    found = re.findall(r"^(.*):\d+: error: Incompatible types in assignment", done.stdout, re.MULTILINE)
    assert set(found) == set(programs) != set()


@pytest.mark.parametrize("part", PRODUCT)
def test_the_product_does_not_know_the_sandbox(part: str) -> None:
    found = dict(texts(ROOT / part))
    assert found
    assert [name for name, text in found.items() if SANDBOX.search(text)] == []
