"""What ECR found in an image, and whether that keeps it from being published.

Basic scanning finds operating system packages; enhanced scanning, with Amazon Inspector, finds Python packages too.
Both answer DescribeImageScanFindings, each in a form of its own.
"""

import time
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipelines.container.images import BuiltImage
from pipelines.container.settings import SEVERITIES, Project, Release

PAUSE, LONGEST = 3.0, 1200.0  # seconds
WAITING = ("IN_PROGRESS", "PENDING")
SCANNED = ("COMPLETE", "ACTIVE")  # basic scanning completes, enhanced scanning goes on
# What StartImageScan says of an image that was scanned today, and where scanning is enhanced and goes on by itself.
NO_NEED = ("LimitExceededException", "ValidationException")


@dataclass(frozen=True)
class Finding:
    """A vulnerability of a package."""

    name: str
    severity: str
    package: str
    uri: str

    @property
    def rank(self) -> int:
        """Place of the severity among the others; one that ECR has yet to name is undefined."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 0

    def __str__(self) -> str:
        return f"{self.name} ({self.severity}) in {self.package}"


@dataclass(frozen=True)
class Scan:
    """How the scan of an image ended, and what it found, the worst first."""

    status: str
    description: str
    findings: tuple[Finding, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of findings by severity."""
        found = [finding.severity for finding in self.findings]
        return {severity: found.count(severity) for severity in sorted(set(found))}


def renew(image: BuiltImage, project: Project, ecr: Any) -> None:
    """Scan an image again that was there already: what is known of its packages may have changed."""
    if image.is_new:
        return
    try:
        ecr.start_image_scan(**_place(image, project))
    except ClientError as error:
        if error.response["Error"]["Code"] not in NO_NEED:
            raise


def wait(image: BuiltImage, project: Project, ecr: Any, longest: float = LONGEST) -> Scan:
    """Wait for the scan of an image at most so many seconds; a scan that never begins or ends has status PENDING."""
    deadline = time.monotonic() + longest
    while (scan := read(image, project, ecr)).status in WAITING and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return scan


def read(image: BuiltImage, project: Project, ecr: Any) -> Scan:
    """What ECR says now."""
    try:
        pages = list(ecr.get_paginator("describe_image_scan_findings").paginate(**_place(image, project)))
    except ecr.exceptions.ScanNotFoundException:
        return Scan("PENDING", "ECR has begun no scan. Turn on scan on push for the repository.", ())
    status, found = pages[0]["imageScanStatus"], [page.get("imageScanFindings", {}) for page in pages]
    basic = [_basic(item) for page in found for item in page.get("findings", [])]
    enhanced = [_enhanced(item) for page in found for item in page.get("enhancedFindings", [])]
    findings = sorted(basic + enhanced, key=lambda finding: (-finding.rank, finding.name, finding.package))
    return Scan(status["status"], status.get("description", ""), tuple(findings))


def refusals(image: BuiltImage, scan: Scan, rules: Release) -> list[str]:
    """Why an image must not be published; nothing when it may."""
    if scan.status not in SCANNED:
        reason = f"{image.name} was not scanned: {scan.status}. {scan.description}".strip()
        return [reason] if rules.unscanned == "refuse" else []
    threshold = SEVERITIES.index(rules.severity)
    return [f"{image.name}: {finding}" for finding in scan.findings if finding.rank >= threshold]


def _place(image: BuiltImage, project: Project) -> dict[str, Any]:
    where = {"registryId": project.registry_id, "repositoryName": project.repository_name}
    return {**where, "imageId": {"imageDigest": image.digest}}


def _basic(item: dict[str, Any]) -> Finding:
    """Read an ImageScanFinding."""
    attributes = {each["key"]: each.get("value", "") for each in item.get("attributes", [])}
    package = f"{attributes.get('package_name', 'the image')} {attributes.get('package_version', '')}".strip()
    return Finding(item["name"], item.get("severity", "UNDEFINED"), package, item.get("uri", ""))


def _enhanced(item: dict[str, Any]) -> Finding:
    """Read an EnhancedImageScanFinding."""
    details = item.get("packageVulnerabilityDetails", {})
    packages = [f"{each['name']} {each.get('version', '')}".strip() for each in details.get("vulnerablePackages", [])]
    name = details.get("vulnerabilityId") or item.get("title", "unnamed")
    return Finding(
        name, item.get("severity", "UNDEFINED"), ", ".join(packages) or "the image", details.get("sourceUrl", "")
    )
