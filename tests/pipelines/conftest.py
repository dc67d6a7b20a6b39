"""Settings of an imaginary project, and its compiled pipeline."""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

ROOT = Path(__file__).resolve().parents[2]
# pytest puts the folder of a test on the path, not the repository, whose packages are under test.
sys.path.insert(0, str(ROOT))
# Each of a pipeline's sessions would read AWS's models anew: most of the time that a compilation takes.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)

VARIABLES = {
    "SAGEMAKER_PROJECT_NAME": "leavers",
    "SAGEMAKER_PROJECT_ID": "p-0123456789ab",
    "AWS_REGION": "eu-west-1",
    "ARTIFACT_BUCKET": "sagemaker-project-p-0123456789ab",
    "KMS_KEY_ARN": "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    "PIPELINE_ROLE_ARN": "arn:aws:iam::123456789012:role/leavers-execution",
    "MODEL_PACKAGE_GROUP_NAME": "leavers-p-0123456789ab",
    "IMAGE_REPOSITORY_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-leavers",
    "DATA_URI": "s3://sagemaker-project-p-0123456789ab/data/customers.csv",
    "TARGET_COLUMN": "left",
    "PROBLEM_TYPE": "binary_classification",
    "ALGORITHM": "xgboost",
    "ACCELERATOR": "cpu",
    "CODEBUILD_RESOLVED_SOURCE_VERSION": "0" * 40,
    "IMAGE_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-leavers@sha256:" + "a" * 64,
    "INFERENCE_IMAGE_URI": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-leavers@sha256:" + "b" * 64,
}

Compile = Callable[..., dict[str, Any]]


@pytest.fixture
def variables() -> dict[str, str]:
    return dict(VARIABLES)


@pytest.fixture(scope="session")
def compile_definition() -> Iterator[Compile]:
    """Compile the pipeline offline, some variables changed, and return its definition."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", VARIABLES["AWS_REGION"])
        from pipelines import session  # noqa: PLC0415  # the SDK needs the Region when it is imported
        from pipelines.build.tabular import pipeline, settings  # noqa: PLC0415  # as above

        def compiled(**changes: str) -> dict[str, Any]:
            project = settings.from_environment({**VARIABLES, **changes})
            compiling = session.ProjectSession(project)
            definition: dict[str, Any] = json.loads(pipeline.get_pipeline(project, compiling).definition())
            return definition

        yield compiled
