"""ECR scans images against the advisories that this machine has, and says so where it has none."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox, eventually
from moto.ecr.models import ecr_backends

from smproject.sandbox import advisories, moto_images
from smproject.sandbox.advisories import AdvisoryError
from smproject.sandbox.moto_images import Pushed

Found = dict[str, Any]


def advisory(package: str = "six", severity: str = "HIGH", **more: Any) -> Found:
    """An advisory about versions before 1.17, as OSV has them."""
    events = [{"introduced": "0"}, {"fixed": "1.17.0"}]
    about = {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
        **more.pop("affected", {}),
    }
    facts = {
        "id": f"GHSA-{uuid.uuid4().hex[:4]}",
        "summary": "It breaks.",
        "references": [{"type": "ADVISORY", "url": "https://example.com/advisory"}],
        "database_specific": {"severity": severity},
    }
    return {**facts, "affected": [about], **more}


class Registry:
    """A repository of the development account that scans what is pushed, unless told otherwise."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, scans: bool = True) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.name = f"images-{uuid.uuid4().hex[:8]}"
        self.ecr = sandbox.client("ecr")
        self.ecr.create_repository(repositoryName=self.name, imageScanningConfiguration={"scanOnPush": scans})
        self.uri = f"{ACCOUNTS['development']}.dkr.ecr.us-east-1.amazonaws.com/{self.name}"

    def docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = self.sandbox.environment() | {"SMPROJECT_IMAGES": str(self.sandbox.home / "images")}
        command = [sys.executable, "-m", "smproject.sandbox.docker", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def push(self, requirements: str = "six==1.16.0\n", tag: str = "v1") -> str:
        """Build and push an image of some packages; return its tag."""
        (self.folder / "requirements.txt").write_text(requirements)
        (self.folder / "Dockerfile").write_text(
            f"FROM python:3.12-slim\nLABEL of={self.name}\nCOPY requirements.txt /\n"
            'RUN pip install -r /requirements.txt\nENTRYPOINT ["python", "-V"]\n'
        )
        for words in (("build", "-t", f"{self.uri}:{tag}", str(self.folder)), ("push", f"{self.uri}:{tag}")):
            done = self.docker(*words)
            assert done.returncode == 0, done.stderr
        return tag

    def scan(self, tag: str = "v1", **more: Any) -> Found:
        """Return what the scan says at its end."""

        def look() -> Found | None:
            found = self.ecr.describe_image_scan_findings(repositoryName=self.name, imageId={"imageTag": tag}, **more)
            return None if found["imageScanStatus"]["status"] == "IN_PROGRESS" else dict(found)

        return eventually(look)


@pytest.fixture
def folder(sandbox: Sandbox) -> Iterator[Path]:
    """Where the sandbox looks for advisories; empty before and after."""
    made = sandbox.home / "advisories"
    made.mkdir(exist_ok=True)
    yield made
    for file in made.iterdir():
        file.unlink()


@pytest.fixture
def registry(sandbox: Sandbox, tmp_path: Path) -> Registry:
    return Registry(sandbox, tmp_path)


def test_without_advisories_an_image_is_not_called_clean(registry: Registry, folder: Path) -> None:
    found = registry.scan(registry.push())
    assert found["imageScanStatus"]["status"] == "UNSUPPORTED_IMAGE"
    assert f"put files in OSV's format into {folder}" in found["imageScanStatus"]["description"]
    assert "imageScanFindings" not in found


def test_a_push_is_scanned_against_the_packages_that_the_image_holds(registry: Registry, folder: Path) -> None:
    (folder / "six.json").write_text(json.dumps(advisory()))
    (folder / "pip.json").write_text(json.dumps(advisory("no-such-package")))
    found = registry.scan(registry.push())
    (finding,) = found["imageScanFindings"]["findings"]
    attributes = {each["key"]: each["value"] for each in finding["attributes"]}
    assert attributes == {"package_name": "six", "package_version": "1.16.0"}
    assert (finding["severity"], finding["uri"]) == ("HIGH", "https://example.com/advisory")
    assert found["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 1}
    assert "with 2 advisories" in found["imageScanStatus"]["description"]


def test_an_image_of_other_versions_has_no_findings(registry: Registry, folder: Path) -> None:
    (folder / "six.json").write_text(json.dumps(advisory()))
    found = registry.scan(registry.push("six==1.17.0\n"))
    assert (found["imageScanStatus"]["status"], found["imageScanFindings"]["findings"]) == ("COMPLETE", [])


def test_a_scan_that_is_started_again_reads_new_advisories(registry: Registry, folder: Path) -> None:
    tag = registry.push()
    assert registry.scan(tag)["imageScanStatus"]["status"] == "UNSUPPORTED_IMAGE"
    (folder / "six.json").write_text(json.dumps(advisory()))
    image = {"repositoryName": registry.name, "imageId": {"imageTag": tag}}
    assert registry.ecr.start_image_scan(**image)["imageScanStatus"]["status"] == "IN_PROGRESS"
    assert registry.scan(tag)["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 1}


def test_a_file_that_is_no_advisory_fails_the_scan_by_its_name(registry: Registry, folder: Path) -> None:
    (folder / "wrong.json").write_text("[1]")
    found = registry.scan(registry.push())
    assert found["imageScanStatus"]["status"] == "FAILED"
    assert f"{folder / 'wrong.json'} holds no advisories in OSV's format" in found["imageScanStatus"]["description"]


def test_findings_come_in_pages(registry: Registry, folder: Path) -> None:
    for name in ("CVE-1", "CVE-2", "CVE-3"):
        (folder / f"{name}.json").write_text(json.dumps(advisory(id=name)))
    tag = registry.push()
    first = registry.scan(tag, maxResults=2)
    rest = registry.scan(tag, maxResults=2, nextToken=first["nextToken"])
    names = [each["name"] for page in (first, rest) for each in page["imageScanFindings"]["findings"]]
    assert sorted(names) == ["CVE-1", "CVE-2", "CVE-3"]


def test_an_image_that_is_not_scanned_on_push_has_no_scan(sandbox: Sandbox, tmp_path: Path) -> None:
    registry = Registry(sandbox, tmp_path, scans=False)
    tag = registry.push()
    with pytest.raises(ClientError, match="Image scan does not exist for the image") as told:
        registry.scan(tag)
    assert told.value.response["Error"]["Code"] == "ScanNotFoundException"


def test_an_image_that_is_not_there_is_refused(registry: Registry) -> None:
    with pytest.raises(ClientError) as told:
        registry.scan("none")
    assert told.value.response["Error"]["Code"] == "ImageNotFoundException"


def test_an_image_that_others_pushed_is_not_called_clean(registry: Registry, folder: Path) -> None:
    (folder / "six.json").write_text(json.dumps(advisory()))
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"size": 1}, "layers": [{"digest": "sha256:1"}]}
    registry.ecr.put_image(repositoryName=registry.name, imageManifest=json.dumps(manifest), imageTag="v1")
    found = registry.scan()["imageScanStatus"]
    assert found["status"] == "UNSUPPORTED_IMAGE" and "not built on this machine" in found["description"]


def test_enhanced_scanning_is_refused(registry: Registry) -> None:
    with pytest.raises(ClientError, match="does not implement enhanced scanning"):
        registry.ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[])
    kept = registry.ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    assert kept["registryScanningConfiguration"]["scanType"] == "BASIC"


def test_pushes_and_scans_are_told_as_events(registry: Registry, folder: Path, sandbox: Sandbox) -> None:
    sqs, events = sandbox.client("sqs"), sandbox.client("events")
    url = sqs.create_queue(QueueName=registry.name)["QueueUrl"]
    pattern = {"source": ["aws.ecr"], "detail": {"repository-name": [registry.name]}}
    events.put_rule(Name=registry.name, EventPattern=json.dumps(pattern))
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNTS['development']}:{registry.name}"
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [allowed]})})
    events.put_targets(Rule=registry.name, Targets=[{"Id": "queue", "Arn": queue}])
    registry.push()
    told: list[Found] = []

    def look() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        told.extend(json.loads(message["Body"]) for message in found)
        return len(told) >= 2

    eventually(look)
    kinds = {event["detail-type"]: event["detail"] for event in told}
    assert kinds["ECR Image Action"]["action-type"] == "PUSH"
    assert kinds["ECR Image Scan"]["scan-status"] == "UNSUPPORTED_IMAGE"


def test_docker_runs_a_program_of_an_image(registry: Registry) -> None:
    tag = registry.push()
    program = ("run", "--rm", "--network", "none", "--entrypoint", "python", f"{registry.uri}:{tag}")
    listed = registry.docker(*program, "-m", "pip", "freeze", "--all")
    assert "six==1.16.0" in listed.stdout.splitlines(), listed.stderr
    failed = registry.docker(*program, "-c", "import sys; print('out'); print('error', file=sys.stderr); sys.exit(3)")
    assert (failed.returncode, failed.stdout, failed.stderr.strip()) == (3, "out\n", "error")
    assert registry.docker("run", "--rm", f"{registry.uri}:{tag}").stdout.startswith("Python 3.")


def test_docker_runs_an_image_by_its_digest_as_if_it_pulled_it(registry: Registry) -> None:
    registry.push()
    found = registry.ecr.describe_images(repositoryName=registry.name)["imageDetails"][0]["imageDigest"]
    run = ("run", "--rm", "--entrypoint", "python")
    assert registry.docker(*run, f"{registry.uri}@{found}", "-c", "print(1)").stdout == "1\n"
    unknown = registry.docker(*run, f"{registry.uri}@sha256:{'0' * 64}", "-c", "print(1)")
    assert (unknown.returncode, "Unable to find image" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("events", "affected"),
    [
        ([{"introduced": "0"}], ["1.0", "1.9.9", "2.0rc1", "2.0"]),
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["1.0", "1.9.9", "2.0rc1"]),
        ([{"introduced": "1.5"}, {"last_affected": "2.0"}], ["1.9.9", "2.0rc1", "2.0"]),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "2.0"}], ["2.0"]),
    ],
)
def test_ranges_of_versions_are_read_as_osv_says(
    events: list[dict[str, str]], affected: list[str], tmp_path: Path
) -> None:
    told = advisory(affected={"ranges": [{"type": "ECOSYSTEM", "events": events}]})
    (tmp_path / "a.json").write_text(json.dumps(told))
    versions = ["1.0", "1.9.9", "2.0rc1", "2.0"]
    assert [each for each in versions if advisories.matches(tmp_path, {"Six": each})[1]] == affected


def test_versions_may_be_listed_and_advisories_withdrawn(tmp_path: Path) -> None:
    listed = advisory(affected={"ranges": [], "versions": ["not-a-version"]})
    withdrawn = advisory(withdrawn="2026-01-01T00:00:00Z")
    for name, told in (("a", listed), ("b", withdrawn)):
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
    assert [advisories.matches(tmp_path, {"six": each})[0] for each in ("1.0", "not-a-version")] == [1, 1]
    assert [len(advisories.matches(tmp_path, {"six": each})[1]) for each in ("1.0", "not-a-version")] == [0, 1]


def test_one_vulnerability_counts_once_as_the_worst_of_its_advisories(tmp_path: Path) -> None:
    told = [advisory(severity=severity, aliases=["CVE-2026-1"]) for severity in ("", "MODERATE", "LOW")]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, each in enumerate(told):
            archive.writestr(f"{number}.json", json.dumps(each))
    count, (found,) = advisories.matches(tmp_path, {"six": "1.0"})
    assert (count, found.advisory.name, found.advisory.severity) == (3, "CVE-2026-1", "MEDIUM")


def test_an_archive_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(b"no")
    with pytest.raises(AdvisoryError, match=r"all\.zip holds no advisories"):
        advisories.matches(tmp_path, {"six": "1.0"})


def test_the_seam_tells_of_what_is_pushed() -> None:
    told: list[Pushed] = []
    moto_images.on_push(told.append)
    backend = ecr_backends["555555555555"]["us-east-1"]  # this process's moto, not the server's
    name = f"seam-{uuid.uuid4().hex[:8]}"
    settings = {"encryption_config": {}, "image_tag_mutability": "MUTABLE", "tags": []}
    backend.create_repository(name, None, image_scan_config={"scanOnPush": True}, **settings)
    manifest = json.dumps({"mediaType": "m", "config": {"size": 1}, "layers": []})
    backend.put_image(name, manifest, "v1", "m", "sha256:1")
    assert told == [Pushed("555555555555", "us-east-1", name, "sha256:1", "v1", scanned=True)]
