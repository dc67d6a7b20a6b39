"""What a push to a development branch builds, and what a pull request is told, in a project of CodeCommit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import builder
import connected
import pytest
import scientist
from harness import eventually
from proposals import TOLD, WITH_NOTES, Proposing, keep_quick_tests

from smproject.demo import data

ROOT = Path(__file__).parent.parent
BUCKET, KEY = "branches-data-222222222222", "customers.csv"
GIVEN = {"ModelBuildDataBucket": BUCKET, "ModelBuildDataKey": KEY, "ModelBuildTargetColumn": "churn"}
# What is proposed runs as it is: this tries what the project's other roles may do.
REACHES_OUT = """
import json
import os

import boto3
import pytest
from botocore.exceptions import ClientError

NAME = os.environ["REPOSITORY_NAME"]
PROJECT = NAME.removeprefix("sagemaker-branches-")


@pytest.mark.parametrize(
    "service, operation, given",
    [
        ("codecommit", "delete_branch", {"repositoryName": NAME, "branchName": "main"}),
        ("codecommit", "update_default_branch", {"repositoryName": NAME, "defaultBranchName": "proposal"}),
        ("sagemaker", "start_pipeline_execution", {"PipelineName": f"branches-{PROJECT}-tabular"}),
        ("codebuild", "start_build", {"projectName": NAME}),
        ("s3", "list_buckets", {}),
        ("iam", "get_role", {"RoleName": f"sagemaker-{PROJECT}-build"}),
    ],
)
def test_nothing_is_open(service, operation, given):
    with pytest.raises(ClientError, match="AccessDenied|not authorized|Forbidden"):
        getattr(boto3.client(service), operation)(**given)
"""


@dataclass
class Project(Proposing, builder.Project):
    """A project of tables that has a development branch."""

    product, project, use_case = "model-build", "branches", "tabular"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with scientist.published(Project, tmp_path_factory.mktemp("branches")) as made:
        made.put(BUCKET, {KEY: data.csv()[0]})
        made.create(DevelopmentBranch="develop", **GIVEN)
        yield made


def test_a_pull_request_is_told_that_its_tests_pass_and_what_it_changes(project: Project) -> None:
    request = project.propose("notes", {"pipelines/build/tabular/pipeline.py": WITH_NOTES})

    said = project.told(request)

    assert said.startswith("The tests pass. Its log is that of build sagemaker-branches-")
    assert "## Pipeline `build.tabular`" in said
    assert TOLD in said


def test_the_page_s_commands_propose_a_change_and_print_what_it_does(project: Project) -> None:
    page = (ROOT / "docs/how-to/review-changes.md").read_text()
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    project.git("checkout", "--quiet", "--detach", "origin/main")
    keep_quick_tests(project.git)
    script = f"export REPOSITORY={project.name}\n{commands}"
    told = project.run("bash", "-euc", script, cwd=project.checkout)
    assert "`Arguments.StoppingCondition.MaxRuntimeInSeconds`: `3600` → `1800`" in told


def test_what_is_pushed_afterwards_is_checked_again_and_a_failure_is_told(project: Project) -> None:
    request = project.propose("broken", {"pipelines/champion.py": "\n# A word more.\n"})
    assert "No difference in the pipelines" in project.told(request)

    project.revise("broken", {"tests/test_fails.py": "def test_fails() -> None:\n    raise AssertionError\n"})

    assert project.told(request, comments=2).startswith("The check failed.")
    build, _ = project.checked()
    assert build["buildStatus"] == "FAILED"


def test_what_is_proposed_reaches_nothing_of_the_project_and_is_compared_with_its_target(project: Project) -> None:
    project.begin("base", {"pipelines/build/tabular/pipeline.py": WITH_NOTES})
    request = project.propose("curious", {"tests/test_reaches_out.py": REACHES_OUT}, target="base")
    said = project.told(request)
    assert said.startswith("The tests pass."), said
    assert "No difference in the pipelines" in said


def test_a_pull_request_at_a_git_host_is_checked_and_its_build_tells_what_it_changes(project: Project) -> None:
    other = connected.twin(project, **GIVEN)
    other.begin("notes", {"pipelines/build/tabular/pipeline.py": WITH_NOTES})
    other.smproject("sandbox", "pull-request", f"team/{other.project}", "--from", "notes")
    build, log = other.checked()

    assert build["buildStatus"] == "SUCCEEDED", log
    assert "The tests pass. Its log is that of build" in log
    assert TOLD in log


def test_the_development_branch_registers_apart_and_main_is_left_alone(project: Project) -> None:
    api, before = project.client("sagemaker"), project.executions()
    project.git("checkout", "--quiet", "-B", "develop", "origin/main")
    (project.checkout / "README.md").write_text("Developed.\n")
    project.git("commit", "--quiet", "--all", "--message", "Develop")
    project.git("push", "--quiet", "origin", "develop")
    commit, group = project.git("rev-parse", "HEAD"), f"sagemaker-{project.id}-development"

    def look() -> scientist.Found:
        found = api.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
        return dict(found[0]) if found else {}

    arn = eventually(look)["ModelPackageArn"]
    version = api.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]
    assert version["GitCommit"] == commit
    assert f":pipeline/branches-{project.id}-tabular-development/" in version["PipelineExecutionArn"]
    assert [each["pipelineExecutionId"] for each in project.executions()] == [
        each["pipelineExecutionId"] for each in before
    ]
