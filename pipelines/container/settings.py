"""What the two builds are told about their project: read from environment variables, validated, frozen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.settings import VARIABLES
from pipelines.variables import Variable, read

SEVERITIES = ("UNDEFINED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")  # as ECR names them, rising

# What both builds read.
BUILD = {
    field: VARIABLES[field]
    for field in (
        "project_name",
        "project_id",
        "region",
        "bucket",
        "kms_key_arn",
        "image_repository_uri",
        "git_commit",
    )
}
RELEASE = {
    **BUILD,
    "severity": Variable("SEVERITY_THRESHOLD", "|".join(SEVERITIES), "one of " + ", ".join(SEVERITIES)),
    "unscanned": Variable("UNSCANNED_IMAGES", "refuse|publish", "refuse or publish"),
    "images_folder": Variable("CODEBUILD_SRC_DIR_Images", r".+", "the folder of the artifact Images"),
}


@dataclass(frozen=True)
class Project:
    """Whose images are built, and where they and what is known of them go."""

    project_name: str
    project_id: str
    region: str
    bucket: str
    kms_key_arn: str
    image_repository_uri: str
    git_commit: str

    @property
    def tags(self) -> list[dict[str, str]]:
        """Tags by which SageMaker Studio and cost reports find what belongs to the project."""
        return [
            {"Key": "sagemaker:project-name", "Value": self.project_name},
            {"Key": "sagemaker:project-id", "Value": self.project_id},
        ]

    @property
    def repository_name(self) -> str:
        """Name of the image repository."""
        return self.image_repository_uri.split("/", 1)[1]

    @property
    def registry_id(self) -> str:
        """Account of the image repository: the first label of an ECR host."""
        return self.image_repository_uri[:12]


@dataclass(frozen=True)
class Release(Project):
    """What may be published, beside whose it is."""

    severity: str
    unscanned: Literal["refuse", "publish"]
    images_folder: str


def for_build(environment: Mapping[str, str] = os.environ) -> Project:
    """Read and check the variables of the build; SettingsError lists all that are wrong at once."""
    return Project(**read(BUILD, environment))


def for_release(environment: Mapping[str, str] = os.environ) -> Release:
    """Read and check the variables of the release; SettingsError lists all that are wrong at once."""
    return Release(**read(RELEASE, environment))
