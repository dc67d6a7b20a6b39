"""Whom portfolios are shared with: accounts, which accept, and nodes of the organization, which needn't."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, unique_id
from smproject.sandbox.servicecatalog import organization
from smproject.sandbox.servicecatalog.model import Portfolio, Share
from smproject.sandbox.servicecatalog.pages import paginate
from smproject.sandbox.servicecatalog.state import State, not_found

_TYPES = {"ACCOUNT": "ORGANIZATION_MEMBER_ACCOUNT"}  # what a node of the organization is called as a share


class Shares:
    """The operations on shares of portfolios."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.tokens: dict[str, tuple[str, tuple[str, str]]] = {}  # token -> portfolio and share

    def create_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Share a portfolio; a share that there is stays as it is."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        kind, principal = self._whom(request)
        node = request.get("OrganizationNode")
        _check_lending(kind, request)
        if node:
            organization.demand(self.state.world, caller, node["Type"], principal)
        flags = bool(request.get("ShareTagOptions")), bool(request.get("SharePrincipals"))
        portfolio.shares.setdefault((kind, principal), Share(kind, principal, *flags, accepted=bool(node)))
        return self._token(portfolio, kind, principal) if node else {}

    def update_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change what a share lends."""
        portfolio, share = self._find(caller, request)
        _check_lending(share.type, request)
        share.tag_options = request.get("ShareTagOptions", share.tag_options)
        share.principals = request.get("SharePrincipals", share.principals)
        token = self._token(portfolio, share.type, share.principal) if share.of_organization else {}
        return {**token, "Status": "COMPLETED"}

    def delete_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop sharing."""
        portfolio, share = self._find(caller, request)
        del portfolio.shares[share.type, share.principal]
        return self._token(portfolio, share.type, share.principal) if share.of_organization else {}

    def describe_portfolio_shares(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a portfolio's shares of one type."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        found = [share.describe() for share in portfolio.shares.values() if share.type == request["Type"]]
        return paginate(found, request, "PortfolioShareDetails")

    def describe_portfolio_share_status(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell how sharing with a node of the organization went; here it is done at once."""
        token = request["PortfolioShareToken"]
        name, key = self.tokens.get(token, ("", ("", "")))
        portfolio = self.state.portfolios.get(name)
        if portfolio is None or portfolio.owner_account != caller.account:
            raise not_found("Portfolio share", token)
        share = portfolio.shares.get(key)
        return {
            "PortfolioShareToken": token,
            "PortfolioId": name,
            "OrganizationNodeValue": key[1],
            "Status": "COMPLETED",
            "ShareDetails": {"SuccessfulShares": self.state.accounts(portfolio, share) if share else []},
        }

    def list_portfolio_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the accounts that a portfolio is shared with, those below a node of the organization if asked."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        found = {name for share in portfolio.shares.values() for name in self.state.accounts(portfolio, share)}
        if parent := request.get("OrganizationParentId"):
            kind = "ORGANIZATION" if parent.rpartition("/")[2].startswith("o-") else "ORGANIZATIONAL_UNIT"
            found &= organization.accounts(self.state.world, caller.account, kind, parent)
        return paginate(sorted(found), request, "AccountIds")

    def list_organization_portfolio_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the nodes of the organization that a portfolio is shared with."""
        portfolio, kind = self.state.own_portfolio(caller, request["PortfolioId"]), request["OrganizationNodeType"]
        wanted = _TYPES.get(kind, kind)
        shares = [share for share in portfolio.shares.values() if share.type == wanted]
        return paginate([{"Type": kind, "Value": share.principal} for share in shares], request, "OrganizationNodes")

    def list_accepted_portfolio_shares(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the portfolios that the account has by a share: accepted ones, its organization's, or both."""
        wanted = request.get("PortfolioShareType")
        if wanted == "AWS_SERVICECATALOG":
            raise ServiceError("InvalidParametersException", "The sandbox has no portfolios of AWS's own.")
        found = []
        for portfolio in list(self.state.portfolios.values()):
            share = None if portfolio.owner_account == caller.account else self.state.share(portfolio, caller.account)
            if share and wanted in (None, "AWS_ORGANIZATIONS" if share.of_organization else "IMPORTED"):
                found.append(portfolio.describe())
        return paginate(found, request, "PortfolioDetails")

    def accept_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Accept a portfolio that was shared with the account."""
        self._offered(caller, request).accepted = True
        return {}

    def reject_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Reject a portfolio that was shared with the account, or accept it no longer."""
        self._offered(caller, request).accepted = False
        return {}

    def enable_aws_organizations_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let the organization trust Service Catalog."""
        self._organizations(caller).enable_aws_service_access(ServicePrincipal=organization.TRUSTED)
        return {}

    def disable_aws_organizations_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let the organization trust Service Catalog no longer; shares stay."""
        self._organizations(caller).disable_aws_service_access(ServicePrincipal=organization.TRUSTED)
        return {}

    def get_aws_organizations_access_status(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell whether the organization trusts Service Catalog."""
        listed = self._organizations(caller).list_aws_service_access_for_organization()["EnabledServicePrincipals"]
        trusted = organization.TRUSTED in {service["ServicePrincipal"] for service in listed}
        return {"AccessStatus": "ENABLED" if trusted else "DISABLED"}

    def _organizations(self, caller: Caller) -> Any:
        return self.state.world.client("organizations", caller.credentials)

    def _whom(self, request: Request) -> tuple[str, str]:
        """Return type and principal of a share: an account, or a node of the organization."""
        node = request.get("OrganizationNode")
        if bool(node) == ("AccountId" in request):
            message = "Pass AccountId or OrganizationNode, one of them."
            raise ServiceError("InvalidParametersException", message)
        return (_TYPES.get(node["Type"], node["Type"]), node["Value"]) if node else ("ACCOUNT", request["AccountId"])

    def _find(self, caller: Caller, request: Request) -> tuple[Portfolio, Share]:
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        key = self._whom(request)
        if key not in portfolio.shares:
            raise not_found(f"Share of portfolio {portfolio.id} with", key[1])
        return portfolio, portfolio.shares[key]

    def _offered(self, caller: Caller, request: Request) -> Share:
        portfolio = self.state.portfolios.get(request["PortfolioId"])
        if portfolio is None or ("ACCOUNT", caller.account) not in portfolio.shares:
            raise not_found("Portfolio", request["PortfolioId"])
        return portfolio.shares["ACCOUNT", caller.account]

    def _token(self, portfolio: Portfolio, kind: str, principal: str) -> dict[str, Any]:
        token = f"share-{unique_id(13)}"
        self.tokens[token] = portfolio.id, (kind, principal)
        return {"PortfolioShareToken": token}


def _check_lending(kind: str, request: Request) -> None:
    """Refuse to lend names of principals to a single account.

    https://docs.aws.amazon.com/servicecatalog/latest/dg/API_CreatePortfolioShare.html
    """
    if request.get("SharePrincipals") and kind not in {"ORGANIZATION", "ORGANIZATIONAL_UNIT"}:
        message = "SharePrincipals is only supported for an OrganizationNode of ORGANIZATION or ORGANIZATIONAL_UNIT."
        raise ServiceError("InvalidParametersException", message)
