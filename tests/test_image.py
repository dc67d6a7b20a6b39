"""Images are built when their folder's content is new, and named by digest."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipelines import image

REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-leavers"


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An ECR with the repository, on a machine without docker."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("ecr", region_name="us-east-1")
        client.create_repository(repositoryName="sagemaker-leavers")
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY train.py /\n")
    (tmp_path / "train.py").write_text("x = 1\n")
    return tmp_path


def push(ecr: Any, folder: Path) -> str:
    tag = image.Container(folder).tag
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
    pushed = ecr.put_image(repositoryName="sagemaker-leavers", imageTag=tag, imageManifest=manifest)
    return str(pushed["image"]["imageId"]["imageDigest"])


def test_unchanged_folder_keeps_its_image_and_needs_no_docker(ecr: Any, folder: Path) -> None:
    digest = push(ecr, folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "train.pyc").write_bytes(b"\0")

    assert image.ensure_image(image.Container(folder), REPOSITORY, ecr) == f"{REPOSITORY}@{digest}"


def test_changed_folder_is_built_anew(ecr: Any, folder: Path) -> None:
    push(ecr, folder)
    (folder / "train.py").write_text("x = 2\n")

    with pytest.raises(image.ImageError, match="docker is not installed"):
        image.ensure_image(image.Container(folder), REPOSITORY, ecr)


@pytest.fixture
def sharing(tmp_path: Path) -> Path:
    """An image's folder, with a folder beside it that the image copies from, and one that it doesn't."""
    for name in ("mine", "entry", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("x = 1\n")
    (tmp_path / "mine" / "Dockerfile").write_text("FROM scratch\nCOPY --from=entry *.py /e/\nCOPY --from=busybox a /\n")
    return tmp_path / "mine"


def test_tag_changes_with_the_folder_that_the_image_copies_from_and_with_no_other(sharing: Path) -> None:
    tag = image.Container(sharing).tag
    (sharing.parent / "other" / "a.py").write_text("x = 2\n")
    assert image.Container(sharing).tag == tag
    (sharing.parent / "entry" / "a.py").write_text("x = 2\n")
    assert image.Container(sharing).tag != tag


def test_docker_is_given_the_folder_that_the_image_copies_from(
    ecr: Any, sharing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker, log = tmp_path / "docker", tmp_path / "log"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(image.ImageError, match="after the push"):
        image.ensure_image(image.Container(sharing), REPOSITORY, ecr)
    build = log.read_text().splitlines()[0]
    shared = f"--build-context=entry={tmp_path}/entry"
    tag = image.Container(sharing).tag
    assert build == f"build --tag {REPOSITORY}:{tag} --file {sharing}/Dockerfile {shared} {sharing}"


def test_each_of_several_dockerfiles_has_an_image_of_its_own(folder: Path) -> None:
    for name in ("cpu", "gpu"):
        (folder / f"Dockerfile.{name}").write_text(f"FROM {name}\n")
    containers = {name: image.Container(folder, folder / f"Dockerfile.{name}") for name in ("cpu", "gpu")}
    cpu, gpu = containers["cpu"].tag, containers["gpu"].tag
    (folder / "Dockerfile.gpu").write_text("FROM other\n")

    assert containers["cpu"].tag == cpu
    assert containers["gpu"].tag not in (cpu, gpu)


def test_a_dockerfile_may_lie_in_a_folder_that_the_image_copies_from(sharing: Path) -> None:
    lent = sharing.parent / "entry" / "Dockerfile.cpu"
    lent.write_text((sharing / "Dockerfile").read_text())
    container = image.Container(sharing, lent)
    tag = container.tag
    (lent.parent / "Dockerfile.gpu").write_text("FROM other\n")
    assert container.tag == tag
    lent.write_text(lent.read_text() + "LABEL a=b\n")
    assert container.tag != tag


def test_missing_repository_is_named(ecr: Any, folder: Path) -> None:
    with pytest.raises(image.ImageError, match="no repository sagemaker-joiners"):
        image.ensure_image(image.Container(folder), REPOSITORY.replace("leavers", "joiners"), ecr)


ROOT = Path(__file__).resolve().parents[1]
PINNED = f"{REPOSITORY}@sha256:{'a' * 64}"


def printed(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the command as a build does; its exit status, output and complaints."""
    given = json.loads((ROOT / "tests" / "golden" / "vision-cpu.env.json").read_text())
    command = [sys.executable, "-m", "pipelines.image", *words]
    done = subprocess.run(command, cwd=folder, env=given | {"PATH": ""}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that builds from pictures."""
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_an_image_that_somebody_else_has_built_is_taken_by_its_digest(repository: Path) -> None:
    known = repository / "pipelines/build/vision/images.json"
    known.write_text(json.dumps({"train-gpu": {"uri": PINNED}}))

    assert printed(repository, "build.vision", "train-gpu") == (0, f"{PINNED}\n", "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"serve": {"uri": PINNED}}, "has no image 'train-gpu'. Use one of serve."),
        ({"train-gpu": {"uri": f"{REPOSITORY}:latest"}}, "Write an ECR image URI that ends in its digest."),
        ({"train-gpu": {"uri": ""}}, "Write an ECR image URI that ends in its digest."),
        ({"train-gpu": {"uri": PINNED, "folder": "a"}}, "has uri, folder. Write folder, and file if need be; or uri."),
        ({"train-gpu": {"folder": "containers/absent"}}, "there is no containers/absent/Dockerfile."),
    ],
    ids=["unknown", "by a tag", "empty", "both", "no Dockerfile"],
)
def test_what_images_json_says_wrongly_is_told(content: dict[str, Any], told: str, repository: Path) -> None:
    (repository / "pipelines/build/vision/images.json").write_text(json.dumps(content))

    status, output, complaint = printed(repository, "build.vision", "train-gpu")

    assert (status, output) == (2, "")
    assert told in complaint


def test_a_pipeline_without_images_is_told(repository: Path) -> None:
    assert "build/absent/images.json can't be read" in printed(repository, "build.absent", "serve")[2]


@pytest.mark.parametrize("known", sorted(ROOT.glob("pipelines/build/*/images.json")), ids=lambda path: path.parent.name)
def test_each_known_image_has_its_dockerfile(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = json.loads(known.read_text())

    found = [image.find(f"build.{known.parent.name}", name) for name in names]

    assert len(found) > 2
    assert all(isinstance(each, image.Container) for each in found)
