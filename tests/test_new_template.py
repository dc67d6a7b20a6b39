"""A new template in a copy of this repository: made by the command, and taken by every check as it is."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from policies import ROOT

# The tool of the folder that it is run in, not the one that is installed.
TOOL = "from smproject.cli import main; main(prog_name='smproject')"
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "*.egg-info")
NEW = ("new-template", "churn-build", "--like", "model-build", "--title", "Build churn models: ours")
# Those that look at every template; the others take a template for granted, or start a sandbox.
LOOKING = "assemble catalog docs estimate plan_templates readmes seeds show suppressions templates"


def files(folder: Path) -> dict[str, bytes]:
    """What a repository holds, caches left out."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def smproject(folder: Path, *arguments: str, status: int = 0) -> str:
    command = [sys.executable, "-c", TOOL, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the repository in which nothing may remain of what was refused."""
    folder = tmp_path_factory.mktemp("untouched") / "repository"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    before = files(folder)
    yield folder
    assert files(folder) == before


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with a new template."""
    folder = tmp_path_factory.mktemp("copy") / "repository"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    before = files(folder)
    told = smproject(folder, *NEW, "--output", "json")
    written = {Path(each["path"]).relative_to(folder).as_posix() for each in json.loads(told)}
    after = files(folder)
    assert written == {name for name in after if after[name] != before.get(name)}
    assert {name for name in written if name in before} == {"README.md"}
    return folder


def test_it_shares_fragments_and_parts_and_has_a_seed_root_of_its_own(repository: Path) -> None:
    model, made = (
        (repository / f"project_templates/{name}/project.yaml").read_text().partition("portfolio:")[2]
        for name in ("model-build", "churn-build")
    )
    assert made == model.replace("model-build-tabular", "churn-build")
    assert (repository / "seedcode/churn-build/README.md").read_text().startswith("# Build churn models: ours\n")
    assert "| `churn-build` | a data scientist, from Service Catalog |" in (repository / "README.md").read_text()


def test_assembly_linters_and_the_audit_find_nothing(repository: Path) -> None:
    smproject(repository, "assemble", "--check")
    assert "0 findings" in smproject(repository, "validate")
    assert "0 to be mended" in smproject(repository, "audit", "churn-build")
    for words in (("check",), ("format", "--check")):
        done = subprocess.run([sys.executable, "-m", "ruff", *words, "."], cwd=repository, check=False)
        assert done.returncode == 0


def test_the_tests_that_look_at_every_template_pass(repository: Path) -> None:
    tests = [f"tests/test_{name}.py" for name in LOOKING.split()]
    chosen = ["-k", "churn-build or readme", *tests]
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_a_repository_is_made_of_it(repository: Path, tmp_path: Path) -> None:
    smproject(repository, "assemble", "--seed", "churn-build", "--to", str(tmp_path / "seed"))
    assert json.loads((tmp_path / "seed/.seed.json").read_text())["template"] == "churn-build"
    assert "churn-build" in smproject(repository, "list")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("Churn", "--like", "model-build", "--title", "T"), "can't be an id"),
        (("churn_build", "--like", "model-build", "--title", "T"), "can't be an id"),
        (("c" * 33, "--like", "model-build", "--title", "T"), "at most 32 letters"),
        (("model-build", "--like", "model-build", "--title", "T"), "is there already"),
        (("fragments", "--like", "model-build", "--title", "T"), "is there already"),
        (("repository", "--like", "model-build", "--title", "T"), "is there already"),
        (("churn", "--like", "nothing", "--title", "T"), "There is no template 'nothing'"),
        (("churn", "--like", "launch-role", "--title", "T"), "is no template of projects"),
        (("churn", "--like", "model-build", "--title", " "), "The title is ' '"),
        (("churn", "--like", "model-build", "--title", "T", "--description", "a\nb"), "The description is"),
    ],
)
def test_what_can_t_be_is_refused_and_leaves_nothing(untouched: Path, arguments: tuple[str, ...], told: str) -> None:
    assert told in smproject(untouched, "new-template", *arguments, status=1)


def test_what_can_t_be_assembled_leaves_nothing(untouched: Path) -> None:
    buildspec = untouched / "buildspecs/model_build.yml"
    text = buildspec.read_text()
    buildspec.unlink()
    try:
        assert "no such part of a seed" in smproject(untouched, *NEW, status=1)
    finally:
        buildspec.write_text(text)


def test_an_installed_tool_without_a_checkout_says_what_to_do(untouched: Path, tmp_path: Path) -> None:
    for name in ("smproject", "project_templates"):
        shutil.copytree(untouched / name, tmp_path / name)
    assert "is no checkout of the collection" in smproject(tmp_path, *NEW, status=1)
