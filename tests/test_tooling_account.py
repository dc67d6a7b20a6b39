"""A project whose CI/CD is in a tooling account: pushes there train here, approvals here deploy from there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import builder
import pytest
import scientist
from connected import twin
from deployed import Deployed
from harness import ACCOUNTS, eventually
from proposals import TOLD, WITH_NOTES, Proposing

from smproject.demo import data

PROFILE = "shared-services"
OWN, TOOLING = ACCOUNTS["development"], ACCOUNTS[PROFILE]
BUCKET, KEY = "apart-data-222222222222", "customers.csv"
GIVEN = {"ModelBuildDataBucket": BUCKET, "ModelBuildDataKey": KEY, "ModelBuildTargetColumn": "churn"}
TARGETS = {f"Targets{stage.title()}AccountId": ACCOUNTS[stage] for stage in ("staging", "production")}
Found = scientist.Found
# What is proposed runs as it is: this tries to act as the project whose models are built.
ACTS_AS_THE_PROJECT = f"""
import os

import boto3
import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::{OWN}:role/sagemaker-PROJECT-build"
CALLS = [
    ("sts", "assume_role", {{"RoleArn": ROLE, "RoleSessionName": "proposal"}}),
    ("codebuild", "start_build", {{"projectName": os.environ["REPOSITORY_NAME"]}}),
]


@pytest.mark.parametrize("service, operation, given", CALLS)
def test_nothing_is_open(service, operation, given):
    with pytest.raises(ClientError, match="AccessDenied|not authorized"):
        getattr(boto3.client(service), operation)(**given)
"""


class Project(builder.Project):
    """The project in the account of the data."""

    product, project, use_case = "model-build-workflow", "apart", "tabular"

    @property
    def key(self) -> str:
        """ARN of the key of its models."""
        found = self.client("kms").describe_key(KeyId=f"alias/{self.name}")
        return str(found["KeyMetadata"]["Arn"])

    def versions(self, group: str) -> list[Found]:
        api = self.client("sagemaker")
        listed = api.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
        return [api.describe_model_package(ModelPackageName=each["ModelPackageArn"]) for each in listed]


@dataclass
class Tooling(Proposing):
    """The project that builds for it, in the tooling account."""

    product, project, delivers = "model-build-tooling", "apart-builds", "model-build"

    def client(self, service: str, profile: str = PROFILE) -> Any:
        return super().client(service, profile)

    @cached_property
    def variables(self) -> dict[str, str]:
        return super().variables | {"AWS_PROFILE": PROFILE}

    def builds(self) -> list[Found]:
        """Its builds, the newest first."""
        api = self.client("codebuild")
        ids = api.list_builds_for_project(projectName=self.name)["ids"]
        found: list[Found] = api.batch_get_builds(ids=ids)["builds"]
        return found


class Deployment(Tooling):
    """The project that deploys its models, in the tooling account as well."""

    product, project, delivers = "model-deploy", "apart-deploys", "model-deploy"

    def waits(self) -> bool:
        """Whether a person is to say yes."""
        found = self.client("codepipeline").get_pipeline_state(name=self.pipeline)["stageStates"]
        return any(e["stageName"] == "Approve" and e["latestExecution"]["status"] == "InProgress" for e in found
                   if "latestExecution" in e)  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with scientist.published(Project, tmp_path_factory.mktemp("tooling")) as made:
        # Who makes projects in the tooling account is a platform engineer.
        made.smproject("publish", "--profile", PROFILE, "--principal", "arn:aws:iam:::role/*")
        made.put(BUCKET, {KEY: data.csv()[0]})
        made.create(BuildToolingAccountId=TOOLING, DevelopmentBranch="develop", **GIVEN, **TARGETS)
        yield made


@pytest.fixture(scope="module")
def tooling(project: Project) -> Tooling:
    made = Tooling(project.demonstration, project.folder)
    made.create(BuildForAccountId=OWN, BuildForProjectId=project.id, DevelopmentBranch="develop")
    return made


def test_what_is_there_at_first_trains_and_registers_in_the_project_s_account(
    project: Project, tooling: Tooling
) -> None:
    run = tooling.ended()

    assert run["status"] == "Succeeded", run
    version = project.registered()
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["CustomerMetadataProperties"]["PipelineExecutionArn"] == run["PIPELINE_EXECUTION_ARN"]
    assert run["PIPELINE_EXECUTION_ARN"].split(":")[4] == OWN
    assert tooling.client("sagemaker").list_pipelines()["PipelineSummaries"] == []
    repositories = tooling.client("ecr").describe_repositories()["repositories"]
    assert repositories == []


def test_builds_act_as_the_project_s_role_by_sessions_that_name_them(project: Project, tooling: Tooling) -> None:
    uuid = tooling.builds()[-1]["id"].partition(":")[2]
    calls = map(json.loads, (project.demonstration.home / "calls.jsonl").read_text().splitlines())
    session = f"arn:aws:sts::{OWN}:assumed-role/sagemaker-{project.id}-build/build-{uuid}"
    made = {each["operation"] for each in calls if each["principal"] == session}
    assert {"GetParameter", "PutImage", "CreatePipeline", "StartPipelineExecution"} <= made


def test_the_development_branch_builds_apart(project: Project, tooling: Tooling) -> None:
    tooling.delivers = "development"  # type: ignore[misc]
    assert tooling.ended()["status"] == "Failed"  # there was no such branch
    tooling.run("git", "push", "--quiet", "origin", "HEAD:develop", cwd=tooling.checkout)

    run = tooling.ended()

    assert run["status"] == "Succeeded", run
    (version,) = project.versions(f"sagemaker-{project.id}-development")
    assert version["CustomerMetadataProperties"]["PipelineExecutionArn"] == run["PIPELINE_EXECUTION_ARN"]
    assert len(project.versions(project.group)) == 1


@pytest.fixture(scope="module")
def deployment(project: Project, tooling: Tooling) -> Deployment:
    """The deployment before anything is approved; it may deploy into both accounts."""
    made = Deployment(project.demonstration, project.folder)
    models = {"ProjectId": project.id, "GroupName": project.group, "KeyArn": project.key, "AccountId": OWN}
    made.create(**{f"ModelSource{name}": value for name, value in models.items()}, **TARGETS)
    targets = [word for account in TARGETS.values() for word in ("--target", account)]
    page = (scientist.TESTS.parent / "docs/how-to/tooling-account.md").read_text()
    (let_in,) = re.findall(r"aws events put-permission .*", page)
    made.run("bash", "-euc", f"ACCOUNT={OWN}; {let_in}")
    made.smproject("connect", made.project, "--account", TOOLING, *targets, "--profile", PROFILE)
    assert made.ended()["DEPLOY"] == "no"
    return made


def test_an_approval_deploys_from_the_tooling_account_what_a_person_lets_pass(
    project: Project, deployment: Deployment
) -> None:
    arn = project.registered()["ModelPackageArn"]
    project.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    eventually(deployment.waits)
    deployment.smproject("sandbox", "approve", "--pipeline", deployment.pipeline)

    run = deployment.ended()

    assert (run["status"], run["MODEL_PACKAGE_ARN"]) == ("Succeeded", arn), run
    golden = project.read(project.registered()["CustomerMetadataProperties"]["GoldenPredictions"])
    for stage in ("staging", "production"):
        body = json.dumps({"instances": golden["records"]})
        runtime = project.client("sagemaker-runtime", stage)
        answer = runtime.invoke_endpoint(EndpointName=project.group, ContentType="application/json", Body=body)
        assert len(json.load(answer["Body"])["predictions"]) == len(golden["records"])
    assert project.client("codepipeline").list_pipelines()["pipelines"] == []
    assert project.client("codebuild").list_projects()["projects"] == []


def test_nothing_was_denied_and_the_tooling_account_s_roles_may_no_more(
    project: Project, tooling: Tooling, deployment: Deployment
) -> None:
    ids = "|".join((project.id, tooling.id, deployment.id))
    for name in (project.project, tooling.project, deployment.project):
        audit = project.demonstration.run(str(scientist.SMPROJECT), "audit", "--project", name, "--output", "json")
        mine = [each for each in json.loads(audit.stdout) if re.search(ids, each["where"])]
        assert mine, audit.stderr
        assert [each for each in mine if each["kind"] == "missing"] == []
        there = [each for each in mine if each["where"].startswith(TOOLING)]
        assert [(each["where"], each["statement"], each["what"]) for each in there if not each["reason"]] == []


def test_a_proposal_is_checked_in_the_tooling_account_and_may_not_act_as_the_project(
    project: Project, tooling: Tooling
) -> None:
    tries = ACTS_AS_THE_PROJECT.replace("PROJECT", project.id)
    request = tooling.propose(
        "notes", {"pipelines/build/tabular/pipeline.py": WITH_NOTES, "tests/test_acts_as_the_project.py": tries}
    )

    said = tooling.told(request)

    assert said.startswith(f"The tests pass. Its log is that of build {tooling.name}-pull-request:"), said
    assert TOLD in said
    assert project.client("codebuild").list_projects()["projects"] == []


def test_a_tooling_project_of_another_project_is_refused_and_changes_nothing(
    project: Project, tooling: Tooling
) -> None:
    other = Tooling(project.demonstration, project.folder)
    other.project = "stranger"  # type: ignore[misc]
    other.create(BuildForAccountId=OWN, BuildForProjectId="p-of-somebody")

    run = other.ended()

    assert run["status"] == "Failed"
    assert "build" in run["failed"].lower()
    log = other.client("logs")
    group = f"/aws/codebuild/{other.name}"
    told = "".join(each["message"] for each in log.filter_log_events(logGroupName=group)["events"])
    assert "is not authorized to perform: sts:AssumeRole on resource" in told
    assert "role/sagemaker-p-of-somebody-build" in told
    assert len(project.versions(project.group)) == 1


def test_code_on_a_git_host_builds_there_as_well(project: Project, tooling: Tooling) -> None:
    other = Project(project.demonstration, project.folder)
    other.project = "beyond"  # type: ignore[misc]
    other.create(BuildToolingAccountId=TOOLING, **GIVEN)

    there = twin(tooling, BuildForAccountId=OWN, BuildForProjectId=other.id)
    run = there.ended()

    assert run["status"] == "Succeeded", run
    assert other.registered()["CustomerMetadataProperties"]["PipelineExecutionArn"] == run["PIPELINE_EXECUTION_ARN"]

    there.begin("notes", {"pipelines/build/tabular/pipeline.py": WITH_NOTES})
    there.smproject("sandbox", "pull-request", f"team/{there.project}", "--from", "notes")
    build, log = there.checked()
    assert build["buildStatus"] == "SUCCEEDED", log
    assert TOLD in log


def test_the_role_trusts_the_one_role_that_the_tooling_template_makes() -> None:
    project = {"SageMakerProjectName": "churn", "SageMakerProjectId": "p-1", "BuildToolingAccountId": TOOLING}
    own = Deployed("model-build-workflow", OWN, **project)
    other = Deployed(
        "model-build-tooling", TOOLING, SageMakerProjectName="cd", SageMakerProjectId="p-2",
        BuildForAccountId=OWN, BuildForProjectId="p-1",
    )  # fmt: skip
    (trust,) = own.resources("AWS::IAM::Role")["BuildRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{TOOLING}:root"}
    role = other.resources("AWS::IAM::Role")["BuildRole"]["RoleName"]
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{TOOLING}:role/{role}"}}
    beyond = [each for each in other.granted(role) if OWN in str(each["Resource"])]
    assert [(each["Action"], each["Resource"]) for each in beyond] == [
        ("sts:AssumeRole", own.outputs()["BuildRoleArn"])
    ]
    assert not own.resources("AWS::IAM::OIDCProvider")


def test_models_are_lent_to_the_one_role_that_renders_their_deployment() -> None:
    project = {"SageMakerProjectName": "churn", "SageMakerProjectId": "p-1", "BuildToolingAccountId": TOOLING}
    own = Deployed("model-build-workflow", OWN, **project)
    lent = {"ModelSourceAccountId": OWN, "ModelSourceProjectId": "p-1", "ModelSourceGroupName": "sagemaker-churn-p-1"}
    other = Deployed("model-deploy", TOOLING, SageMakerProjectName="cd", SageMakerProjectId="p-2", **lent)
    (trust,) = own.resources("AWS::IAM::Role")["ModelHandoverRole"]["AssumeRolePolicyDocument"]["Statement"]
    role = other.resources("AWS::IAM::Role")["ModelDeployRenderRole"]["RoleName"]
    assert trust["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{TOOLING}:role/{role}"}}
    name = own.resources("AWS::IAM::Role")["ModelHandoverRole"]["RoleName"]
    beyond = [each for each in other.granted(role) if OWN in str(each["Resource"])]
    assert [each["Resource"] for each in beyond] == [f"arn:aws:iam::{OWN}:role/{name}"]
    assert not {"ReadModels", "DecryptModels"} & {each["Sid"] for each in other.granted(role)}


def test_one_builds_a_workflow_or_a_tooling_account() -> None:
    refused = [
        Deployed("model-build-workflow", OWN, **given).refused()
        for given in (
            {},
            {"BuildRepository": "team/churn", "BuildToolingAccountId": TOOLING},
            {"BuildRepository": "team/churn"},
            {"BuildToolingAccountId": TOOLING},
        )
    ]
    assert [len(each) for each in refused] == [1, 1, 0, 0]
    assert "Nothing builds." in refused[0][0] and "Two would build." in refused[1][0]
