"""Stacks of Service Catalog: what people find in it follows the template."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from catalogues import HUB, TEMPLATE, upload
from harness import Sandbox
from stacks import Stacks

from smproject import catalog
from smproject import stacks as tool

STACK = """
Parameters:
  Name: {Type: String}
  Url: {Type: String}
  Version: {Type: String, Default: "1.0"}
  Role: {Type: String, Default: one}
  Replace: {Type: String, Default: false}
Resources:
  Portfolio:
    Type: AWS::ServiceCatalog::Portfolio
    Properties: {DisplayName: !Sub "${Name}-${Role}", ProviderName: platform, Description: !Ref Role}
  Product:
    Type: AWS::ServiceCatalog::CloudFormationProduct
    Properties:
      Name: !Ref Name
      Owner: platform
      Description: !Ref Role
      ReplaceProvisioningArtifacts: !Ref Replace
      ProvisioningArtifactParameters: [{Name: !Ref Version, Info: {LoadTemplateFromURL: !Ref Url}}]
  Association:
    Type: AWS::ServiceCatalog::PortfolioProductAssociation
    Properties: {PortfolioId: !Ref Portfolio, ProductId: !Ref Product}
  Launch:
    Type: AWS::ServiceCatalog::LaunchRoleConstraint
    DependsOn: Association
    Properties: {PortfolioId: !Ref Portfolio, ProductId: !Ref Product, LocalRoleName: !Ref Role, Description: !Ref Role}
Outputs:
  Portfolio: {Value: !Ref Portfolio}
  Product: {Value: !Ref Product}
  Versions: {Value: !GetAtt Product.ProvisioningArtifactIds}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox, HUB)


@pytest.fixture(scope="module")
def api(sandbox: Sandbox) -> Any:
    return sandbox.client("servicecatalog", HUB)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"products-{uuid.uuid4().hex[:8]}"


def versions(api: Any, product: str) -> dict[str, str]:
    """Return the names of a product's versions by id."""
    found = api.list_provisioning_artifacts(ProductId=product)["ProvisioningArtifactDetails"]
    return {item["Id"]: item["Name"] for item in found}


def test_a_product_gets_its_new_version_and_loses_the_old(
    stacks: Stacks, sandbox: Sandbox, api: Any, name: str
) -> None:
    given = {"Name": name, "Url": upload(sandbox, TEMPLATE)}
    made = stacks.outputs(stacks.create(STACK, given, StackName=name))
    assert versions(api, made["Product"]) == {made["Versions"]: "1.0"}
    newer = {**given, "Url": upload(sandbox, f"Description: newer\n{TEMPLATE}"), "Version": "2.0"}
    updated = stacks.outputs(stacks.update(name, None, newer))
    assert updated["Product"] == made["Product"]
    assert updated["Versions"] != made["Versions"]
    assert versions(api, made["Product"]) == {updated["Versions"]: "2.0"}
    anew = stacks.outputs(stacks.update(name, None, {**newer, "Replace": "true"}))
    assert versions(api, made["Product"]) == {anew["Versions"]: "2.0"}
    assert anew["Versions"] != updated["Versions"]


def test_what_the_catalogue_says_follows_the_template(stacks: Stacks, sandbox: Sandbox, api: Any, name: str) -> None:
    given, tags = {"Name": name, "Url": upload(sandbox, TEMPLATE)}, [{"Key": "team", "Value": "ml"}]
    made = stacks.outputs(stacks.create(STACK, given, StackName=name))
    ended = stacks.update(name, None, {**given, "Role": "two"}, Tags=tags)
    assert ended["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(name)
    portfolio = api.describe_portfolio(Id=made["Portfolio"])
    product = api.describe_product_as_admin(Id=made["Product"])
    [constraint] = api.list_constraints_for_portfolio(PortfolioId=made["Portfolio"])["ConstraintDetails"]
    detail, summary = portfolio["PortfolioDetail"], product["ProductViewDetail"]["ProductViewSummary"]
    assert (detail["DisplayName"], detail["Description"], portfolio["Tags"]) == (f"{name}-two", "two", tags)
    assert (summary["ShortDescription"], product["Tags"]) == ("two", tags)
    assert constraint["Description"] == "two"
    assert stacks.outputs(ended)["Versions"] == made["Versions"]
    assert stacks.delete(ended["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_version_that_cannot_be_read_takes_the_update_back(
    stacks: Stacks, sandbox: Sandbox, api: Any, name: str
) -> None:
    given = {"Name": name, "Url": upload(sandbox, TEMPLATE)}
    made = stacks.outputs(stacks.create(STACK, given, StackName=name))
    absent = {**given, "Url": "https://catalogue-templates.s3.amazonaws.com/absent.yaml", "Version": "2.0"}
    assert stacks.update(name, None, absent)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert versions(api, made["Product"]) == {made["Versions"]: "1.0"}


def test_the_tool_deploys_a_template_anew_when_its_parameters_change(sandbox: Sandbox) -> None:
    cloudformation, api = (sandbox.client(service, "staging") for service in ("cloudformation", "servicecatalog"))
    principals = [f"arn:aws:iam:::role/{name}" for name in ("One", "One", "Two")]
    portfolio = catalog.template("portfolio")
    made = [tool.deploy(cloudformation, portfolio, {"PortfolioPrincipalPattern": one}) for one in principals]
    assert [stack.result for stack in made] == ["created", "unchanged", "updated"]
    found = api.list_principals_for_portfolio(PortfolioId=made[2].outputs["PortfolioId"])["Principals"]
    assert [item["PrincipalARN"] for item in found] == [principals[2]]
