"""Images are built when new, listed from what they hold, and named by their folder."""

import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# pytest puts the folder of a test on the path, not the repository, whose packages are under test.
sys.path.insert(0, str(ROOT))

from container_service import BUCKET, DIGEST, REPOSITORY, VARIABLES, Aws  # noqa: E402
from cyclonedx.schema import SchemaVersion  # noqa: E402
from cyclonedx.validation.json import JsonStrictValidator  # noqa: E402

from pipelines.container import build, images, sbom, settings  # noqa: E402
from pipelines.image import ImageError  # noqa: E402
from pipelines.variables import SettingsError  # noqa: E402

IMAGE = images.BuiltImage("training-xgboost", "containers/training/xgboost", f"{REPOSITORY}@{DIGEST}", True)
KEY = f"images/training-xgboost/{DIGEST.replace(':', '-')}/sbom.cdx.json"
FOUND = {"imageDetails": [{"imageDigest": DIGEST}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "containers" / "training" / "xgboost"
    made.mkdir(parents=True)
    (made / "Dockerfile").write_text("FROM scratch\n")
    return made


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> Path:
    """Put a docker on the path that writes down its commands and says what an image holds; returns the file."""
    program, log = folder / "docker", folder / "docker.log"
    said = "echo numpy==2.2.6" if status == 0 else "echo no such program >&2"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" = run ] || exit 0\n{said}\nexit {status}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


def test_images_are_named_by_their_folders(tmp_path: Path) -> None:
    for name in ("training/xgboost", "inference/xgboost", "web"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")
    assert list(images.container_folders(tmp_path)) == ["inference-xgboost", "training-xgboost", "web"]


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a/b", "a-b"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(ImageError, match=r"would both be the image a-b. Rename"):
        images.container_folders(tmp_path)


def test_a_repository_without_a_container_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"holds no Dockerfile\. Add a folder"):
        images.container_folders(tmp_path)


def test_the_repository_s_own_containers_are_found() -> None:
    assert {"training-xgboost", "inference-xgboost"} <= images.container_folders(ROOT / "containers").keys()


def test_a_new_image_is_pushed_and_listed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: Aws
) -> None:
    log = docker(tmp_path, monkeypatch)
    for _ in range(2):  # whether it is new, and whether to build it
        aws.refuse("ecr", "describe_images", "ImageNotFoundException")
    aws.answer("ecr", "describe_images", FOUND)
    aws.answer("s3", "list_objects_v2", {"KeyCount": 0}, {"Bucket": BUCKET, "Prefix": KEY})
    aws.answer("s3", "put_object", {})

    (built,) = build.build(settings.for_build(VARIABLES), {"training-xgboost": folder}, aws)

    assert (built.name, built.uri, built.is_new) == ("training-xgboost", f"{REPOSITORY}@{DIGEST}", True)
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["build", "push", "run"]
    assert f"--network none --entrypoint python {REPOSITORY}@{DIGEST}" in log.read_text()


def test_an_unchanged_image_is_neither_built_nor_listed_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: Aws
) -> None:
    log = docker(tmp_path, monkeypatch)
    for _ in range(2):
        aws.answer("ecr", "describe_images", FOUND)
    aws.answer("s3", "list_objects_v2", {"KeyCount": 1})

    (built,) = build.build(settings.for_build(VARIABLES), {"training-xgboost": folder}, aws)

    assert (built.uri, built.is_new) == (f"{REPOSITORY}@{DIGEST}", False)
    assert not log.exists()


def test_the_bill_is_valid_cyclonedx_about_the_image(tmp_path: Path) -> None:
    text = sbom.make_sbom(IMAGE, "numpy==2.2.6\nmine @ https://example.com/mine-1.0-py3-none-any.whl\n")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    subject = bill["metadata"]["component"]
    assert (subject["type"], subject["version"]) == ("container", DIGEST)
    assert subject["purl"].startswith("pkg:oci/sagemaker-images-p-img@sha256%3Aaaaa")
    assert {(item["name"], item.get("purl")) for item in bill["components"]} >= {("numpy", "pkg:pypi/numpy@2.2.6")}
    (root,) = [item for item in bill["dependencies"] if item["ref"] == subject["bom-ref"]]
    assert len(root["dependsOn"]) == 2


def test_the_bill_of_an_image_is_always_the_same() -> None:
    assert sbom.make_sbom(IMAGE, "numpy==2.2.6\n") == sbom.make_sbom(IMAGE, "numpy==2.2.6\n")


def test_an_image_without_packages_has_a_bill_too() -> None:
    assert "components" not in json.loads(sbom.make_sbom(IMAGE, ""))


def test_an_image_that_can_t_list_its_packages_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker(tmp_path, monkeypatch, status=127)
    with pytest.raises(ImageError, match=r"exit status 127: no such program .*must hold Python and pip"):
        sbom.installed(IMAGE.uri)


def test_the_list_for_the_release_is_read_back(tmp_path: Path) -> None:
    images.write_list(tmp_path, [IMAGE])
    assert images.read_list(tmp_path) == [IMAGE]


def test_all_wrong_settings_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        settings.for_release({**VARIABLES, "ARTIFACT_BUCKET": "", "SEVERITY_THRESHOLD": "BAD"})
    text = str(told.value)
    assert all(name in text for name in ("ARTIFACT_BUCKET", "SEVERITY_THRESHOLD", "UNSCANNED_IMAGES"))


@pytest.fixture
def aws() -> Aws:
    return Aws()
