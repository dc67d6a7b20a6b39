"""`smproject destroy`: it shows, asks, deletes all that is the project's in an account, and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import told
from harness import eventually
from test_story_two_projects import DATA, create_project
from visitor import PROJECT, Found, Visitor

STRANGER = "p-strangerstran"
NAME_TAG, ID_TAG = "sagemaker:project-name", "sagemaker:project-id"


@dataclass
class Wrecker:
    """The platform engineer, who destroys what the demonstration has left."""

    visitor: Visitor

    def destroy(
        self, *arguments: str, profile: str = "development", typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        command = ["smproject", "destroy", *arguments, "--profile", profile]
        environment = self.visitor.variables
        return subprocess.run(command, env=environment, input=typed, capture_output=True, text=True, check=False)

    @property
    def id(self) -> str:
        return str(self.visitor.project["ProjectId"])

    def names(self, profile: str = "development") -> set[str]:
        """Return what AWS lists in an account, as far as a project makes it, by service and name."""
        client = lambda service: self.visitor.client(service, profile)  # noqa: E731
        sagemaker, found = client("sagemaker"), set()
        for kind, key, name in (
            ("pipelines", "PipelineSummaries", "PipelineName"),
            ("endpoints", "Endpoints", "EndpointName"),
            ("endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
            ("models", "Models", "ModelName"),
            ("model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
            ("projects", "ProjectSummaryList", "ProjectName"),
        ):
            found |= {f"{kind} {each[name]}" for each in getattr(sagemaker, f"list_{kind}")()[key]}
        found |= {f"bucket {each['Name']}" for each in client("s3").list_buckets()["Buckets"]}
        found |= {f"images {each['repositoryName']}" for each in client("ecr").describe_repositories()["repositories"]}
        code = client("codecommit").list_repositories()["repositories"]
        found |= {f"code {each['repositoryName']}" for each in code}
        found |= {f"logs {each['logGroupName']}" for each in client("logs").describe_log_groups()["logGroups"]}
        stacks = client("cloudformation").describe_stacks()["Stacks"]
        return found | {f"stack {each['StackName']}" for each in stacks}

    def theirs(self, profile: str = "development") -> set[str]:
        """Return what holds the project's id in its name."""
        return {name for name in self.names(profile) if self.id in name and not name.endswith("-decoy")}


@pytest.fixture(scope="module")
def wrecker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrecker]:
    with told(tmp_path_factory.mktemp("destroyed")) as visitor:
        wrecker = Wrecker(visitor)
        assert wrecker.id
        make_decoys(wrecker)
        yield wrecker


def make_decoys(wrecker: Wrecker) -> None:
    """Make what looks like the project's and is not: by another's tag, by a longer id, by the project's name alone."""
    tags = {ID_TAG: STRANGER, NAME_TAG: PROJECT}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    wrecker.visitor.client("logs").create_log_group(logGroupName=f"/aws/codebuild/{wrecker.id}-decoy", tags=tags)
    sagemaker = wrecker.visitor.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=f"of-{wrecker.id}-decoy", Tags=listed)
    wrecker.visitor.client("ecr").create_repository(repositoryName=f"{wrecker.id}0-decoy")
    wrecker.visitor.client("s3").create_bucket(Bucket=f"{PROJECT}-decoy")


def test_a_dry_run_shows_everything_and_deletes_nothing(wrecker: Wrecker) -> None:
    before = wrecker.names()
    shown = wrecker.destroy("--project", PROJECT, "--dry-run", "--output", "json")
    assert shown.returncode == 0, shown.stderr
    kinds = {each["kind"] for each in json.loads(shown.stdout)["items"]}
    assert {"project", "SageMaker pipeline", "model package group", "image repository", "code repository"} <= kinds
    assert {"log group", "bucket", "key", "stack"} <= kinds
    assert wrecker.names() == before


def test_nothing_is_deleted_without_the_project_s_name(wrecker: Wrecker) -> None:
    before = wrecker.names()
    for refused in (
        wrecker.destroy("--project", PROJECT, "--yes", "other"),
        wrecker.destroy("--project", PROJECT, typed="y\n"),
    ):
        assert refused.returncode == 2
        assert "Nothing was deleted" in refused.stderr
    assert wrecker.names() == before


def test_a_project_that_never_was_is_said_to_be_none(wrecker: Wrecker) -> None:
    refused = wrecker.destroy("--project", "no-such", "--yes", "no-such")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "There is no project 'no-such'" in refused.stderr


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_what_was_deployed_goes_by_the_project_s_id(wrecker: Wrecker, stage: str) -> None:
    assert any(name.startswith("endpoints ") for name in wrecker.theirs(stage) | wrecker.names(stage))
    done = wrecker.destroy("--project", wrecker.id, "--yes", PROJECT, profile=stage)
    assert done.returncode == 0, done.stderr
    assert wrecker.theirs(stage) == set()
    assert not any(name.startswith(("endpoints ", "models ")) for name in wrecker.names(stage))


def test_a_live_project_goes_with_all_it_left_and_nothing_else(wrecker: Wrecker) -> None:
    before, theirs = wrecker.names(), wrecker.theirs()
    keys = wrecker.visitor.outputs["ArtifactsKeyArn"]
    done = wrecker.destroy("--project", PROJECT, typed=f"{PROJECT}\n")
    assert done.returncode == 0, done.stderr
    assert wrecker.theirs() == set()
    gone = before - wrecker.names()
    assert theirs <= gone
    assert {name for name in gone - theirs if not name.startswith(("stack SC-", f"projects {PROJECT}"))} == set()
    assert wrecker.visitor.client("kms").describe_key(KeyId=keys)["KeyMetadata"]["KeyState"] == "PendingDeletion"


def test_a_second_run_finds_nothing_to_do(wrecker: Wrecker) -> None:
    again = wrecker.destroy("--project", wrecker.id, "--yes", PROJECT)
    assert (again.returncode, again.stdout) == (0, f"project {PROJECT}: nothing is left\n")


def test_what_a_deleted_project_left_is_found_by_its_tags(wrecker: Wrecker) -> None:
    made = create_project(wrecker.visitor, "left-behind", "model-build", DATA)
    eventually(lambda: made.deliveries()[0]["status"] != "InProgress")
    identifier = made.project["ProjectId"]
    sagemaker = made.client("sagemaker")
    sagemaker.delete_project(ProjectName="left-behind")
    eventually(lambda: is_deleted(sagemaker, "left-behind"))
    left = {name for name in wrecker.names() if identifier in name}
    assert {name.split()[0] for name in left} >= {"pipelines", "model_package_groups", "bucket", "images", "code"}
    done = wrecker.destroy("--project", "left-behind", "--yes", "left-behind")
    assert done.returncode == 0, done.stderr
    assert {name for name in wrecker.names() if identifier in name} == set()


def test_of_deleted_projects_with_the_same_name_one_is_chosen_by_its_id(wrecker: Wrecker) -> None:
    logs = wrecker.visitor.client("logs")
    groups = {identifier: f"/aws/codebuild/sagemaker-ghost-{identifier}" for identifier in ("p-one1one1", "p-two2two2")}
    for identifier, name in groups.items():
        logs.create_log_group(logGroupName=name, tags={NAME_TAG: "ghost", ID_TAG: identifier})
    refused = wrecker.destroy("--project", "ghost", "--yes", "ghost")
    assert refused.returncode == 1
    assert "p-one1one1, p-two2two2" in refused.stderr
    assert wrecker.destroy("--project", "p-one1one1", "--yes", "ghost").returncode == 0
    assert {name for name in wrecker.names() if "ghost" in name} == {f"logs {groups['p-two2two2']}"}


def is_deleted(sagemaker: Any, name: str) -> bool:
    try:
        project: Found = sagemaker.describe_project(ProjectName=name)
    except ClientError:
        return True
    return project["ProjectStatus"] == "DeleteCompleted"
