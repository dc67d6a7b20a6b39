"""What a build is told about its project: read from environment variables, validated, frozen."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

ProblemType = Literal["binary_classification", "regression"]


class SettingsError(ValueError):
    """A variable is missing or ill-formed; the message says which, what was found and what to do."""


class Variable(NamedTuple):
    """One environment variable: what it must look like, and that form in words."""

    name: str
    pattern: str
    form: str
    default: str | None = None


ARN = r"arn:aws[a-z-]*:{service}:[a-z0-9-]*:\d{{12}}:{resource}"
IMAGE = r"\d{12}\.dkr[.-]ecr\.[a-z0-9.-]+(:\d+)?/[a-z0-9][a-z0-9._/-]*"

# By the field of Settings that each fills.
VARIABLES = {
    "project_name": Variable(
        "SAGEMAKER_PROJECT_NAME", r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", "1 to 32 letters, digits and hyphens"
    ),
    "project_id": Variable(
        "SAGEMAKER_PROJECT_ID", r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,19}", "1 to 20 letters, digits and hyphens"
    ),
    "region": Variable("AWS_REGION", r"[a-z]{2}(-[a-z]+)+-\d", "an AWS Region such as us-east-1"),
    "bucket": Variable("ARTIFACT_BUCKET", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket"),
    "kms_key_arn": Variable(
        "KMS_KEY_ARN", ARN.format(service="kms", resource="(key|alias)/.+"), "the ARN of a KMS key"
    ),
    "role_arn": Variable("PIPELINE_ROLE_ARN", ARN.format(service="iam", resource="role/.+"), "the ARN of an IAM role"),
    "model_package_group_name": Variable(
        "MODEL_PACKAGE_GROUP_NAME", r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "1 to 63 letters, digits and hyphens"
    ),
    "image_repository_uri": Variable(
        "IMAGE_REPOSITORY_URI", IMAGE, "the URI of an ECR repository, without tag or digest"
    ),
    "data_uri": Variable("DATA_URI", r"s3://[^/]+/.+", "the S3 URI of a CSV file or of a prefix that holds CSV files"),
    "target_column": Variable("TARGET_COLUMN", r"\S(.{0,254}\S)?", "the name of the column to predict"),
    "problem_type": Variable("PROBLEM_TYPE", "binary_classification|regression", "binary_classification or regression"),
    # Outside CodeBuild there may be no commit.
    "git_commit": Variable(
        "CODEBUILD_RESOLVED_SOURCE_VERSION", r"[\w.:/=+@-]{1,256}", "a commit id", default="uncommitted"
    ),
    # Before the first image is built there is none: the pipeline then asks for it at each start.
    "image_uri": Variable(
        "IMAGE_URI", rf"({IMAGE}@sha256:[0-9a-f]{{64}})?", "an ECR image URI that ends in its digest", default=""
    ),
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
    target_column: str
    problem_type: ProblemType
    git_commit: str
    image_uri: str

    @property
    def tags(self) -> list[dict[str, str]]:
        """Tags by which SageMaker Studio and cost reports find what belongs to the project."""
        return [
            {"Key": "sagemaker:project-name", "Value": self.project_name},
            {"Key": "sagemaker:project-id", "Value": self.project_id},
        ]

    def pipeline_name(self, use_case: str) -> str:
        """Name of the project's pipeline for a use case; at most 256 characters, as SageMaker demands."""
        return f"{self.project_name}-{self.project_id}-{use_case}"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read and check every variable; SettingsError lists all that are wrong at once."""
    # The CLI and boto3 know the Region by two names.
    values = {"AWS_REGION": environment.get("AWS_DEFAULT_REGION", ""), **environment}
    problems = [problem for variable in VARIABLES.values() if (problem := _problem(variable, values))]
    if problems:
        raise SettingsError("\n".join(problems))
    read: dict[str, Any] = {field: values.get(each.name) or each.default for field, each in VARIABLES.items()}
    return Settings(**read)


def _problem(variable: Variable, values: Mapping[str, str]) -> str | None:
    value = values.get(variable.name) or variable.default
    if value is None:
        return f"{variable.name} is not set. Set it to {variable.form}; CodeBuild gets it from the project's stack."
    if not re.fullmatch(variable.pattern, value):
        return f"{variable.name} is {value!r}. It must be {variable.form}."
    return None
