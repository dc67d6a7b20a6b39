"""Sharing the catalogue: with an account that accepts, and with an organizational unit that needn't."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from publishing import ACCOUNTS, HUB, SMPROJECT, Hub, Repository, hub

from smproject.errors import DeploymentError
from smproject.publish import publish, publish_to_s3
from smproject.share import share, share_with_unit

ROLE = "OrganizationAccountAccessRole"
DEVELOPMENT, STAGING, PRODUCTION = (ACCOUNTS[each] for each in ("development", "staging", "production"))
LOCATION = "/sagemaker-project-templates/catalog-bucket"


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that has shared its templates in S3 before there were portfolios."""
    with hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def published(engineer: Hub, repository: Repository) -> Hub:
    publish(engineer.session, None, engineer.tell, repository.root)
    return engineer


@pytest.fixture(scope="module")
def unit(published: Hub) -> str:
    """An organizational unit with the staging account, and one below it with the production account."""
    organizations = published.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    parent, above = root, ""
    for name, account in (("workloads", STAGING), ("live", PRODUCTION)):
        made = organizations.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]["Id"]
        organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=made)
        parent, above = made, above or made
    return above


def prepared(engineer: Hub, profile: str) -> bool:
    """Tell whether an account knows where the catalogue is."""
    found = engineer.client("ssm", profile).get_parameters(Names=[LOCATION])["Parameters"]
    return bool(found)


def seen(engineer: Hub, profile: str) -> set[str]:
    """Names of the products that a profile finds."""
    found = engineer.client("servicecatalog", profile).search_products()["ProductViewSummaries"]
    return {item["Name"] for item in found}


def test_before_anything_is_published_sharing_says_so(engineer: Hub, repository: Repository) -> None:
    with pytest.raises(DeploymentError, match="Run: smproject publish"):
        share(engineer.session, DEVELOPMENT, ROLE, engineer.tell, repository.root)


def test_an_account_is_prepared_for_projects_from_s3_without_portfolios(engineer: Hub, repository: Repository) -> None:
    publish_to_s3(engineer.session, engineer.tell, (), repository.root)
    done = share(engineer.session, DEVELOPMENT, ROLE, engineer.tell, repository.root)
    assert (done.portfolios, done.changed) == ((), True)
    assert prepared(engineer, "development")


def test_an_account_gets_both_portfolios_and_its_people_their_products(published: Hub, repository: Repository) -> None:
    assert share(published.session, DEVELOPMENT, ROLE, published.tell, repository.root).changed
    catalog = published.client("servicecatalog", "development")
    accepted = catalog.list_accepted_portfolio_shares()["PortfolioDetails"]
    assert {item["DisplayName"] for item in accepted} == {"ML Admin", "SageMaker Projects"}
    assert seen(published, "development") == {"example"}  # a data scientist is no administrator
    assert not share(published.session, DEVELOPMENT, ROLE, published.tell, repository.root).changed


def test_an_account_outside_the_organization_is_refused(published: Hub, repository: Repository) -> None:
    before = published.client("servicecatalog").list_portfolio_access(
        PortfolioId=published.portfolios()["SageMaker Projects"]
    )
    stranger = published.sandbox.client("organizations").describe_organization()["Organization"]["MasterAccountId"]
    assert stranger == ACCOUNTS[HUB]
    with pytest.raises(DeploymentError, match="is the hub itself"):
        share(published.session, stranger, ROLE, published.tell, repository.root)
    with pytest.raises(DeploymentError, match="555555555555"):
        share(published.session, "555555555555", ROLE, published.tell, repository.root)
    with pytest.raises(DeploymentError, match="not an account id"):
        share(published.session, "12", ROLE, published.tell, repository.root)
    after = published.client("servicecatalog").list_portfolio_access(
        PortfolioId=published.portfolios()["SageMaker Projects"]
    )
    assert after["AccountIds"] == before["AccountIds"]


def test_a_unit_s_accounts_need_not_accept_and_know_people_by_name(
    published: Hub, repository: Repository, unit: str
) -> None:
    done = share_with_unit(published.session, unit, ROLE, published.tell, repository.root)
    assert set(done.accounts) == {STAGING, PRODUCTION}
    for profile in ("staging", "production"):
        assert prepared(published, profile)
        catalog = published.client("servicecatalog", profile)
        found = catalog.list_accepted_portfolio_shares(PortfolioShareType="AWS_ORGANIZATIONS")["PortfolioDetails"]
        assert {item["DisplayName"] for item in found} == {"ML Admin", "SageMaker Projects"}
        assert seen(published, profile) == set()  # MLEngineer has no portfolio
    published.sandbox.role("DataScientist", f"arn:aws:iam::{STAGING}:root", profile="staging")
    keys = published.client("sts", "staging").assume_role(
        RoleArn=f"arn:aws:iam::{STAGING}:role/DataScientist", RoleSessionName="test"
    )["Credentials"]
    assert names(published, keys) == {"example"}
    assert not share_with_unit(published.session, unit, ROLE, published.tell, repository.root).changed


def names(engineer: Hub, keys: dict[str, str]) -> set[str]:
    from persons import client  # noqa: PLC0415

    found = client(engineer.sandbox, "servicecatalog", keys).search_products()["ProductViewSummaries"]
    return {item["Name"] for item in found}


def test_tag_options_reach_whoever_the_portfolio_is_shared_with(
    published: Hub, repository: Repository, unit: str
) -> None:
    share_with_unit(published.session, unit, ROLE, published.tell, repository.root)
    portfolio, client = published.portfolios()["SageMaker Projects"], published.client("servicecatalog")
    for kind in ("ACCOUNT", "ORGANIZATIONAL_UNIT"):
        found = client.describe_portfolio_shares(PortfolioId=portfolio, Type=kind)["PortfolioShareDetails"]
        assert found and all(item["ShareTagOptions"] for item in found)


def test_a_unit_that_there_is_not_is_refused(published: Hub, repository: Repository) -> None:
    with pytest.raises(DeploymentError, match="There is no organizational unit 'ou-abcd-12345678'"):
        share_with_unit(published.session, "ou-abcd-12345678", ROLE, published.tell, repository.root)


def test_an_organization_that_does_not_trust_service_catalog_is_refused_with_what_mends_it(
    published: Hub, repository: Repository, unit: str
) -> None:
    client = published.client("servicecatalog")
    client.disable_aws_organizations_access()
    try:
        with pytest.raises(DeploymentError, match="aws servicecatalog enable-aws-organizations-access"):
            share_with_unit(published.session, unit, ROLE, published.tell, repository.root)
    finally:
        client.enable_aws_organizations_access()


def command(running: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = running.sandbox.environment(HUB)
    return subprocess.run(
        [SMPROJECT, "share", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_the_command_takes_an_account_or_a_unit(published: Hub, unit: str) -> None:
    assert command(published).returncode == 2
    assert command(published, "--account", STAGING, "--ou", unit).returncode == 2
    told = command(published, "--account", "555555555555")
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)
    done = command(published, "--ou", unit, "--output", "json")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["accounts"]) == {STAGING, PRODUCTION}
