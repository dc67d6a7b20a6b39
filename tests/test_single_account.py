"""A project with one account for everything: what it builds is deployed beside it, and destroyed with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import builder
import pytest
import scientist
from harness import ACCOUNTS, eventually

from smproject.demo import data

OWN = ACCOUNTS["development"]
BUCKET, KEY = "alone-data-222222222222", "customers.csv"


class Project(builder.Project):
    """A project whose staging and production account are its own."""

    product, project, use_case = "model-build-deploy", "alone", "tabular"

    @property
    def deliveries(self) -> str:
        return f"{self.name}-model-deploy"

    def approve(self) -> None:
        arn = self.registered()["ModelPackageArn"]
        self.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")

    def delivered(self) -> scientist.Found:
        """Let the delivery that waits for a person go on; return how it ended, and what ran, by stage and action."""
        api, name = self.client("codepipeline"), self.deliveries

        def actions() -> dict[str, scientist.Found]:
            found = api.list_action_executions(pipelineName=name)["actionExecutionDetails"]
            newest = [each for each in found if each["pipelineExecutionId"] == found[0]["pipelineExecutionId"]]
            return {f"{each['stageName']}/{each['actionName']}": each for each in newest}

        eventually(lambda: actions().get("Approve/Approve"))
        self.smproject("sandbox", "approve", "--pipeline", name)

        def look() -> scientist.Found:
            run: scientist.Found = api.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"][0]
            return {} if run["status"] == "InProgress" else run

        return {"status": eventually(look)["status"], "actions": actions()}

    @cached_property
    def captures(self) -> str:
        return f"sagemaker-project-{self.id}-endpoint-{OWN}"

    def ask(self) -> Any:
        found = self.registered()["CustomerMetadataProperties"]["GoldenPredictions"]
        body = json.dumps({"instances": self.read(found)["records"]})
        runtime = self.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=self.group, ContentType="application/json", Body=body)
        return json.load(answer["Body"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with scientist.published(Project, tmp_path_factory.mktemp("alone")) as made:
        made.put(BUCKET, {KEY: data.csv()[0]})
        given = {"ModelBuildDataBucket": BUCKET, "ModelBuildDataKey": KEY, "ModelBuildTargetColumn": "churn"}
        made.create(TargetsStagingAccountId=OWN, TargetsProductionAccountId=OWN, **given)
        where = ("--account", OWN, "--target", OWN, "--profile", "shared-services")
        made.smproject("connect", made.project, *where)
        assert made.ended()["status"] == "Succeeded"
        yield made


def test_an_approved_version_serves_in_the_project_s_own_account_after_a_person_s_yes(project: Project) -> None:
    project.approve()

    run = project.delivered()

    assert run["status"] == "Succeeded", run
    assert set(run["actions"]) == {
        "Source/Source",
        "Render/Render",
        "Approve/Approve",
        "Production/Deploy",
        "Production/Test",
    }
    assert project.ask()


def test_what_is_asked_is_kept_beside_the_models_in_a_bucket_of_its_own(project: Project) -> None:
    project.ask()

    def kept() -> list[str]:
        found = project.client("s3").list_objects_v2(Bucket=project.captures, Prefix="data-capture/")
        return [each["Key"] for each in found.get("Contents", [])]

    assert eventually(kept)


def test_destroying_the_project_takes_its_endpoint_too(project: Project) -> None:
    project.smproject("destroy", "--project", project.project, "--yes", project.project)

    assert project.client("sagemaker").list_endpoints()["Endpoints"] == []
    names = [each["Name"] for each in project.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in names if project.id in name]
    stacks = project.client("cloudformation").describe_stacks()["Stacks"]
    assert not [each["StackName"] for each in stacks if project.id in each["StackName"]]
