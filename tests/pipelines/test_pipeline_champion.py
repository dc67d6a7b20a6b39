"""Which model a new one is compared with."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

GROUP = "leavers-p-0123456789ab"
VERSION = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/leavers-p-0123456789ab/3"
MODEL = "s3://bucket/leavers/train/model.tar.gz"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-leavers@sha256:" + "b" * 64
ASKED = {
    "ModelPackageGroupName": GROUP,
    "ModelApprovalStatus": "Approved",
    "MaxResults": 1,
    "SortBy": "CreationTime",
    "SortOrder": "Descending",
}


@pytest.fixture
def registry() -> Iterator[tuple[Any, Stubber]]:
    """Return a client, and what SageMaker answers to it."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client("sagemaker", region_name="eu-west-1", **keys)
    with Stubber(client) as stubber:
        yield client, stubber


def package(number: str) -> dict[str, Any]:
    created = datetime(2026, 11, 22, tzinfo=timezone.utc)
    return {"ModelPackageArn": number, "CreationTime": created, "ModelPackageStatus": "Completed"}


def test_it_is_the_newest_approved_version(registry: tuple[Any, Stubber]) -> None:
    from pipelines.champion import find_champion  # noqa: PLC0415  # conftest puts the repository on the path

    client, stubber = registry
    stubber.add_response("list_model_packages", {"ModelPackageSummaryList": [package(VERSION)]}, ASKED)
    container = {"Image": IMAGE, "ModelDataUrl": MODEL}
    described = package(VERSION) | {
        "ModelPackageName": "3",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [container]},
    }
    stubber.add_response("describe_model_package", described, {"ModelPackageName": VERSION})
    assert find_champion(GROUP, client) == MODEL


def test_before_a_version_is_approved_there_is_none(registry: tuple[Any, Stubber]) -> None:
    from pipelines.champion import find_champion  # noqa: PLC0415  # as above

    client, stubber = registry
    stubber.add_response("list_model_packages", {"ModelPackageSummaryList": []}, ASKED)
    assert find_champion(GROUP, client) == ""
