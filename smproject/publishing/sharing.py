"""Sharing portfolios: offers by the hub, to an account or an organizational unit, and their acceptance in a spoke."""

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.publishing.paging import every

POLL_SECONDS = 0.5
PATIENCE = 600  # looks, until sharing with a unit must have ended


def offer_to_account(service_catalog: Any, portfolio: str, account: str, progress: Progress) -> bool:
    """Offer a portfolio, with its tag options, to an account; False when that is so already."""
    shares = every(
        service_catalog, "describe_portfolio_shares", "PortfolioShareDetails", PortfolioId=portfolio, Type="ACCOUNT"
    )
    found = next((share for share in shares if share["PrincipalId"] == account), None)
    if found and found["ShareTagOptions"]:
        return False
    call = service_catalog.update_portfolio_share if found else service_catalog.create_portfolio_share
    call(PortfolioId=portfolio, AccountId=account, ShareTagOptions=True)
    progress(f"shared portfolio {portfolio} with account {account}")
    return True


def offer_to_unit(service_catalog: Any, portfolio: str, unit: str, progress: Progress) -> bool:
    """Share a portfolio, its principals' names and its tag options with an organizational unit; its accounts needn't
    accept. False when that is so already. Raises DeploymentError when AWS could not share it with each of them.
    """
    node = {"Type": "ORGANIZATIONAL_UNIT", "Value": unit}
    shares = every(
        service_catalog, "describe_portfolio_shares", "PortfolioShareDetails", PortfolioId=portfolio, Type=node["Type"]
    )
    found = next((share for share in shares if share["PrincipalId"].endswith(unit)), None)
    if found and found["SharePrincipals"] and found["ShareTagOptions"]:
        return False
    call = service_catalog.update_portfolio_share if found else service_catalog.create_portfolio_share
    answer = call(PortfolioId=portfolio, OrganizationNode=node, SharePrincipals=True, ShareTagOptions=True)
    _wait(service_catalog, answer["PortfolioShareToken"], portfolio, unit)
    progress(f"shared portfolio {portfolio} with organizational unit {unit}")
    return True


def accept(service_catalog: Any, portfolio: str, progress: Progress) -> bool:
    """Accept an offered portfolio; False when the account has it already, by whichever share."""
    for kind in ("IMPORTED", "AWS_ORGANIZATIONS"):
        shares = every(service_catalog, "list_accepted_portfolio_shares", "PortfolioDetails", PortfolioShareType=kind)
        if portfolio in [item["Id"] for item in shares]:
            return False
    service_catalog.accept_portfolio_share(PortfolioId=portfolio, PortfolioShareType="IMPORTED")
    progress(f"accepted portfolio {portfolio}")
    return True


def grant(service_catalog: Any, portfolio: str, pattern: str, progress: Progress) -> bool:
    """Let an account's roles use a portfolio: what the hub granted counts in the hub alone. False when they may."""
    principals = every(service_catalog, "list_principals_for_portfolio", "Principals", PortfolioId=portfolio)
    if pattern in [item["PrincipalARN"] for item in principals]:
        return False
    service_catalog.associate_principal_with_portfolio(
        PortfolioId=portfolio, PrincipalARN=pattern, PrincipalType="IAM_PATTERN"
    )
    progress(f"granted portfolio {portfolio} to {pattern}")
    return True


def refuse_stranger(organizations: Any, account: str) -> None:
    """Raise DeploymentError for an account outside the organization: its templates are for nobody else."""
    try:
        organizations.describe_account(AccountId=account)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccountNotFoundException", "InvalidInputException"):
            raise DeploymentError(
                f"Account {account} isn't in this organization, and the catalogue is shared inside it only. "
                "See: aws organizations list-accounts"
            ) from error
        raise


def refuse_distrust(service_catalog: Any) -> None:
    """Raise DeploymentError while the organization doesn't let Service Catalog share with its units."""
    if service_catalog.get_aws_organizations_access_status()["AccessStatus"] != "ENABLED":
        raise DeploymentError(
            "The organization doesn't trust Service Catalog, so nothing can be shared with its units. In the "
            "management account, run: aws servicecatalog enable-aws-organizations-access"
        )


def accounts_of(organizations: Any, unit: str) -> list[str]:
    """The active accounts of an organizational unit and of the units below it; raises DeploymentError without one."""
    try:
        return sorted(_below(organizations, unit))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ParentNotFoundException", "InvalidInputException"):
            raise DeploymentError(
                f"There is no organizational unit {unit!r} in this organization. See: aws organizations "
                "list-organizational-units-for-parent --parent-id r-..."
            ) from error
        raise


def _below(organizations: Any, unit: str) -> set[str]:
    accounts = organizations.get_paginator("list_accounts_for_parent").paginate(ParentId=unit)
    found = {each["Id"] for page in accounts for each in page["Accounts"] if each["Status"] == "ACTIVE"}
    units = organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=unit)
    return found.union(*(_below(organizations, each["Id"]) for page in units for each in page["OrganizationalUnits"]))


def _wait(service_catalog: Any, token: str, portfolio: str, unit: str) -> None:
    found: Mapping[str, Any] = {"Status": "NOT_STARTED"}
    for _ in range(PATIENCE):
        found = service_catalog.describe_portfolio_share_status(PortfolioShareToken=token)
        if found["Status"] not in ("NOT_STARTED", "IN_PROGRESS"):
            break
        time.sleep(POLL_SECONDS)
    if found["Status"] != "COMPLETED":
        errors = found.get("ShareDetails", {}).get("ShareErrors", [])
        told = "; ".join(f"{', '.join(each.get('Accounts', []))}: {each.get('Message', '')}" for each in errors)
        raise DeploymentError(
            f"Portfolio {portfolio} could not be shared with each account of {unit}: it is {found['Status']}. {told} "
            "Mend the cause, then run the command again."
        )
