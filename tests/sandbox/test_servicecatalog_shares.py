"""Portfolios shared with the organization: who sees them without accepting, and what a share lends."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from catalogues import HUB, Catalogue, publish
from harness import ACCOUNTS, Sandbox


@pytest.fixture
def catalogue(sandbox: Sandbox) -> Catalogue:
    """A product that nobody sees yet."""
    return publish(sandbox)


@pytest.fixture
def organization(sandbox: Sandbox) -> dict[str, str]:
    found = sandbox.client("organizations", HUB).describe_organization()["Organization"]
    return {"Type": "ORGANIZATION", "Value": found["Id"]}


@pytest.fixture
def unit(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """An organizational unit with the staging account, until the test ends."""
    organizations = sandbox.client("organizations", HUB)
    root = organizations.list_roots()["Roots"][0]["Id"]
    name = f"unit-{uuid.uuid4().hex[:8]}"
    made = organizations.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]["Id"]
    moved = {"AccountId": ACCOUNTS["staging"]}
    organizations.move_account(**moved, SourceParentId=root, DestinationParentId=made)
    yield {"Type": "ORGANIZATIONAL_UNIT", "Value": made}
    organizations.move_account(**moved, SourceParentId=made, DestinationParentId=root)


def sees(sandbox: Sandbox, profile: str, portfolio: str) -> bool:
    """Tell whether an account has a portfolio by a share."""
    pages = sandbox.client("servicecatalog", profile).get_paginator("list_accepted_portfolio_shares").paginate()
    return portfolio in {item["Id"] for page in pages for item in page["PortfolioDetails"]}


def found(sandbox: Sandbox, product: str, profile: str = "development") -> bool:
    """Tell whether a profile finds a product by searching."""
    listed = sandbox.client("servicecatalog", profile).search_products(PageSize=100)["ProductViewSummaries"]
    return product in {item["ProductId"] for item in listed}


def test_the_organizations_accounts_need_not_accept(
    sandbox: Sandbox, catalogue: Catalogue, organization: dict[str, str]
) -> None:
    hub, named = sandbox.client("servicecatalog", HUB), {"PortfolioId": catalogue.portfolio}
    token = hub.create_portfolio_share(**named, OrganizationNode=organization)["PortfolioShareToken"]
    status = hub.describe_portfolio_share_status(PortfolioShareToken=token)
    assert status["Status"] == "COMPLETED"
    assert ACCOUNTS["development"] in status["ShareDetails"]["SuccessfulShares"]
    assert sees(sandbox, "development", catalogue.portfolio)
    assert sees(sandbox, "staging", catalogue.portfolio)
    [share] = hub.describe_portfolio_shares(**named, Type="ORGANIZATION")["PortfolioShareDetails"]
    assert (share["PrincipalId"], share["Accepted"]) == (organization["Value"], True)
    hub.delete_portfolio_share(**named, OrganizationNode=organization)
    assert not sees(sandbox, "development", catalogue.portfolio)


def test_a_unit_reaches_only_the_accounts_in_it(sandbox: Sandbox, catalogue: Catalogue, unit: dict[str, str]) -> None:
    hub, named = sandbox.client("servicecatalog", HUB), {"PortfolioId": catalogue.portfolio}
    hub.create_portfolio_share(**named, OrganizationNode=unit)
    reached = [profile for profile in ACCOUNTS if sees(sandbox, profile, catalogue.portfolio)]
    assert reached == ["staging"]
    assert hub.list_portfolio_access(**named)["AccountIds"] == [ACCOUNTS["staging"]]
    listed = hub.list_organization_portfolio_access(**named, OrganizationNodeType="ORGANIZATIONAL_UNIT")
    assert listed["OrganizationNodes"] == [unit]


def test_names_of_principals_are_lent_with_a_share(
    sandbox: Sandbox, catalogue: Catalogue, organization: dict[str, str]
) -> None:
    hub, named = sandbox.client("servicecatalog", HUB), {"PortfolioId": catalogue.portfolio}
    pattern = {"PrincipalARN": "arn:aws:iam:::role/DataScientist", "PrincipalType": "IAM_PATTERN"}
    hub.associate_principal_with_portfolio(**named, **pattern)
    hub.create_portfolio_share(**named, OrganizationNode=organization)
    assert not found(sandbox, catalogue.product)
    hub.update_portfolio_share(**named, OrganizationNode=organization, SharePrincipals=True)
    assert found(sandbox, catalogue.product)
    assert not found(sandbox, catalogue.product, "staging")


def test_only_who_manages_a_trusting_organization_shares_with_it(
    sandbox: Sandbox, catalogue: Catalogue, organization: dict[str, str]
) -> None:
    hub, own = sandbox.client("servicecatalog", HUB), sandbox.client("servicecatalog")
    mine = own.create_portfolio(DisplayName="mine", ProviderName="p")["PortfolioDetail"]["Id"]
    assert refused(own, mine, organization) == "OperationNotSupportedException"
    unknown = {"Type": "ORGANIZATIONAL_UNIT", "Value": "ou-abcd-12345678"}
    assert refused(hub, catalogue.portfolio, unknown) == "ResourceNotFoundException"
    hub.disable_aws_organizations_access()
    try:
        assert hub.get_aws_organizations_access_status()["AccessStatus"] == "DISABLED"
        assert refused(hub, catalogue.portfolio, organization) == "OperationNotSupportedException"
    finally:
        hub.enable_aws_organizations_access()
    assert hub.get_aws_organizations_access_status()["AccessStatus"] == "ENABLED"


def refused(catalog: Any, portfolio: str, node: dict[str, str]) -> str:
    """Return the code with which sharing is refused."""
    with pytest.raises(ClientError) as error:
        catalog.create_portfolio_share(PortfolioId=portfolio, OrganizationNode=node)
    return str(error.value.response["Error"]["Code"])


def test_a_rejected_offer_can_still_be_accepted(sandbox: Sandbox, catalogue: Catalogue) -> None:
    named = {"PortfolioId": catalogue.portfolio}
    sandbox.client("servicecatalog", HUB).create_portfolio_share(**named, AccountId=ACCOUNTS["development"])
    own = sandbox.client("servicecatalog")
    own.accept_portfolio_share(**named)
    own.reject_portfolio_share(**named)
    assert not sees(sandbox, "development", catalogue.portfolio)
    own.accept_portfolio_share(**named)
    assert sees(sandbox, "development", catalogue.portfolio)


def test_a_product_of_another_account_goes_into_an_own_portfolio(sandbox: Sandbox, catalogue: Catalogue) -> None:
    named = {"PortfolioId": catalogue.portfolio}
    sandbox.client("servicecatalog", HUB).create_portfolio_share(**named, AccountId=ACCOUNTS["development"])
    own = sandbox.client("servicecatalog")
    mine = {"PortfolioId": own.create_portfolio(DisplayName="own", ProviderName="p")["PortfolioDetail"]["Id"]}
    given = {**mine, "ProductId": catalogue.product}
    with pytest.raises(ClientError, match="not found"):
        own.associate_product_with_portfolio(**given, SourcePortfolioId=catalogue.portfolio)
    own.accept_portfolio_share(**named)
    own.associate_product_with_portfolio(**given, SourcePortfolioId=catalogue.portfolio)
    listed = own.search_products_as_admin(**mine)["ProductViewDetails"]
    assert [item["ProductViewSummary"]["ProductId"] for item in listed] == [catalogue.product]


def test_names_of_principals_are_not_lent_to_a_single_account(sandbox: Sandbox, catalogue: Catalogue) -> None:
    hub = sandbox.client("servicecatalog", HUB)
    wanted = {"PortfolioId": catalogue.portfolio, "AccountId": ACCOUNTS["development"]}
    with pytest.raises(ClientError, match="only supported for an OrganizationNode"):
        hub.create_portfolio_share(**wanted, SharePrincipals=True)
    hub.create_portfolio_share(**wanted)
    with pytest.raises(ClientError, match="only supported for an OrganizationNode"):
        hub.update_portfolio_share(**wanted, SharePrincipals=True)
