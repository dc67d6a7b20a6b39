"""One project builds models, of numbers this time, and another one deploys them; one does both.

Their code is in CodeCommit, and on a git host.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from connected import Team
from deployer import STAGES, Deployer
from harness import ACCOUNTS, eventually
from visitor import Found, Visitor

DATA = {
    "ModelBuildDataBucket": "churn-data-222222222222",
    "ModelBuildDataKey": "churn/2026/churn.csv",
    "ModelBuildTargetColumn": "total_day_charge",
    "ModelBuildProblemType": "regression",
}
KINDS = ("two", "two-connected", "one-connected")
TARGETS = {f"Targets{stage.title()}AccountId": ACCOUNTS[stage] for stage in STAGES}


def create_project(visitor: Visitor, name: str, product: str, values: dict[str, str]) -> Visitor:
    """Create a project from a product of the catalogue, and return who looks at it."""
    catalog = visitor.client("servicecatalog")
    found = catalog.search_products()["ProductViewSummaries"]
    (identifier,) = [item["ProductId"] for item in found if item["Name"] == product]
    details = {
        "ProductId": identifier,
        "ProvisioningArtifactId": catalog.describe_product(Id=identifier)["ProvisioningArtifacts"][-1]["Id"],
        "ProvisioningParameters": [{"Key": key, "Value": value} for key, value in values.items()],
    }
    sagemaker = visitor.client("sagemaker")
    sagemaker.create_project(ProjectName=name, ServiceCatalogProvisioningDetails=details)

    def ended() -> Found:
        project: Found = sagemaker.describe_project(ProjectName=name)
        return {} if project["ProjectStatus"] in ("Pending", "CreateInProgress") else project

    project = eventually(ended)
    assert project["ProjectStatus"] == "CreateCompleted", project
    return replace(visitor, looks_at=name)


def repository(visitor: Visitor, project: str, kind: str) -> dict[str, str]:
    """Make a project's repository on the git host, if it is to be there; return what the project is told of it."""
    team = Team(visitor, project)
    return team.repository() and team.parameters if kind.endswith("connected") else {}


def connect(visitor: Visitor, project: str) -> None:
    """Let a project deploy into both accounts."""
    targets = (argument for stage in STAGES for argument in ("--target", ACCOUNTS[stage]))
    command = ("smproject", "connect", project, "--account", ACCOUNTS["development"], *targets)
    visitor.run(*command, "--profile", "shared-services")


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def engineer(visitor: Visitor, kind: str) -> Deployer:
    """Who deploys what a project has built, with another one or with the same."""
    name, product = f"charges-{kind}", "model-build" if kind.startswith("two") else "model-build-deploy"
    builds = create_project(visitor, name, product, {**DATA, **TARGETS, **repository(visitor, name, kind)})
    eventually(lambda: builds.deliveries()[0]["status"] != "InProgress")
    if product == "model-build-deploy":
        connect(visitor, name)
        return Deployer(builds)
    source = {
        "ModelSourceGroupName": builds.outputs["ModelRegistryGroupName"],
        "ModelSourceProjectId": builds.project["ProjectId"],
        "ModelSourceKeyArn": builds.outputs["ArtifactsKeyArn"],
    }
    name = f"serve-{kind}"
    deploys = create_project(visitor, name, "model-deploy", {**source, **TARGETS, **repository(visitor, name, kind)})
    connect(visitor, name)
    return Deployer(builds, deploys)


def test_a_model_of_one_project_reaches_production_by_another(engineer: Deployer) -> None:
    engineer.wait_for_quiet()
    execution = engineer.approve(1)
    assert engineer.release(execution)["status"] == "Succeeded"
    assert {engineer.serving(stage) for stage in STAGES} == {engineer.version(1)}


def test_its_regression_answers_as_it_was_evaluated(engineer: Deployer) -> None:
    golden = engineer.golden(1)
    answered = engineer.ask("production", {"instances": golden["records"]})["predictions"]
    assert [set(item) for item in answered] == [{"score"}] * 20
    assert [item["score"] for item in answered] == pytest.approx(golden["scores"], rel=1e-4, abs=1e-4)


def test_connecting_again_does_nothing(engineer: Deployer) -> None:
    project = (engineer.deploys or engineer.visitor).looks_at
    arguments = ("--account", ACCOUNTS["development"], "--target", ACCOUNTS["staging"], "--profile", "shared-services")
    assert "nothing to do" in engineer.visitor.run("smproject", "connect", project, *arguments)
