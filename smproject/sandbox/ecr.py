"""ECR: moto keeps repositories and images; this scans images, because moto answers the same finding for each.

A scan compares the Python packages of an image with the advisories that the user has put on this machine. It never
says that nothing was found where it could not look. Decision 14 says why.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from smproject.sandbox import advisories, moto_images
from smproject.sandbox.advisories import AdvisoryError, Match
from smproject.sandbox.dockerfile import BuildError
from smproject.sandbox.events import events_of
from smproject.sandbox.image_store import ImageStore
from smproject.sandbox.moto_images import Pushed
from smproject.sandbox.service import Caller, Request, Service, ServiceError, now, page
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_RUNNING = "IN_PROGRESS"
_UNSUPPORTED = "UnsupportedImageError: "  # ECR's word for an image that it can't scan


@dataclass(frozen=True)
class Scan:
    """A scan of an image: where it is, how it stands, and what it has found (ImageScanFinding)."""

    account: str
    region: str
    repository: str
    digest: str
    tag: str
    began: datetime
    status: str = _RUNNING
    description: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Return what tells it from the other scans."""
        return f"{self.account} {self.region} {self.repository} {self.digest}"

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of findings by severity."""
        return dict(Counter(finding["severity"] for finding in self.findings))


class EcrService(Service):
    """Scans on push and on demand. Scanning here is basic: continuous scanning by Inspector is refused."""

    name = "ecr"
    over_moto = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.scans: dict[str, Scan] = {}
        moto_images.on_push(self._pushed)

    def resume(self) -> None:
        """Begin again what a stop has interrupted."""
        for scan in list(self.scans.values()):
            if scan.status == _RUNNING:
                self._start(scan)

    def start_image_scan(self, caller: Caller, request: Request) -> Request:
        """Scan an image again. AWS does so once in 24 hours; that limit is not kept here."""
        image = self._image(caller, request)
        tag = (image.get("imageTags") or [""])[0]
        where = (caller.account, caller.region, request["repositoryName"], image["imageDigest"], tag)
        self._start(Scan(*where, began=now()))
        return {**_named(request, image), "imageScanStatus": {"status": _RUNNING}}

    def describe_image_scan_findings(self, caller: Caller, request: Request) -> Request:
        """Tell how the newest scan of an image stands, and what it has found."""
        image = self._image(caller, request)
        scan = self.scans.get(f"{caller.account} {caller.region} {request['repositoryName']} {image['imageDigest']}")
        if scan is None:
            raise ServiceError(
                "ScanNotFoundException",
                f"Image scan does not exist for the image with '{_written(request['imageId'])}' in the repository with "
                f"name '{request['repositoryName']}' in the registry with id '{caller.account}'",
            )
        answer = {**_named(request, image), "imageScanStatus": {"status": scan.status, "description": scan.description}}
        if scan.status != "COMPLETE":
            return answer
        found = page(scan.findings, request, "findings", "maxResults", "nextToken")
        more = {"nextToken": found.pop("nextToken")} if "nextToken" in found else {}
        facts = {"imageScanCompletedAt": scan.began, "vulnerabilitySourceUpdatedAt": self._updated() or scan.began}
        return {**answer, "imageScanFindings": {**facts, "findingSeverityCounts": scan.counts, **found}, **more}

    def put_registry_scanning_configuration(self, caller: Caller, request: Request) -> Request:
        """Refuse enhanced scanning; moto keeps the rules of basic scanning."""
        if request.get("scanType") == "ENHANCED":
            raise ServiceError("NotImplemented", "The sandbox does not implement enhanced scanning.")
        return moto_images.keep_rules(caller.account, caller.region, request.get("rules", []))

    @property
    def _folder(self) -> Path:
        return self.world.home / "advisories"

    def _updated(self) -> datetime | None:
        """Return when the advisories changed last."""
        times = [path.stat().st_mtime for path in self._folder.rglob("*")] if self._folder.is_dir() else []
        return datetime.fromtimestamp(max(times), now().tzinfo) if times else None

    def _image(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe the image that is meant; what ECR refuses is refused in its words."""
        ecr = self.world.client("ecr", self.world.service_credentials(caller.account), caller.region)
        where = {name: request[name] for name in ("registryId", "repositoryName") if name in request}
        found: dict[str, Any] = ecr.describe_images(**where, imageIds=[request["imageId"]])["imageDetails"][0]
        return found

    def _pushed(self, pushed: Pushed) -> None:
        where = (pushed.account, pushed.region, pushed.repository, pushed.digest, pushed.tag)
        scan = Scan(*where, began=now())
        told = {"result": "SUCCESS", "action-type": "PUSH", "image-tag": pushed.tag}
        self._emit("ECR Image Action", scan, told)
        self.scans.pop(scan.key, None)  # of an image of the same content that is no more
        if pushed.scanned:
            self._start(scan)

    def _start(self, scan: Scan) -> None:
        self.scans[scan.key] = scan
        self.world.background(f"scan {scan.digest}", lambda: self._run(scan))

    def _run(self, scan: Scan) -> None:
        try:
            ended = self._ended(scan)
        except (AdvisoryError, BuildError) as error:
            ended = replace(scan, status="FAILED", description=str(error))
        except Exception as error:
            LOG.exception("the scan of %s failed", scan.digest)
            ended = replace(scan, status="FAILED", description=f"The sandbox failed: {error!r}")
        self.scans[scan.key] = ended
        status = {"scan-status": ended.status, "finding-severity-counts": ended.counts, "image-tags": [scan.tag]}
        self._emit("ECR Image Scan", scan, status)

    def _ended(self, scan: Scan) -> Scan:
        """Scan an image that was built here; raises AdvisoryError and BuildError."""
        image = ImageStore(self.world.home / "images").get(scan.digest)
        if image is None:
            reason = "it was not built on this machine, and has no packages to look at."
            return replace(scan, status="UNSUPPORTED_IMAGE", description=_UNSUPPORTED + reason)
        count, found = advisories.matches(self._folder, _installed(image.environment))
        if count == 0:
            reason = (
                "it has no operating system packages, and there are no advisories about Python packages: put files in "
                f"OSV's format into {self._folder}, then start the scan again."
            )
            return replace(scan, status="UNSUPPORTED_IMAGE", description=_UNSUPPORTED + reason)
        packages = len(_installed(image.environment))
        told = f"Compared {packages} Python packages with {count} advisories; it has no operating system packages."
        return replace(scan, status="COMPLETE", description=told, findings=[_finding(match) for match in found])

    def _emit(self, kind: str, scan: Scan, detail: Mapping[str, Any]) -> None:
        """Send an event as https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html has it."""
        image = {"repository-name": scan.repository, "image-digest": scan.digest}
        resource = f"arn:aws:ecr:{scan.region}:{scan.account}:repository/{scan.repository}"
        events_of(self.world).emit(scan.account, scan.region, "aws.ecr", kind, {**image, **detail}, [resource])


def _named(request: Request, image: Mapping[str, Any]) -> Request:
    tag = request["imageId"].get("imageTag")
    named = {"imageDigest": image["imageDigest"], **({"imageTag": tag} if tag else {})}
    return {"registryId": image["registryId"], "repositoryName": request["repositoryName"], "imageId": named}


def _written(image: Mapping[str, str]) -> str:
    return f"{{imageDigest:'{image.get('imageDigest', 'null')}', imageTag:'{image.get('imageTag', 'null')}'}}"


def _installed(environment: Path) -> dict[str, str]:
    """Return the versions of an environment's packages by name."""
    folders = [str(path) for path in environment.glob("lib/*/site-packages")]
    return {each.metadata["Name"]: each.version for each in distributions(path=folders)}


def _finding(match: Match) -> dict[str, Any]:
    advisory = match.advisory
    attributes = {"package_name": match.package, "package_version": match.version}
    return {
        "name": advisory.name,
        "description": advisory.summary,
        "uri": advisory.uri,
        "severity": advisory.severity,
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }
