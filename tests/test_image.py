"""Images are built when their folder's content is new, and named by digest."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pipelines import image
from pipelines.content import content_digest, tree

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
    tag = content_digest(tree(folder))[:32]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
    pushed = ecr.put_image(repositoryName="sagemaker-leavers", imageTag=tag, imageManifest=manifest)
    return str(pushed["image"]["imageId"]["imageDigest"])


def test_unchanged_folder_keeps_its_image_and_needs_no_docker(ecr: Any, folder: Path) -> None:
    digest = push(ecr, folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "train.pyc").write_bytes(b"\0")

    assert image.ensure_image(folder, REPOSITORY, ecr) == f"{REPOSITORY}@{digest}"


def test_changed_folder_is_built_anew(ecr: Any, folder: Path) -> None:
    push(ecr, folder)
    (folder / "train.py").write_text("x = 2\n")

    with pytest.raises(image.ImageError, match="docker is not installed"):
        image.ensure_image(folder, REPOSITORY, ecr)


def test_missing_repository_is_named(ecr: Any, folder: Path) -> None:
    with pytest.raises(image.ImageError, match="no repository sagemaker-joiners"):
        image.ensure_image(folder, REPOSITORY.replace("leavers", "joiners"), ecr)
