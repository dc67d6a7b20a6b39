"""Share the portfolio with an account, and prepare the account for creating projects from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject import catalog, stacks
from smproject.catalog import ROOT
from smproject.publish import Progress, deploy_launch_role
from smproject.session import session_in
from smproject.stacks import Stack


@dataclass(frozen=True)
class Share:
    """A portfolio as an account has it."""

    portfolio_id: str
    account: str
    launch_role: Stack
    changed: bool


def share(session: Any, account: str, role_name: str, progress: Progress, root: Path = ROOT) -> Share:
    """Share the hub's portfolio with an account, accept it there, and let the account's roles use it.

    `role_name` is a role of that account which the hub's credentials may assume. Raises DeploymentError when the
    catalogue isn't published or AWS refuses.
    """
    with stacks.refusals(f"share the portfolio with account {account}"):
        cloudformation = session.client("cloudformation")
        bucket = stacks.outputs(cloudformation, stacks.stack_name(catalog.template("catalog-bucket", root)))
        portfolio_stack = stacks.stack_name(catalog.template("portfolio", root))
        portfolio = stacks.outputs(cloudformation, portfolio_stack)["PortfolioId"]
        pattern = stacks.parameters(cloudformation, portfolio_stack)["PortfolioPrincipalPattern"]
        hub = session.client("sts").get_caller_identity()["Account"]
        # First of all, so that nothing is shared with an account that can't be prepared.
        there = session_in(session, account, role_name)
        offered = _offer(session.client("servicecatalog"), portfolio, account, progress)
        role = deploy_launch_role(there.client("cloudformation"), bucket, hub, progress, root)
        service_catalog = there.client("servicecatalog")
        accepted = _accept(service_catalog, portfolio, progress)
        granted = _grant(service_catalog, portfolio, pattern, progress)
    return Share(portfolio, account, role, offered or accepted or granted or role.result != "unchanged")


def _offer(service_catalog: Any, portfolio: str, account: str, progress: Progress) -> bool:
    if account in _all(service_catalog, "list_portfolio_access", "AccountIds", PortfolioId=portfolio):
        return False
    service_catalog.create_portfolio_share(PortfolioId=portfolio, AccountId=account)
    progress(f"shared portfolio {portfolio} with account {account}")
    return True


def _accept(service_catalog: Any, portfolio: str, progress: Progress) -> bool:
    shares = _all(service_catalog, "list_accepted_portfolio_shares", "PortfolioDetails", PortfolioShareType="IMPORTED")
    if portfolio in [item["Id"] for item in shares]:
        return False
    service_catalog.accept_portfolio_share(PortfolioId=portfolio, PortfolioShareType="IMPORTED")
    progress(f"accepted portfolio {portfolio}")
    return True


def _grant(service_catalog: Any, portfolio: str, pattern: str, progress: Progress) -> bool:
    """Let the account's roles use the portfolio: what the hub granted counts in the hub alone."""
    principals = _all(service_catalog, "list_principals_for_portfolio", "Principals", PortfolioId=portfolio)
    if pattern in [item["PrincipalARN"] for item in principals]:
        return False
    service_catalog.associate_principal_with_portfolio(
        PortfolioId=portfolio, PrincipalARN=pattern, PrincipalType="IAM_PATTERN"
    )
    progress(f"granted portfolio {portfolio} to {pattern}")
    return True


def _all(client: Any, operation: str, key: str, **request: str) -> list[Any]:
    """Every item of a paged answer; Service Catalog has no paginator for each operation."""
    items: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = getattr(client, operation)(**request, **token)
        items += page.get(key) or []
        if not page.get("NextPageToken"):
            return items
        token = {"PageToken": page["NextPageToken"]}
