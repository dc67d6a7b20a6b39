"""Pick the model package to deploy: the one that was approved, by its exact ARN."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipelines.deploy.realtime.errors import DeployError, NothingToDeployError


@dataclass(frozen=True)
class Package:
    """A model package, as far as a deployment needs it; URIs are S3's."""

    arn: str
    image: str
    model_uri: str
    model_sha256: str
    golden_uri: str
    evaluation_uri: str
    report_uri: str


def pick(sagemaker: Any, group: str, wanted: str) -> Package:
    """The wanted package, or of the approved ones that whose approval changed last when `wanted` is "none".

    Raises NothingToDeployError with the reason when there is none, or when the wanted one is not approved now.
    """
    if wanted == "none":
        return _package(_last_approved(sagemaker, group))
    # SageMaker writes the group's name into ARNs in lower case.
    if wanted.split("/")[-2].lower() != group.lower():
        raise NothingToDeployError(f"{wanted} is not of model package group {group}")
    found = _describe(sagemaker, wanted)
    # The event tells what was true when it was sent.
    if found["ModelApprovalStatus"] != "Approved":
        raise NothingToDeployError(f"{wanted} is {found['ModelApprovalStatus']} now, not Approved")
    return _package(found)


def _describe(sagemaker: Any, arn: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise NothingToDeployError(f"{arn} does not exist: {error.response['Error']['Message']}") from error
        raise
    return found


def _last_approved(sagemaker: Any, group: str) -> dict[str, Any]:
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    arns = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
    if not arns:
        raise NothingToDeployError("nothing approved yet")
    # Who approves an older version means that one, so the time of registration does not decide. SageMaker keeps no
    # time of approval: the last change of the package stands for it. Registered as approved, it has none.
    described = [_describe(sagemaker, arn) for arn in arns]
    return max(described, key=lambda package: package.get("LastModifiedTime") or package["CreationTime"])


def _package(found: dict[str, Any]) -> Package:
    arn = found["ModelPackageArn"]
    containers = found.get("InferenceSpecification", {}).get("Containers", [])
    if len(containers) != 1:
        raise DeployError(f"{arn} has {len(containers)} containers; one is needed. Register the model anew.")
    metadata = found.get("CustomerMetadataProperties", {})
    statistics = found.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    values = {
        "image": ("its container's Image", containers[0].get("Image")),
        "model_uri": ("its container's ModelDataUrl", containers[0].get("ModelDataUrl")),
        "model_sha256": ("metadata ModelSha256", metadata.get("ModelSha256")),
        "golden_uri": ("metadata GoldenPredictions", metadata.get("GoldenPredictions")),
        "report_uri": ("metadata EvaluationReport", metadata.get("EvaluationReport")),
        "evaluation_uri": ("ModelMetrics.ModelQuality.Statistics", statistics.get("S3Uri")),
    }
    missing = [name for name, value in values.values() if not value]
    if missing:
        raise DeployError(f"{arn} lacks {', '.join(missing)}. Register it by the pipeline of this project.")
    return Package(arn=arn, **{field: str(value) for field, (_, value) in values.items()})
