"""A project of model-build-workflow: a push to the team's own repository trains and registers, without stored keys."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import builder
import pytest
import scientist
from harness import eventually
from proposals import TOLD, WITH_NOTES, keep_quick_tests

from smproject.demo import data

SEED = "model-build-workflow"
BUCKET, KEY = "workflow-data-222222222222", "customers.csv"
Found = scientist.Found


@dataclass
class Project(builder.Project):
    """A project whose repository is on the git host; `host` is whose workflow builds."""

    product, project, use_case = "model-build-workflow", "flow", "tabular"
    host: str = "GitHub"

    @property
    def repository(self) -> str:
        return f"team/{self.host.lower()}"

    @cached_property
    def checkout(self) -> Path:
        """A checkout of the repository, which holds the seed as its README says it."""
        folder = self.folder / self.host
        self.smproject("assemble", "--seed", SEED, "--to", str(folder))
        url = self.smproject("sandbox", "repository", self.repository).strip().replace("://", "://dev:any@")
        self.git("init", "--quiet", "--initial-branch", "main", cwd=folder)
        self.git("remote", "add", "origin", url, cwd=folder)
        other = {"GitHub": ".gitlab-ci.yml", "GitLab": ".github/workflows/model_build.yml"}[self.host]
        (folder / other).unlink()
        return folder

    def git(self, *words: str, cwd: Path | None = None) -> str:
        return self.run("git", *words, cwd=cwd or self.checkout)

    @property
    def named(self) -> str:
        """How tokens name the repository, as the owner is told."""
        _ = self.checkout
        said = self.smproject("sandbox", "variables", self.repository)
        return next(word for word in said.split() if f"{word} ({self.host})" in said)

    def tell(self) -> None:
        """Set the variables that the seed's README lists."""
        (stack,) = (
            each
            for each in self.client("cloudformation").describe_stacks()["Stacks"]
            if any(out["OutputKey"] == "BuildRoleArn" for out in each.get("Outputs", []))
            and any(each["OutputValue"].endswith(f"{self.id}-build") for each in each["Outputs"])
        )
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        given = {"AWS_ROLE_ARN": outputs["BuildRoleArn"], "AWS_REGION": "us-east-1", "SAGEMAKER_PROJECT_ID": self.id}
        words = (f"{name}={value}" for name, value in given.items())
        self.smproject("sandbox", "variables", self.repository, *words)

    def push_to(self, branch: str) -> Found:
        """Commit and push; return the run that this starts, once it has ended."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Work")
        self.git("push", "--quiet", "origin", f"HEAD:{branch}")
        return self.ended("commit", self.git("rev-parse", "HEAD").strip())

    def propose(self, branch: str) -> str:
        """Propose for main, on a branch whose only tests are quick, a parameter more; return the request's number."""
        self.git("checkout", "--quiet", "-B", branch, "origin/main")
        keep_quick_tests(self.git)
        with (self.checkout / "pipelines/build/tabular/pipeline.py").open("a") as file:
            file.write(WITH_NOTES)
        self.git("commit", "--quiet", "--all", "--message", "Notes")
        self.git("push", "--quiet", "origin", branch)
        return self.smproject("sandbox", "pull-request", self.repository, "--from", branch).strip()

    def asked(self, what: str) -> Any:
        """What the host answers about the repository."""
        with urllib.request.urlopen(f"{self.sandbox.endpoint}/_git/{self.repository}/{what}") as answer:  # noqa: S310
            return json.load(answer)

    def ended(self, key: str, value: str) -> Found:
        """Wait for the end of the newest run of which a key has this value."""

        def look() -> Found:
            found = self.asked("runs")["runs"]
            return next((e for e in found if str(e[key]) == value and e["status"] == "completed"), {})

        return eventually(look)

    def versions(self) -> list[Found]:
        api = self.client("sagemaker")
        found: list[Found] = api.list_model_packages(ModelPackageGroupName=self.group)["ModelPackageSummaryList"]
        return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with scientist.published(Project, tmp_path_factory.mktemp("workflow")) as made:
        made.put(BUCKET, {KEY: data.csv()[0]})
        given = {"ModelBuildDataBucket": BUCKET, "ModelBuildDataKey": KEY, "ModelBuildTargetColumn": "churn"}
        made.create(BuildRepository=made.named, DevelopmentBranch="develop", **given)
        made.tell()
        yield made


def test_a_push_trains_and_registers_by_the_workflow_s_role(project: Project) -> None:
    run = project.push_to("main")

    assert run["conclusion"] == "success", run["log"]
    assert [(job["name"], job["conclusion"]) for job in run["jobs"]] == [("Test", "skipped"), ("Build", "success")]
    version = project.registered()
    assert version["CustomerMetadataProperties"]["GitCommit"] == run["commit"]
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["CustomerMetadataProperties"]["PipelineExecutionArn"] in run["summary"]


def test_the_development_branch_builds_apart(project: Project) -> None:
    before = len(project.versions())

    run = project.push_to("develop")

    assert run["conclusion"] == "success", run["log"]
    api, group = project.client("sagemaker"), f"sagemaker-{project.id}-development"
    (version,) = api.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    made = api.describe_model_package(ModelPackageName=version["ModelPackageArn"])["CustomerMetadataProperties"]
    assert made["GitCommit"] == run["commit"]
    assert f"pipeline/flow-{project.id}-tabular-development/" in made["PipelineExecutionArn"]
    assert len(project.versions()) == before


def test_another_branch_or_repository_is_refused_and_nothing_runs(project: Project) -> None:
    before = len(project.versions())
    workflow = project.checkout / ".github/workflows/model_build.yml"
    workflow.write_text(workflow.read_text().replace("branches: [main, develop]", "branches: [main, develop, feature]"))

    run = project.push_to("feature")

    assert run["conclusion"] == "failure"
    assert "Could not assume role with OIDC: Not authorized to perform sts:AssumeRoleWithWebIdentity" in run["log"]
    (build,) = (job for job in run["jobs"] if job["name"] == "Build")
    names = {step["conclusion"]: step["name"] for step in build["steps"]}
    assert names["failure"] == "Assume the project's role"
    after = [step["conclusion"] for step in build["steps"]]
    assert set(after[after.index("failure") + 1 :]) <= {"skipped", "success"}  # the summary is always told
    assert len(project.versions()) == before


def test_a_pull_request_is_tested_and_told_what_it_changes(project: Project) -> None:
    number = project.propose("notes")

    run = project.ended("pull_request", number)

    assert run["conclusion"] == "success", run["log"]
    assert [(job["name"], job["conclusion"]) for job in run["jobs"]] == [("Test", "success"), ("Build", "skipped")]
    (comment,) = project.asked(f"issues/{number}/comments")
    for said in (comment["body"], run["summary"]):
        assert said.startswith("The tests pass.")
        assert TOLD in said


def test_gitlab_s_pipeline_does_the_same(project: Project) -> None:
    other = Project(project.demonstration, project.folder, host="GitLab")
    other.project = "flow-gitlab"  # type: ignore[misc]
    given = {"ModelBuildDataBucket": BUCKET, "ModelBuildDataKey": KEY, "ModelBuildTargetColumn": "churn"}
    other.create(BuildRepository=other.named, BuildHost="GitLab", **given)
    other.tell()

    run = other.push_to("main")

    assert run["conclusion"] == "success", run["log"]
    assert other.registered()["CustomerMetadataProperties"]["GitCommit"] == run["commit"]

    number = other.propose("notes")

    run = other.ended("pull_request", number)
    assert run["conclusion"] == "success", run["log"]
    assert [job["name"] for job in run["jobs"]] == ["test"]
    assert TOLD in run["log"]
    assert "report.md" in run["jobs"][0]["artifacts"]
