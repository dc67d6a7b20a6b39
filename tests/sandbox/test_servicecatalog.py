"""Service Catalog: who sees which product, who launches it, and what becomes of it."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from catalogues import HUB, SCIENTIST, TEMPLATE, Catalogue, publish, share, upload
from harness import ACCOUNTS, Sandbox


@pytest.fixture(scope="module")
def catalogue(sandbox: Sandbox) -> Catalogue:
    """A product that the development account's data scientist may launch."""
    return share(publish(sandbox))


@pytest.fixture
def name() -> str:
    """A name for a provisioned product that no other test uses."""
    return f"made-{uuid.uuid4().hex[:8]}"


def refused(call: Any, **request: Any) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(ClientError) as error:
        call(**request)
    return str(error.value.response["Error"]["Code"])


def found(sandbox: Sandbox, product: str, profile: str = "development") -> bool:
    """Tell whether a profile finds a product by searching."""
    listed = sandbox.client("servicecatalog", profile).search_products(PageSize=100)["ProductViewSummaries"]
    return product in {item["ProductId"] for item in listed}


def test_ids_look_like_those_of_aws(catalogue: Catalogue, sandbox: Sandbox) -> None:
    assert re.fullmatch(r"port-[a-z0-9]{13}", catalogue.portfolio)
    assert re.fullmatch(r"prod-[a-z0-9]{13}", catalogue.product)
    assert re.fullmatch(r"pa-[a-z0-9]{13}", catalogue.version)
    detail = sandbox.client("servicecatalog", HUB).describe_portfolio(Id=catalogue.portfolio)["PortfolioDetail"]
    assert detail["ARN"] == f"arn:aws:catalog:us-east-1:{ACCOUNTS[HUB]}:portfolio/{catalogue.portfolio}"


def test_a_product_is_seen_only_when_shared_accepted_and_granted(sandbox: Sandbox) -> None:
    catalogue = publish(sandbox)
    hub, own = sandbox.client("servicecatalog", HUB), sandbox.client("servicecatalog")
    portfolio = {"PortfolioId": catalogue.portfolio}
    grant = {**portfolio, "PrincipalARN": SCIENTIST, "PrincipalType": "IAM"}
    assert refused(own.accept_portfolio_share, **portfolio) == "ResourceNotFoundException"
    hub.create_portfolio_share(**portfolio, AccountId=ACCOUNTS["development"])
    assert refused(own.associate_principal_with_portfolio, **grant) == "ResourceNotFoundException"
    own.accept_portfolio_share(**portfolio)
    assert not found(sandbox, catalogue.product)
    assert refused(own.describe_product, Id=catalogue.product) == "ResourceNotFoundException"
    own.associate_principal_with_portfolio(**grant)
    assert found(sandbox, catalogue.product)
    assert own.describe_product(Id=catalogue.product)["ProvisioningArtifacts"][0]["Name"] == "v1"
    assert not found(sandbox, catalogue.product, "staging")
    assert not found(sandbox, catalogue.product, HUB)
    hub.delete_portfolio_share(**portfolio, AccountId=ACCOUNTS["development"])
    assert not found(sandbox, catalogue.product)


def test_another_principal_neither_sees_nor_launches(sandbox: Sandbox, name: str) -> None:
    catalogue = share(publish(sandbox), f"arn:aws:iam::{ACCOUNTS['development']}:role/SomebodyElse")
    assert not found(sandbox, catalogue.product)
    with pytest.raises(ClientError, match="not found"):
        catalogue.provision(name)


def test_a_pattern_grants_roles_by_name(sandbox: Sandbox) -> None:
    catalogue = publish(sandbox)
    hub, own = sandbox.client("servicecatalog", HUB), sandbox.client("servicecatalog")
    pattern = {"PrincipalARN": "arn:aws:iam:::role/Data*", "PrincipalType": "IAM_PATTERN"}
    hub.create_portfolio_share(PortfolioId=catalogue.portfolio, AccountId=ACCOUNTS["development"])
    own.accept_portfolio_share(PortfolioId=catalogue.portfolio)
    own.associate_principal_with_portfolio(PortfolioId=catalogue.portfolio, **pattern)
    assert found(sandbox, catalogue.product)
    listed = own.list_principals_for_portfolio(PortfolioId=catalogue.portfolio)["Principals"]
    assert listed == [pattern]
    wrong = {**pattern, "PrincipalType": "IAM", "PortfolioId": catalogue.portfolio}
    assert refused(own.associate_principal_with_portfolio, **wrong) == "InvalidParametersException"


def test_the_launch_role_makes_the_stack(catalogue: Catalogue, sandbox: Sandbox, name: str) -> None:
    record = catalogue.provision(name, Value="abc", SageMakerProjectName=name)
    assert record["RecordDetail"]["Status"] == "SUCCEEDED", record
    outputs = {item["OutputKey"]: item["OutputValue"] for item in record["RecordOutputs"]}
    assert outputs["Name"] == f"/made/{name}/abc"
    assert sandbox.client("ssm").get_parameter(Name=outputs["Name"])["Parameter"]["Value"] == "abc"
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    maker = [call["principal"] for call in calls if call["operation"] == "PutParameter"][-1]
    assert maker == f"arn:aws:sts::{ACCOUNTS['development']}:assumed-role/{catalogue.role}/servicecatalog"
    stack = outputs["CloudformationStackARN"]
    assert (
        sandbox.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        == "CREATE_COMPLETE"
    )
    detail = sandbox.client("servicecatalog").describe_provisioned_product(Name=name)["ProvisionedProductDetail"]
    assert (detail["Status"], detail["LaunchRoleArn"].rpartition("/")[2]) == ("AVAILABLE", catalogue.role)
    given = sandbox.client("servicecatalog").get_provisioned_product_outputs(ProvisionedProductName=name)["Outputs"]
    assert given == record["RecordOutputs"]


def test_a_launch_role_that_does_not_trust_service_catalog_fails_the_record(sandbox: Sandbox, name: str) -> None:
    catalogue = share(publish(sandbox, trusted="ec2.amazonaws.com"))
    detail = catalogue.provision(name)["RecordDetail"]
    assert detail["Status"] == "FAILED"
    [error] = detail["RecordErrors"]
    assert catalogue.role in error["Description"]
    assert "servicecatalog.amazonaws.com is not authorized to perform sts:AssumeRole" in error["Description"]


def test_a_parameter_outside_its_pattern_fails_the_record_readably(catalogue: Catalogue, name: str) -> None:
    detail = catalogue.provision(name, Value="ABC")["RecordDetail"]
    assert detail["Status"] == "FAILED"
    [error] = detail["RecordErrors"]
    told = error["Description"]
    assert (error["Code"], "must match pattern [a-z]+" in told) == ("ValidationError", True)
    shown = catalogue.sandbox.client("servicecatalog").describe_provisioned_product(Name=name)
    assert shown["ProvisionedProductDetail"]["StatusMessage"] == told


def test_a_failed_resource_fails_the_record_with_its_reason(sandbox: Sandbox, name: str) -> None:
    catalogue = share(publish(sandbox, template=TEMPLATE.replace("/made/${Sage", "aws/${Sage")))
    detail = catalogue.provision(name)["RecordDetail"]
    assert detail["Status"] == "FAILED"
    assert "ROLLBACK_COMPLETE: Kept: " in detail["RecordErrors"][0]["Description"]


def test_terminating_deletes_the_stack_and_frees_the_name(catalogue: Catalogue, sandbox: Sandbox, name: str) -> None:
    made = catalogue.provision(name, SageMakerProjectName=name)
    with pytest.raises(ClientError, match="already exists"):
        catalogue.provision(name)
    outputs = {item["OutputKey"]: item["OutputValue"] for item in made["RecordOutputs"]}
    assert catalogue.terminate(name)["RecordDetail"]["Status"] == "SUCCEEDED"
    [stack] = sandbox.client("cloudformation").describe_stacks(StackName=outputs["CloudformationStackARN"])["Stacks"]
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert refused(sandbox.client("ssm").get_parameter, Name=outputs["Name"]) == "ParameterNotFound"
    describe = sandbox.client("servicecatalog").describe_provisioned_product
    assert refused(describe, Name=name) == "ResourceNotFoundException"
    assert catalogue.provision(name, SageMakerProjectName=name)["RecordDetail"]["Status"] == "SUCCEEDED"


def test_a_version_keeps_its_template(catalogue: Catalogue, sandbox: Sandbox) -> None:
    client, address = sandbox.client("servicecatalog", HUB), upload(sandbox, TEMPLATE)
    info = {"LoadTemplateFromURL": address}
    given = {
        "ProductId": catalogue.product,
        "Parameters": {"Name": "v2", "Type": "CLOUD_FORMATION_TEMPLATE", "Info": info},
    }
    version = client.create_provisioning_artifact(**given)["ProvisioningArtifactDetail"]["Id"]
    bucket, _, key = address.removeprefix("https://").partition(".s3.amazonaws.com/")
    sandbox.client("s3", HUB).delete_object(Bucket=bucket, Key=key)
    own, wanted = sandbox.client("servicecatalog"), {"ProductId": catalogue.product, "ProvisioningArtifactId": version}
    declared = own.describe_provisioning_parameters(**wanted)["ProvisioningArtifactParameters"]
    assert {item["ParameterKey"]: item.get("DefaultValue") for item in declared}["Value"] == "abc"
    client.update_provisioning_artifact(**wanted, Active=False)
    shown = own.describe_product(Id=catalogue.product)["ProvisioningArtifacts"]
    assert [item["Id"] for item in shown] == [catalogue.version]


def test_other_accounts_neither_see_versions_nor_change_what_is_not_theirs(
    catalogue: Catalogue, sandbox: Sandbox
) -> None:
    wanted = {"ProductId": catalogue.product, "ProvisioningArtifactId": catalogue.version}
    staging, own = sandbox.client("servicecatalog", "staging"), sandbox.client("servicecatalog")
    assert refused(staging.describe_provisioning_artifact, **wanted) == "ResourceNotFoundException"
    assert refused(own.delete_portfolio, Id=catalogue.portfolio) == "ResourceNotFoundException"
    assert refused(own.delete_product, Id=catalogue.product) == "ResourceNotFoundException"
    listed = sandbox.client("servicecatalog", HUB).list_constraints_for_portfolio(PortfolioId=catalogue.portfolio)
    [constraint] = listed["ConstraintDetails"]
    assert refused(own.delete_constraint, Id=constraint["ConstraintId"]) == "ResourceNotFoundException"


def test_what_is_in_use_is_not_deleted(sandbox: Sandbox) -> None:
    catalogue, client = publish(sandbox), sandbox.client("servicecatalog", HUB)
    assert refused(client.delete_portfolio, Id=catalogue.portfolio) == "ResourceInUseException"
    assert refused(client.delete_product, Id=catalogue.product) == "ResourceInUseException"
    client.disassociate_product_from_portfolio(PortfolioId=catalogue.portfolio, ProductId=catalogue.product)
    client.delete_product(Id=catalogue.product)
    client.delete_portfolio(Id=catalogue.portfolio)
    assert refused(client.describe_portfolio, Id=catalogue.portfolio) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Type": "TEMPLATE"}, "InvalidParametersException"),
        ({"Parameters": json.dumps({"RoleArn": "a", "LocalRoleName": "b"})}, "InvalidParametersException"),
        ({"Parameters": "no json"}, "InvalidParametersException"),
        ({}, "DuplicateResourceException"),
    ],
)
def test_a_wrong_constraint_is_refused(
    catalogue: Catalogue, sandbox: Sandbox, change: dict[str, str], code: str
) -> None:
    given = {"PortfolioId": catalogue.portfolio, "ProductId": catalogue.product, "Type": "LAUNCH"}
    given |= {"Parameters": json.dumps({"LocalRoleName": "role"})} | change
    assert refused(sandbox.client("servicecatalog", HUB).create_constraint, **given) == code


def test_a_template_that_is_none_makes_no_version(catalogue: Catalogue, sandbox: Sandbox) -> None:
    client = sandbox.client("servicecatalog", HUB)
    for url in (upload(sandbox, "no template"), "https://catalogue-templates.s3.amazonaws.com/absent"):
        version = {"Name": "bad", "Type": "CLOUD_FORMATION_TEMPLATE", "Info": {"LoadTemplateFromURL": url}}
        assert refused(client.create_provisioning_artifact, ProductId=catalogue.product, Parameters=version)
    listed = client.list_provisioning_artifacts(ProductId=catalogue.product)["ProvisioningArtifactDetails"]
    assert "bad" not in {item["Name"] for item in listed}


def test_listings_come_in_pages(sandbox: Sandbox) -> None:
    client = sandbox.client("servicecatalog", HUB)
    made = [
        client.create_portfolio(DisplayName=f"page-{n}", ProviderName="p")["PortfolioDetail"]["Id"] for n in range(3)
    ]
    first = client.list_portfolios(PageSize=2)
    assert len(first["PortfolioDetails"]) == 2
    assert first["NextPageToken"]
    pages = client.get_paginator("list_portfolios").paginate(PaginationConfig={"PageSize": 2})
    listed = [item["Id"] for page in pages for item in page["PortfolioDetails"]]
    assert set(made) <= set(listed)
    assert len(listed) == len(set(listed))
