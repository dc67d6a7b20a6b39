"""Publishing into a folder: the same bytes each time, and an index of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from publishing import EXAMPLE, Repository

from smproject.cli import main
from smproject.errors import DeploymentError
from smproject.publish import publish_to_folder


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def tell_nobody(_: str) -> None:
    """Progress that nobody watches."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_folders_are_the_same_to_the_byte_and_the_index_names_each_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert CliRunner().invoke(main, ["publish", "--to", "folder", "--folder", str(tmp_path / name)]).exit_code == 0
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    index = json.loads(one.pop("index.json"))["files"]
    assert index == {key: f"sha256:{hashlib.sha256(content).hexdigest()}" for key, content in one.items()}
    assert {"projects/model-build.yaml", "setup/launch-role.yaml"} <= set(index)


def test_each_template_names_a_seed_that_lies_beside_it(tmp_path: Path) -> None:
    publish_to_folder(tmp_path / "catalogue", tell_nobody)
    found = contents(tmp_path / "catalogue")
    for key in (name for name in found if name.startswith("projects/")):
        for line in found[key].decode().splitlines():
            if line.strip().startswith("Default: seeds/"):
                assert line.split()[1] in found


def test_a_second_publish_writes_nothing_and_says_so(tmp_path: Path) -> None:
    arguments = ["publish", "--to", "folder", "--folder", str(tmp_path / "catalogue")]
    assert CliRunner().invoke(main, arguments).output.endswith(": ready\n")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "catalogue").rglob("*")}
    again = CliRunner().invoke(main, arguments)
    assert (again.exit_code, again.output) == (0, f"folder {tmp_path / 'catalogue'}: nothing to do\n")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "catalogue").rglob("*")} == times


def test_an_interrupted_publish_goes_on(tmp_path: Path, repository: Repository) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "catalogue"
    with pytest.raises(KeyboardInterrupt):
        publish_to_folder(folder, interrupt, repository.root)
    half = set(contents(folder))
    done = publish_to_folder(folder, tell_nobody, repository.root)
    assert set(done.files) | half == set(contents(folder)) and not set(done.files) & half
    assert not publish_to_folder(folder, tell_nobody, repository.root).changed


def test_a_changed_template_is_written_beside_what_projects_were_made_from(
    tmp_path: Path, repository: Repository
) -> None:
    folder = tmp_path / "catalogue"
    publish_to_folder(folder, tell_nobody, repository.root)
    before = contents(folder)
    repository.change("second")
    files = publish_to_folder(folder, tell_nobody, repository.root).files
    assert set(files) - set(before) == {name for name in files if name.startswith("templates/example/")}
    assert {"projects/example.yaml", "index.json"} <= set(files)
    assert before["index.json"] != contents(folder)["index.json"]
    assert set(before) <= set(contents(folder))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "mine.txt").write_text(EXAMPLE)
    with pytest.raises(DeploymentError, match="holds something else, such as"):
        publish_to_folder(tmp_path, tell_nobody, repository.root)
    with pytest.raises(DeploymentError, match="is a file"):
        publish_to_folder(tmp_path / "mine.txt", tell_nobody, repository.root)
    assert not (tmp_path / "index.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--to", "folder"],
        ["--folder", "somewhere"],
        ["--to", "s3", "--principal", "arn:aws:iam:::role/A"],
        ["--to", "folder", "--folder", "x", "--domain", "d-1"],
        ["--domain", "d-1"],
        ["--to", "s3", "--tag-option", "a=b"],
    ],
)
def test_options_of_another_target_are_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["publish", *arguments]).exit_code == 2
