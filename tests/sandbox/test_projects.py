"""SageMaker projects: provisioned from a product, and given back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from catalogues import Catalogue, publish, share
from harness import Sandbox, eventually

Item = dict[str, Any]


@pytest.fixture(scope="module")
def catalogue(sandbox: Sandbox) -> Catalogue:
    return share(publish(sandbox))


class Projects:
    """Creates projects from a product and waits for their end."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue, self.api = catalogue, catalogue.sandbox.client("sagemaker")

    def create(self, name: str, product: str | None = None, **parameters: str) -> Item:
        given = [{"Key": key, "Value": value} for key, value in parameters.items()]
        details = {"ProductId": product or self.catalogue.product, "ProvisioningParameters": given}
        details["ProvisioningArtifactId"] = self.catalogue.version
        tags = [{"Key": "team", "Value": "ml"}]
        made = self.api.create_project(
            ProjectName=name, ServiceCatalogProvisioningDetails=details, ProjectDescription="told", Tags=tags
        )
        return dict(made)

    def ended(self, name: str) -> Item:
        def look() -> Item | None:
            found: Item = self.api.describe_project(ProjectName=name)
            return None if found["ProjectStatus"].endswith("InProgress") else found

        return eventually(look)

    def delete(self, name: str) -> Item:
        self.api.delete_project(ProjectName=name)
        return self.ended(name)

    def listed(self, name: str) -> bool:
        found = self.api.list_projects(NameContains=name)["ProjectSummaryList"]
        return name in {item["ProjectName"] for item in found}


@pytest.fixture(scope="module")
def projects(catalogue: Catalogue) -> Projects:
    return Projects(catalogue)


@pytest.fixture
def name() -> str:
    """A project name that no other test uses."""
    return f"p{uuid.uuid4().hex[:8]}"


def message(call: Any) -> str:
    """Return the message of a ValidationException."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationException"
    return str(error["Message"])


def test_a_project_is_made_by_its_product_and_given_back(projects: Projects, sandbox: Sandbox, name: str) -> None:
    made = projects.create(name, Value="xyz")
    assert made["ProjectArn"] == f"arn:aws:sagemaker:us-east-1:222222222222:project/{name}"
    found = projects.ended(name)
    assert (found["ProjectStatus"], found["ProjectId"]) == ("CreateCompleted", made["ProjectId"])
    assert found["ProjectDescription"] == "told"
    assert projects.listed(name)
    ssm, resource = sandbox.client("ssm"), f"/made/{name}/xyz"  # the product got the project's name and the value
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=resource)["TagList"]
    assert {item["Key"]: item["Value"] for item in tags} == {
        "sagemaker:project-name": name,
        "sagemaker:project-id": made["ProjectId"],
        "team": "ml",
    }
    assert projects.api.list_tags(ResourceArn=made["ProjectArn"])["Tags"] == [{"Key": "team", "Value": "ml"}]
    assert projects.delete(name)["ProjectStatus"] == "DeleteCompleted"
    assert not projects.listed(name)
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=resource)
    again = projects.create(name)
    assert again["ProjectId"] != made["ProjectId"]
    assert projects.ended(name)["ProjectStatus"] == "CreateCompleted"


def test_a_taken_name_is_refused(projects: Projects, name: str) -> None:
    projects.create(name)
    assert f"Project {name} already exists" in message(lambda: projects.create(name))
    projects.ended(name)
    assert "already exists and is CreateCompleted" in message(lambda: projects.create(name))


@pytest.mark.parametrize("wrong", ["under_score", "-dash", "a" * 33])
def test_a_name_outside_the_pattern_is_refused(projects: Projects, wrong: str) -> None:
    assert "at 'projectName' failed to satisfy constraint" in message(lambda: projects.create(wrong))


def test_an_unknown_product_is_refused(projects: Projects, name: str) -> None:
    told = message(lambda: projects.create(name, product="prod-0123456789abc"))
    assert told == "Unable to provision the project: Product prod-0123456789abc not found."
    assert "does not exist" in message(lambda: projects.api.describe_project(ProjectName=name))


def test_a_wrong_template_parameter_fails_the_project_with_the_reason(projects: Projects, name: str) -> None:
    projects.create(name, Value="WRONG")
    found = projects.ended(name)
    assert found["ProjectStatus"] == "CreateFailed"
    details = found["ServiceCatalogProvisionedProductDetails"]
    assert details["ProvisionedProductStatusMessage"] == ("Parameter 'Value' must match pattern [a-z]+")
    assert projects.delete(name)["ProjectStatus"] == "DeleteCompleted"


def test_a_parameter_that_the_template_lacks_fails_the_project(projects: Projects, name: str) -> None:
    projects.create(name, Colour="red")
    details = projects.ended(name)["ServiceCatalogProvisionedProductDetails"]
    assert details["ProvisionedProductStatusMessage"] == "Parameters: [Colour] do not exist in the template"


def test_an_absent_project_is_refused(projects: Projects) -> None:
    for operation in (projects.api.describe_project, projects.api.delete_project):
        assert message(lambda call=operation: call(ProjectName="absent")) == "Project absent does not exist."


def test_a_project_is_seen_in_its_account_only(projects: Projects, sandbox: Sandbox, name: str) -> None:
    projects.create(name)
    staging = sandbox.client("sagemaker", "staging")
    assert "does not exist" in message(lambda: staging.describe_project(ProjectName=name))
    assert staging.list_projects()["ProjectSummaryList"] == []
    projects.ended(name)
