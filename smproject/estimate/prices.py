"""The price file: what things cost in a Region, when that was read, and where."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from smproject.errors import CatalogError

FILE = Path(__file__).with_name("prices.yaml")
# By key: the service's code, its usage type without the Region's prefix, and what is counted.
# https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/price-changes.html
ITEMS = {
    "alarm": ("AmazonCloudWatch", "CW:AlarmMonitorUsage", "alarm"),
    "codebuild-small": ("CodeBuild", "Build-Min:Linux:g1.small", "minute"),
    "codebuild-medium": ("CodeBuild", "Build-Min:Linux:g1.medium", "minute"),
    "codebuild-large": ("CodeBuild", "Build-Min:Linux:g1.large", "minute"),
    "codecommit-user": ("AWSCodeCommit", "User-Month", "user"),
    "codepipeline-action": ("AWSCodePipeline", "actionExecutionMinute", "minute"),
    "ecr-storage": ("AmazonECR", "TimedStorage-ByteHrs", "GB"),
    "kms-key": ("awskms", "KMS-Keys", "key"),
    "lambda-duration": ("AWSLambda", "Lambda-GB-Second", "GB-second"),
    "lambda-request": ("AWSLambda", "Request", "request"),
    "logs-ingestion": ("AmazonCloudWatch", "DataProcessing-Bytes", "GB"),
    "s3-storage": ("AmazonS3", "TimedStorage-ByteHrs", "GB"),
    "secret": ("AWSSecretsManager", "AWSSecretsManager-Secrets", "secret"),
}
# What SageMaker's usage types call the use of an instance.
INSTANCES = {"host": "Host", "processing": "Processing", "training": "Train", "transform": "Tsform"}


@dataclass(frozen=True)
class Price:
    """USD a unit, the day on which it was read, and where."""

    price: float
    read: str
    source: str


def item(key: str) -> tuple[str, str, str]:
    """Return the service's code, the usage type without prefix, and the unit of a key."""
    if key in ITEMS:
        return ITEMS[key]
    _, use, instance_type = key.split("-", 2)
    return "AmazonSageMaker", f"{INSTANCES[use]}:{instance_type}", "hour"


def load(path: Path, region: str) -> dict[str, Price]:
    """Read the prices of a Region; raises CatalogError when the file has none of it."""
    regions = _regions(path)
    if region not in regions:
        known = ", ".join(regions) or "none"
        raise CatalogError(
            f"{path} has no prices of {region}; it has: {known}. Run: smproject estimate --refresh --region {region}"
        )
    return {key: Price(**values) for key, values in regions[region].items()}


def save(path: Path, region: str, prices: Mapping[str, Price]) -> None:
    """Write the prices of a Region, and keep the comments at the top and the other Regions."""
    regions = {**_regions(path), region: {key: asdict(price) for key, price in sorted(prices.items())}}
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    head = "".join(line for line in lines if line.startswith("#"))
    path.write_text(head + yaml.safe_dump({"regions": regions}, sort_keys=False, width=200))


def _regions(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text())
        return dict(found["regions"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise CatalogError(f"{path} is no price file: {error}. Run: smproject estimate --refresh") from error
