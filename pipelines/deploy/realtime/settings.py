"""What the deploy builds are told about their project: read from environment variables, validated, frozen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.variables import ARN, PROJECT, PROJECT_ID, PROJECT_ID_FORM, Variable, read

StageName = Literal["staging", "production"]

# What both builds read.
TARGETS = {
    **{field: PROJECT[field] for field in ("project_id", "region", "model_package_group_name")},
    "staging_account_id": Variable("STAGING_ACCOUNT_ID", r"\d{12}", "the 12 digits of an AWS account"),
    "production_account_id": Variable("PRODUCTION_ACCOUNT_ID", r"\d{12}", "the 12 digits of an AWS account"),
}
RENDER = {
    **TARGETS,
    "project_name": PROJECT["project_name"],
    "model_project_id": Variable("MODEL_PROJECT_ID", PROJECT_ID, PROJECT_ID_FORM),
    "model_role_arn": Variable(
        "MODEL_ROLE_ARN",
        "none|arn:aws[a-z-]*:iam::[0-9]{12}:role/.+",
        "none, or the ARN of a role that reads the models",
        default="none",
    ),
    "pipeline_name": Variable("DEPLOY_PIPELINE_NAME", r"[\w.@-]{1,100}", "the name of a CodePipeline"),
    "model_package_arn": Variable(
        "MODEL_PACKAGE_ARN",
        "none|" + ARN.format(service="sagemaker", resource=r"model-package/[\w-]+/\d+"),
        "none, or the ARN of a model package version",
        default="none",
    ),
    "redeploy": Variable("REDEPLOY", "yes|no", "yes or no", default="no"),
}
TEST = {
    **TARGETS,
    "stage": Variable("STAGE", "staging|production", "staging or production"),
    "render_folder": Variable("CODEBUILD_SRC_DIR_Render", r".+", "the folder of the artifact Render"),
}


@dataclass(frozen=True)
class Targets:
    """Whose models go where."""

    project_id: str
    region: str
    model_package_group_name: str
    staging_account_id: str
    production_account_id: str


@dataclass(frozen=True)
class RenderSettings(Targets):
    """What the render build is told."""

    project_name: str
    model_project_id: str
    model_role_arn: str
    pipeline_name: str
    model_package_arn: str
    redeploy: Literal["yes", "no"]

    @property
    def tags(self) -> dict[str, str]:
        """Tags by which SageMaker Studio and cost reports find what belongs to the project."""
        return {"sagemaker:project-name": self.project_name, "sagemaker:project-id": self.project_id}


@dataclass(frozen=True)
class StageUnderTest(Targets):
    """What the test build is told."""

    stage: StageName
    render_folder: str

    @property
    def account_id(self) -> str:
        """Account of the endpoint."""
        return self.staging_account_id if self.stage == "staging" else self.production_account_id


def for_render(environment: Mapping[str, str] = os.environ) -> RenderSettings:
    """Read and check the variables of the render build; SettingsError lists all that are wrong at once."""
    return RenderSettings(**read(RENDER, environment))


def for_test(environment: Mapping[str, str] = os.environ) -> StageUnderTest:
    """Read and check the variables of the test build; SettingsError lists all that are wrong at once."""
    return StageUnderTest(**read(TEST, environment))
