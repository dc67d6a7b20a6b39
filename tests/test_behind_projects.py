"""What is behind a project, by its description."""

from typing import Any

import pytest

from smproject import projects

HEAD = {
    "ProjectArn": "arn:aws:sagemaker:us-east-1:222222222222:project/churn",
    "ProjectId": "p-abc",
    "ProjectStatus": "CreateFailed",
}
TOLD = {"Name": "SP-222222222222-p-abc", "StatusMessage": "no such bucket"}


def product(**details: str) -> dict[str, Any]:
    return {**HEAD, "ServiceCatalogProvisionedProductDetails": details}


def template(**detail: Any) -> dict[str, Any]:
    return {**HEAD, "TemplateProviderDetails": [{"CfnTemplateProviderDetail": {"TemplateName": "small", **detail}}]}


@pytest.mark.parametrize(
    ("project", "stack", "reason"),
    [
        (product(ProvisionedProductId="pp-1"), "SC-222222222222-pp-1", "CreateFailed"),
        (product(ProvisionedProductStatusMessage="no such key"), "", "no such key"),
        (template(StackDetail=TOLD), TOLD["Name"], TOLD["StatusMessage"]),
        (template(StackDetail={"StatusMessage": "S3 error"}), "", "S3 error"),
        (template(), "", "CreateFailed"),
        (HEAD, "", "CreateFailed"),
    ],
)
def test_a_project_tells_its_stack_and_why_it_failed(project: dict[str, Any], stack: str, reason: str) -> None:
    assert (projects.stack_name(project), projects.reason(project)) == (stack, reason)


class Products:
    """Service Catalog, as far as it is asked."""

    def describe_provisioned_product(self, **asked: str) -> dict[str, Any]:
        return {"ProvisionedProductDetail": {"Id": asked["Id"], "LaunchRoleArn": f"role-of-{asked['Id']}"}}


@pytest.mark.parametrize(
    ("project", "role"),
    [
        (product(ProvisionedProductId="pp-1"), "role-of-pp-1"),
        (product(), ""),
        (template(RoleARN="the-role"), "the-role"),
        (template(), ""),
    ],
)
def test_a_project_s_resources_are_made_by_its_own_launch_role(project: dict[str, Any], role: str) -> None:
    assert projects.launch_role(project, Products()) == role
