"""Publish the images that the build has left, if ECR's scans find nothing that forbids it.

    python -m pipelines.container.release

Each image that passes becomes the value of a Systems Manager parameter, /sagemaker-projects/<project>/images/<image>,
and an event on the account's default bus says so. One image that does not pass keeps all of them from being published.
Leaves image-release-result.txt, one line that says how it ended.

exit status: 0 published or nothing to do, 2 settings are wrong or AWS refused the request, 3 an image did not pass
"""

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines.container import scan as scans
from pipelines.container import settings
from pipelines.container.images import BuiltImage, read_list
from pipelines.container.sbom import FILE
from pipelines.container.scan import Scan
from pipelines.container.settings import Release
from pipelines.variables import SettingsError

logger = logging.getLogger("release")

RESULT = Path("image-release-result.txt")
TOLD = 10  # findings named in the result; the report in S3 has all
SOURCE, PUBLISHED = "sagemaker-projects", "Container Image Published"


class AnnounceError(RuntimeError):
    """EventBridge took the request and not the event."""


def main() -> int:
    """Release; see the module's text for exit statuses."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        rules = settings.for_release()
        images = read_list(Path(rules.images_folder))
        status, result = release(rules, images, boto3.Session(region_name=rules.region))
    except (SettingsError, ClientError, BotoCoreError, AnnounceError) as error:
        status, result = 2, str(error)
    RESULT.write_text(result + "\n", encoding="utf-8")
    logger.info("%s", result)
    return status


def release(rules: Release, images: list[BuiltImage], session: Any) -> tuple[int, str]:
    """Publish all or nothing; returns the exit status and a line about it."""
    ecr, s3 = session.client("ecr"), session.client("s3")
    for image in images:
        scans.renew(image, rules, ecr)
    found = {image.name: scans.wait(image, rules, ecr) for image in images}
    for image in images:
        report(image, found[image.name], rules, s3)
    refused = [reason for image in images for reason in scans.refusals(image, found[image.name], rules)]
    if refused:
        more = [f"and {len(refused) - TOLD} more"] if len(refused) > TOLD else []
        return 3, f"Nothing is published. {'; '.join([*refused[:TOLD], *more])}"
    published = [image.name for image in images if publish(image, found[image.name], rules, session)]
    return 0, f"Published {', '.join(published)}" if published else "Nothing is new; what is published stays"


def report(image: BuiltImage, scan: Scan, rules: Release, s3: Any) -> None:
    """Keep what the scan found beside the image's bill of materials."""
    logger.info("%s: %s %s %s", image.name, scan.status, scan.counts or "no findings", scan.description)
    for finding in scan.findings:
        logger.info("  %s %s", finding, finding.uri)
    s3.put_object(
        Bucket=rules.bucket,
        Key=f"{image.prefix}/scan.json",
        Body=json.dumps({"image": image.uri, **asdict(scan)}, indent=2).encode(),
        ContentType="application/json",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=rules.kms_key_arn,
    )


def publish(image: BuiltImage, scan: Scan, rules: Release, session: Any) -> bool:
    """Give the image's parameter its digest and announce it; does nothing, and says so, when it has that already."""
    ssm, name = session.client("ssm"), f"/sagemaker-projects/{rules.project_id}/images/{image.name}"
    wanted = {"Name": name, "Value": image.uri, "Type": "String", "Description": f"Image of {image.folder}, by digest."}
    try:
        if ssm.get_parameter(Name=name)["Parameter"]["Value"] == image.uri:
            return False
        ssm.put_parameter(**wanted, Overwrite=True)
    except ssm.exceptions.ParameterNotFound:
        # Tags can be given only to what is new.
        ssm.put_parameter(**wanted, Tags=rules.tags)
    announce(image, scan, rules, session.client("events"))
    return True


def announce(image: BuiltImage, scan: Scan, rules: Release, events: Any) -> None:
    """Put the event on the account's default bus, for whoever builds on the image."""
    detail = {
        "project-name": rules.project_name,
        "project-id": rules.project_id,
        "image-name": image.name,
        "image-uri": image.uri,
        "image-digest": image.digest,
        "finding-severity-counts": scan.counts,
        "sbom": f"s3://{rules.bucket}/{image.prefix}/{FILE}",
        "commit": rules.git_commit,
    }
    entry = {"Source": SOURCE, "DetailType": PUBLISHED, "Detail": json.dumps(detail)}
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        told = answer["Entries"][0].get("ErrorMessage", "")
        raise AnnounceError(f"{image.uri} is published, but EventBridge refused the event that says so: {told}")


if __name__ == "__main__":
    sys.exit(main())
