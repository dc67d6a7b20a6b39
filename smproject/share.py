"""Share the portfolios with an account or an organizational unit, and prepare accounts for creating projects."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject import catalog, stacks
from smproject.catalog import ROOT
from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.publishing import hub, sharing
from smproject.publishing.service_catalog import stack_of
from smproject.publishing.wanted import PORTFOLIOS
from smproject.session import session_in
from smproject.stacks import Stack


@dataclass(frozen=True)
class Share:
    """Portfolios as accounts have them, and the stack that each account got."""

    portfolios: tuple[str, ...]
    accounts: dict[str, Stack]
    offered: bool

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return self.offered or any(stack.result != "unchanged" for stack in self.accounts.values())


@dataclass(frozen=True)
class _Hub:
    """What the hub has published: the outputs of its bucket's stack, and who may use each portfolio."""

    account: str
    bucket: dict[str, str]
    portfolios: dict[str, str]


def share(  # noqa: PLR0913, PLR0917  # whom, as whom, and what of
    session: Any, account: str, role_name: str, progress: Progress, root: Path = ROOT, domains: Sequence[str] = ()
) -> Share:
    """Share the hub's portfolios with an account, accept them there, and let the account's roles use them.

    `role_name` is a role of that account which the hub's credentials may assume; `domains` are Studio domains there
    that shall offer the templates in S3. Raises DeploymentError, before anything is shared, when the catalogue isn't
    published, the account isn't of the organization, or lets nobody in.
    """
    with stacks.refusals(f"share the catalogue with account {account}"):
        found = _find(session, root)
        _refuse_hub(found, account)
        # First of all, so that nothing is shared with an account that can't be prepared.
        there = session_in(session, account, role_name)
        sharing.refuse_stranger(session.client("organizations"), account)
        here, servicecatalog = session.client("servicecatalog"), there.client("servicecatalog")
        offers = [sharing.offer_to_account(here, each, account, progress) for each in found.portfolios]
        role = hub.deploy_launch_role(there.client("cloudformation"), found.bucket, found.account, progress, root)
        for portfolio, pattern in found.portfolios.items():
            offers.append(sharing.accept(servicecatalog, portfolio, progress))
            offers.append(sharing.grant(servicecatalog, portfolio, pattern, progress))
        name = found.bucket["CatalogBucketName"]
        offers += [hub.tag_domain(there.client("sagemaker"), each, name, progress) for each in domains]
    return Share(tuple(found.portfolios), {account: role}, any(offers))


def share_with_unit(session: Any, unit: str, role_name: str, progress: Progress, root: Path = ROOT) -> Share:
    """Share the hub's portfolios with an organizational unit, and prepare each account in it.

    Nothing is to be accepted there, and whoever may use a portfolio in the hub may by the name of the role; accounts
    that join later are prepared by sharing again. Raises DeploymentError, before anything is shared, when the
    catalogue isn't published, there is no such unit, or one of its accounts lets nobody in.
    """
    with stacks.refusals(f"share the catalogue with organizational unit {unit}"):
        found = _find(session, root)
        accounts = [
            each for each in sharing.accounts_of(session.client("organizations"), unit) if each != found.account
        ]
        here = session.client("servicecatalog")
        if found.portfolios:
            sharing.refuse_distrust(here)
        there = {account: session_in(session, account, role_name) for account in accounts}
        offers = [sharing.offer_to_unit(here, each, unit, progress) for each in found.portfolios]
        made = {
            account: hub.deploy_launch_role(
                opened.client("cloudformation"), found.bucket, found.account, _of(account, progress), root
            )
            for account, opened in there.items()
        }
    return Share(tuple(found.portfolios), made, any(offers))


def _find(session: Any, root: Path) -> _Hub:
    """What is published: in a bucket at least, and in portfolios if the target was Service Catalog."""
    cloudformation = session.client("cloudformation")
    bucket = stacks.outputs(cloudformation, stacks.stack_name(catalog.template("catalog-bucket", root)))
    found = {}
    for portfolio in PORTFOLIOS:
        if stack := stacks.find(cloudformation, stack_of(portfolio, root)):
            parameters = stacks.parameters_of(stack)
            found[stacks.outputs_of(stack)["PortfolioId"]] = parameters["PortfolioPrincipalPattern"]
    return _Hub(session.client("sts").get_caller_identity()["Account"], bucket, found)


def _refuse_hub(found: _Hub, account: str) -> None:
    if account == found.account:
        raise DeploymentError(
            f"Account {account} is the hub itself: `smproject publish` has prepared it. Name another account."
        )


def _of(account: str, progress: Progress) -> Progress:
    return lambda line: progress(f"account {account}: {line}")
