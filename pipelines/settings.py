"""What every build is told about its project: read from environment variables, validated, frozen.

A use case adds its own variables: pipelines/build/<use case>/settings.py.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.variables import ARN, PROJECT, SettingsError, Variable, read

__all__ = ["VARIABLES", "Settings", "SettingsError", "from_environment"]

IMAGE = r"\d{12}\.dkr[.-]ecr\.[a-z0-9.-]+(:\d+)?/[a-z0-9][a-z0-9._/-]*"
PINNED, PINNED_FORM = rf"({IMAGE}@sha256:[0-9a-f]{{64}})?", "an ECR image URI that ends in its digest"

# By the field of Settings that each fills.
VARIABLES = {
    **PROJECT,
    "role_arn": Variable(
        "PIPELINE_ROLE_ARN",
        ARN.format(service="iam", resource="role/.+"),
        "the ARN of an IAM role",
        example="arn:aws:iam::111111111111:role/sagemaker-p-example-execution",
    ),
    "image_repository_uri": Variable(
        "IMAGE_REPOSITORY_URI",
        IMAGE,
        "the URI of an ECR repository, without tag or digest",
        example="111111111111.dkr.ecr.us-east-1.amazonaws.com/sagemaker-example-p-example",
    ),
    "data_uri": Variable(
        "DATA_URI",
        r"s3://[^/]+/.+",
        "the S3 URI of a file, or of a prefix that holds files",
        example="s3://example-data/data",
    ),
    # Outside CodeBuild there may be no commit.
    "git_commit": Variable(
        "CODEBUILD_RESOLVED_SOURCE_VERSION", r"[\w.:/=+@-]{1,256}", "a commit id", default="uncommitted"
    ),
    # What a branch of its own builds has pipelines of its own.
    "variant": Variable(
        "PIPELINE_VARIANT", r"([a-z][a-z0-9-]{0,31})?", "up to 32 small letters, digits and hyphens", default=""
    ),
    # Before the first images are built there are none: the pipeline then asks for them at each start.
    "image_uri": Variable("IMAGE_URI", PINNED, PINNED_FORM, default=""),
    "inference_image_uri": Variable("INFERENCE_IMAGE_URI", PINNED, PINNED_FORM, default=""),
    # Before a version is approved there is none.
    "champion_uri": Variable("CHAMPION_URI", r"(s3://[^/]+/.+)?", "the S3 URI of a model.tar.gz", default=""),
}


@dataclass(frozen=True)
class Settings:
    """The project that a pipeline belongs to, and what it learns from."""

    project_name: str
    project_id: str
    region: str
    bucket: str
    kms_key_arn: str
    role_arn: str
    model_package_group_name: str
    image_repository_uri: str
    data_uri: str
    git_commit: str
    variant: str
    image_uri: str
    inference_image_uri: str
    champion_uri: str

    @property
    def tags(self) -> list[dict[str, str]]:
        """Tags by which SageMaker Studio and cost reports find what belongs to the project."""
        return [
            {"Key": "sagemaker:project-name", "Value": self.project_name},
            {"Key": "sagemaker:project-id", "Value": self.project_id},
        ]

    def pipeline_name(self, use_case: str) -> str:
        """Name of the project's pipeline for a use case; at most 256 characters, as SageMaker demands."""
        name = f"{self.project_name}-{self.project_id}-{use_case}"
        return f"{name}-{self.variant}" if self.variant else name


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every variable; SettingsError lists all that are wrong at once."""
    return Settings(**read(VARIABLES, environment))
