"""Service Catalog's resource types, as Service Catalog shows them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from catalogue_cases import CASES, PUBLISHED
from catalogues import HUB, TEMPLATE, Catalogue, publish, share, upload
from harness import Sandbox
from stacks import Stacks
from update_cases import Case


@pytest.fixture(scope="module")
def hub(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox, HUB)


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture(scope="module")
def catalogue(sandbox: Sandbox) -> Catalogue:
    """A product that the development account's data scientist may launch."""
    return share(publish(sandbox))


@pytest.fixture
def name() -> str:
    return f"catalog-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def address(sandbox: Sandbox) -> str:
    return upload(sandbox, TEMPLATE)


def template(case: Case, properties: str, name: str, address: str) -> str:
    text = f"Resources:\n  It: {{Type: {case.type}, Properties: {properties}}}\n{case.others}"
    if "Constraint" in case.type:
        text = text.replace("Properties: {PortfolioId: !GetAtt", "DependsOn: Inside, Properties: {PortfolioId: !GetAtt")
    return text.replace("NAME", name).replace("ADDRESS", address)


@pytest.mark.parametrize("kind", CASES)
def test_a_resource_is_updated_in_place_and_back(
    hub: Stacks, sandbox: Sandbox, name: str, address: str, kind: str
) -> None:
    case = CASES[kind]
    made = hub.create(template(case, case.before, name, address), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", hub.reason(made["StackId"])
    physical = hub.physical(name)
    updated = hub.update(name, template(case, case.after, name, address))
    assert updated["StackStatus"] == "UPDATE_COMPLETE", hub.reason(made["StackId"])
    assert case.look(lambda service: sandbox.client(service, HUB), name) == case.shown
    assert hub.physical(name) == physical
    back = hub.update(name, template(case, case.before, name, address))
    assert back["StackStatus"] == "UPDATE_COMPLETE", hub.reason(made["StackId"])
    assert hub.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE", hub.reason(made["StackId"])


OPTION = """
  Option: {Type: AWS::ServiceCatalog::TagOption, Properties: {Key: NAME, Value: v}}
  Tagged:
    Type: AWS::ServiceCatalog::TagOptionAssociation
    Properties: {TagOptionId: !Ref Option, ResourceId: !Ref Portfolio}
"""


def test_a_tag_option_is_associated_and_freed(hub: Stacks, sandbox: Sandbox, name: str, address: str) -> None:
    text = f"Resources:\n{PUBLISHED}{OPTION}".replace("NAME", name).replace("ADDRESS", address)
    made = hub.create(text, StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", hub.reason(made["StackId"])
    catalog, ids = sandbox.client("servicecatalog", HUB), hub.physical(name)
    assert ids["Tagged"] == f"{ids['Option']}|{ids['Portfolio']}"
    [resource] = catalog.list_resources_for_tag_option(TagOptionId=ids["Option"])["ResourceDetails"]
    assert resource["Id"] == ids["Portfolio"]
    assert hub.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert catalog.list_tag_options(Filters={"Key": name})["TagOptionDetails"] == []


def test_an_offered_portfolio_is_accepted_and_given_back(sandbox: Sandbox, stacks: Stacks, name: str) -> None:
    own, portfolio = sandbox.client("servicecatalog"), publish(sandbox).portfolio
    accepted = f"{{Type: AWS::ServiceCatalog::AcceptedPortfolioShare, Properties: {{PortfolioId: {portfolio}}}}}"
    offer = f"Resources: {{It: {accepted}}}"
    failed = stacks.create(offer)
    assert f"Portfolio {portfolio} not found" in stacks.reason(failed["StackId"])
    sandbox.client("servicecatalog", HUB).create_portfolio_share(PortfolioId=portfolio, AccountId="222222222222")
    made = stacks.create(offer, StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    assert own.describe_portfolio(Id=portfolio)["PortfolioDetail"]["Id"] == portfolio
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(own.exceptions.ResourceNotFoundException):
        own.describe_portfolio(Id=portfolio)


LAUNCHED = """
Resources:
  It:
    Type: AWS::ServiceCatalog::CloudFormationProvisionedProduct
    Properties:
      ProvisionedProductName: NAME
      ProductId: PRODUCT
      ProvisioningArtifactName: v1
      ProvisioningParameters: [{Key: SageMakerProjectName, Value: NAME}, {Key: Value, Value: VALUE}]
Outputs:
  Made: {Value: !GetAtt It.Outputs.Name}
  Stack: {Value: !GetAtt It.CloudformationStackArn}
  Record: {Value: !GetAtt It.RecordId}
"""


def launched(catalogue: Catalogue, name: str, value: str) -> str:
    return LAUNCHED.replace("NAME", name).replace("PRODUCT", catalogue.product).replace("VALUE", value)


def test_a_product_is_provisioned_updated_and_terminated(
    catalogue: Catalogue, sandbox: Sandbox, stacks: Stacks, name: str
) -> None:
    made = stacks.create(launched(catalogue, name, "old"), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    before = stacks.outputs(made)
    assert before["Made"] == f"/made/{name}/old"
    assert stacks.parameter(before["Made"]) == "old"
    updated = stacks.update(name, launched(catalogue, name, "new"))
    assert updated["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    after = stacks.outputs(updated)
    assert (after["Made"], after["Stack"]) == (f"/made/{name}/new", before["Stack"])
    assert (stacks.parameter(after["Made"]), stacks.parameter(before["Made"])) == ("new", None)
    assert after["Record"] != before["Record"]
    catalog = sandbox.client("servicecatalog")
    detail = catalog.describe_provisioned_product(Name=name)["ProvisionedProductDetail"]
    assert (detail["Status"], detail["Id"]) == ("AVAILABLE", stacks.physical(name)["It"])
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.parameter(after["Made"]) is None


def test_a_product_that_fails_tells_its_reason_in_the_stack(
    catalogue: Catalogue, sandbox: Sandbox, stacks: Stacks, name: str
) -> None:
    failed = stacks.create(launched(catalogue, name, "WRONG"), StackName=name)
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "must match pattern [a-z]+" in stacks.reason(failed["StackId"])
    catalog: Any = sandbox.client("servicecatalog")
    with pytest.raises(catalog.exceptions.ResourceNotFoundException):
        catalog.describe_provisioned_product(Name=name)


PROJECT = """
Resources:
  It:
    Type: AWS::SageMaker::Project
    Properties:
      ProjectName: NAME
      ServiceCatalogProvisioningDetails: {ProductId: PRODUCT, ProvisioningParameters: [{Key: Value, Value: VALUE}]}
      Tags: [{Key: k, Value: v}]
Outputs: {Id: {Value: !GetAtt It.ProjectId}, Status: {Value: !GetAtt It.ProjectStatus}, Arn: {Value: !Ref It}}
"""


def test_a_project_is_made_with_its_product_and_goes_with_it(
    catalogue: Catalogue, sandbox: Sandbox, stacks: Stacks, name: str
) -> None:
    text = PROJECT.replace("NAME", name).replace("PRODUCT", catalogue.product)
    failed = stacks.create(text.replace("VALUE", "WRONG"))
    assert "must match pattern [a-z]+" in stacks.reason(failed["StackId"])
    made = stacks.create(text.replace("VALUE", "abc"), StackName=name)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    sagemaker, outputs = sandbox.client("sagemaker"), stacks.outputs(made)
    shown = sagemaker.describe_project(ProjectName=name)
    assert (shown["ProjectId"], shown["ProjectArn"]) == (outputs["Id"], outputs["Arn"])
    assert (outputs["Status"], stacks.parameter(f"/made/{name}/abc")) == ("CreateCompleted", "abc")
    assert {"Key": "k", "Value": "v"} in sagemaker.list_tags(ResourceArn=outputs["Arn"])["Tags"]
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert sagemaker.describe_project(ProjectName=name)["ProjectStatus"] == "DeleteCompleted"
    assert stacks.parameter(f"/made/{name}/abc") is None
