"""What ECR finds decides what is published: all images or none."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

# pytest puts the folder of a test on the path, not the repository, whose packages are under test.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from container_service import DIGEST, REPOSITORY, VARIABLES, Aws

from pipelines.container import release, scan, settings
from pipelines.container.images import BuiltImage
from pipelines.container.scan import Scan

FIRST = BuiltImage("training-xgboost", "containers/training/xgboost", f"{REPOSITORY}@{DIGEST}", True)
SECOND = BuiltImage("web", "containers/web", f"{REPOSITORY}@sha256:{'b' * 64}", True)
PARAMETER = "/sagemaker-projects/p-img/images/training-xgboost"
CLEAN = Scan("COMPLETE", "", ())
PLACE = {"registryId": REPOSITORY[:12], "repositoryName": "sagemaker-images-p-img", "imageId": {"imageDigest": DIGEST}}


def rules(severity: str = "HIGH", unscanned: str = "refuse") -> settings.Release:
    more = {"SEVERITY_THRESHOLD": severity, "UNSCANNED_IMAGES": unscanned, "CODEBUILD_SRC_DIR_Images": "."}
    return settings.for_release({**VARIABLES, **more})


def finding(name: str, severity: str, package: str = "pillow", version: str = "9.0") -> dict[str, Any]:
    attributes = [{"key": "package_name", "value": package}, {"key": "package_version", "value": version}]
    return {"name": name, "severity": severity, "attributes": attributes, "uri": f"https://example.com/{name}"}


def scanned(aws: Aws, *findings: dict[str, Any], kind: str = "findings", status: str = "COMPLETE") -> None:
    """Prepare the answer of a scan."""
    answer = {"imageScanStatus": {"status": status, "description": "told"}, "imageScanFindings": {kind: list(findings)}}
    aws.answer("ecr", "describe_image_scan_findings", answer)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setattr(scan, "PAUSE", 0)
    return Aws()


def test_the_findings_of_basic_scanning_are_read_the_worst_first(aws: Aws) -> None:
    scanned(aws, finding("CVE-1", "LOW"), finding("CVE-2", "CRITICAL"))
    found = scan.wait(FIRST, rules(), aws.client("ecr"))
    assert [str(each) for each in found.findings] == [
        "CVE-2 (CRITICAL) in pillow 9.0", "CVE-1 (LOW) in pillow 9.0",
    ]  # fmt: skip
    assert found.counts == {"CRITICAL": 1, "LOW": 1}


def test_the_findings_of_enhanced_scanning_are_read(aws: Aws) -> None:
    details = {"vulnerabilityId": "CVE-3", "vulnerablePackages": [{"name": "urllib3", "version": "1.0"}]}
    scanned(aws, {"severity": "HIGH", "packageVulnerabilityDetails": details}, kind="enhancedFindings", status="ACTIVE")
    found = scan.wait(FIRST, rules(), aws.client("ecr"))
    assert scan.refusals(FIRST, found, rules()) == ["training-xgboost: CVE-3 (HIGH) in urllib3 1.0"]


def test_findings_of_every_page_count(aws: Aws) -> None:
    for name, token in (("CVE-1", {"nextToken": "more"}), ("CVE-2", {})):
        page = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findings": [finding(name, "HIGH")]}}
        aws.answer("ecr", "describe_image_scan_findings", page | token)
    assert len(scan.wait(FIRST, rules(), aws.client("ecr")).findings) == 2


def test_a_scan_that_has_yet_to_begin_or_end_is_waited_for(aws: Aws) -> None:
    aws.refuse("ecr", "describe_image_scan_findings", "ScanNotFoundException")
    scanned(aws, status="IN_PROGRESS")
    scanned(aws)
    assert scan.wait(FIRST, rules(), aws.client("ecr")).status == "COMPLETE"
    aws.done()


def test_a_scan_that_never_begins_is_no_scan(aws: Aws) -> None:
    aws.refuse("ecr", "describe_image_scan_findings", "ScanNotFoundException")
    found = scan.wait(FIRST, rules(), aws.client("ecr"), longest=0)
    (reason,) = scan.refusals(FIRST, found, rules())
    assert "training-xgboost was not scanned: PENDING." in reason


@pytest.mark.parametrize(
    ("threshold", "refused"), [("CRITICAL", []), ("HIGH", ["H"]), ("LOW", ["H", "L"]), ("UNDEFINED", ["H", "L", "U"])]
)
def test_the_threshold_decides(threshold: str, refused: list[str], aws: Aws) -> None:
    scanned(aws, finding("H", "HIGH"), finding("L", "LOW"), finding("U", "UNTRIAGED"))
    found = scan.wait(FIRST, rules(), aws.client("ecr"))
    told = scan.refusals(FIRST, found, rules(threshold))
    assert [each.split()[1] for each in told] == refused


@pytest.mark.parametrize("status", ["UNSUPPORTED_IMAGE", "FAILED", "SCAN_ELIGIBILITY_EXPIRED"])
def test_what_is_not_scanned_is_published_only_where_that_is_wanted(status: str) -> None:
    assert scan.refusals(FIRST, Scan(status, "why", ()), rules()) == [
        f"training-xgboost was not scanned: {status}. why"
    ]
    assert scan.refusals(FIRST, Scan(status, "why", ()), rules(unscanned="publish")) == []


def test_an_image_that_was_there_is_scanned_again_and_a_new_one_is_not(aws: Aws) -> None:
    old = BuiltImage(FIRST.name, FIRST.folder, FIRST.uri, is_new=False)
    aws.answer("ecr", "start_image_scan", {}, PLACE)
    scan.renew(old, rules(), aws.client("ecr"))
    aws.refuse("ecr", "start_image_scan", "LimitExceededException")  # it was scanned today
    scan.renew(old, rules(), aws.client("ecr"))
    scan.renew(FIRST, rules(), aws.client("ecr"))
    aws.done()


def test_an_image_that_passes_is_published_and_announced(aws: Aws) -> None:
    scanned(aws, finding("L", "LOW"))
    aws.answer("s3", "put_object", {})
    aws.refuse("ssm", "get_parameter", "ParameterNotFound")
    wanted = {
        "Name": PARAMETER,
        "Value": FIRST.uri,
        "Type": "String",
        "Description": f"Image of {FIRST.folder}, by digest.",
    }
    aws.answer("ssm", "put_parameter", {}, {**wanted, "Tags": rules().tags})
    detail = {
        "project-name": "images",
        "project-id": "p-img",
        "image-name": "training-xgboost",
        "image-uri": FIRST.uri,
        "image-digest": DIGEST,
        "finding-severity-counts": {"LOW": 1},
        "sbom": f"s3://{VARIABLES['ARTIFACT_BUCKET']}/{FIRST.prefix}/sbom.cdx.json",
        "commit": "0" * 40,
    }
    entry = {"Source": "sagemaker-projects", "DetailType": "Container Image Published", "Detail": json.dumps(detail)}
    aws.answer("events", "put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, {"Entries": [entry]})

    assert release.release(rules(), [FIRST], aws) == (0, "Published training-xgboost")
    aws.done()


def test_a_new_digest_replaces_the_old_one(aws: Aws) -> None:
    aws.answer("ssm", "get_parameter", {"Parameter": {"Value": "an older image"}})
    aws.answer("ssm", "put_parameter", {})
    aws.answer("events", "put_events", {"FailedEntryCount": 0, "Entries": []})
    assert release.publish(FIRST, CLEAN, rules(), aws)
    aws.done()


def test_what_is_published_already_is_neither_written_nor_announced(aws: Aws) -> None:
    aws.answer("ssm", "get_parameter", {"Parameter": {"Value": FIRST.uri}}, {"Name": PARAMETER})
    assert not release.publish(FIRST, CLEAN, rules(), aws)
    aws.done()


def test_one_image_that_does_not_pass_keeps_all_from_being_published(aws: Aws) -> None:
    scanned(aws)
    scanned(aws, finding("CVE-9", "CRITICAL", "openssl", "1.0"))
    for _ in range(2):  # the reports are kept all the same
        aws.answer("s3", "put_object", {})
    status, told = release.release(rules(), [FIRST, SECOND], aws)  # Systems Manager would answer nothing
    assert (status, told) == (3, "Nothing is published. web: CVE-9 (CRITICAL) in openssl 1.0")
    aws.done()


def test_many_findings_are_counted_in_the_result(aws: Aws) -> None:
    scanned(aws, *(finding(f"CVE-{number:02}", "HIGH") for number in range(12)))
    aws.answer("s3", "put_object", {})
    _, told = release.release(rules(), [FIRST], aws)
    assert told.endswith("CVE-09 (HIGH) in pillow 9.0; and 2 more")


def test_an_event_that_is_refused_is_told(aws: Aws) -> None:
    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "X", "ErrorMessage": "too big"}]}
    aws.answer("events", "put_events", failed)
    with pytest.raises(release.AnnounceError, match=r"is published, but EventBridge refused .* too big"):
        release.announce(FIRST, CLEAN, rules(), aws.client("events"))
