"""Portfolios: what they hold, and who may use them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, unique_id
from smproject.sandbox.servicecatalog.model import Portfolio
from smproject.sandbox.servicecatalog.pages import paginate
from smproject.sandbox.servicecatalog.state import State
from smproject.sandbox.servicecatalog.tag_options import associated, forget


class Portfolios:
    """The operations on portfolios, and on the products and principals in them."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create an empty portfolio."""
        name = f"port-{unique_id(13)}"
        portfolio = Portfolio(
            name, caller.arn_of("catalog", f"portfolio/{name}"), caller.account, request, request.get("Tags", [])
        )
        self.state.portfolios[name] = portfolio
        return {"PortfolioDetail": portfolio.describe(), "Tags": portfolio.tags}

    def describe_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a portfolio that the account owns or has accepted."""
        portfolio = self.state.portfolio(caller, request["Id"])
        options = associated(self.state, portfolio.id)
        return {
            "PortfolioDetail": portfolio.describe(),
            "Tags": portfolio.tags,
            "TagOptions": [option.describe() for option in options],
            "Budgets": [],
        }

    def list_portfolios(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's own portfolios."""
        own = [p.describe() for p in self.state.portfolios.values() if p.owner_account == caller.account]
        return paginate(own, request, "PortfolioDetails")

    def delete_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a portfolio without products, principals or shares."""
        portfolio = self.state.own_portfolio(caller, request["Id"])
        if portfolio.products or any(portfolio.principals.values()) or portfolio.shares:
            raise ServiceError(
                "ResourceInUseException", f"Portfolio {portfolio.id} still has products, principals or shares."
            )
        del self.state.portfolios[portfolio.id]
        forget(self.state, portfolio.id)
        return {}

    def associate_product_with_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Put a product into a portfolio; one of another account comes out of a portfolio that the caller sees."""
        self.state.product_for(caller, request["ProductId"], request.get("SourcePortfolioId", ""))
        self.state.own_portfolio(caller, request["PortfolioId"]).products.add(request["ProductId"])
        return {}

    def disassociate_product_from_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Take a product out of a portfolio."""
        self.state.own_portfolio(caller, request["PortfolioId"]).products.discard(request["ProductId"])
        return {}

    def list_portfolios_for_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the portfolios that hold a product."""
        found = [p.describe() for p in self.state.portfolios.values() if request["ProductId"] in p.products]
        return paginate(found, request, "PortfolioDetails")

    def associate_principal_with_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let a principal of the caller's account use a portfolio."""
        portfolio = self.state.portfolio(caller, request["PortfolioId"])
        _check_principal(request)
        portfolio.principals.setdefault(caller.account, set()).add((request["PrincipalARN"], request["PrincipalType"]))
        return {}

    def disassociate_principal_from_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Take that right back."""
        portfolio = self.state.portfolio(caller, request["PortfolioId"])
        mine = portfolio.principals.get(caller.account, set())
        mine.discard((request["PrincipalARN"], request.get("PrincipalType", "IAM")))
        return {}

    def list_principals_for_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List who may use a portfolio in the caller's account."""
        portfolio = self.state.portfolio(caller, request["PortfolioId"])
        mine = sorted(portfolio.principals.get(caller.account, set()))
        return paginate([{"PrincipalARN": arn, "PrincipalType": kind} for arn, kind in mine], request, "Principals")


def _check_principal(request: Request) -> None:
    parts = request["PrincipalARN"].split(":")
    needs_account = request["PrincipalType"] == "IAM"
    if len(parts) != 6 or bool(parts[4]) != needs_account:
        raise ServiceError(
            "InvalidParametersException",
            f"{request['PrincipalARN']} is not a valid {request['PrincipalType']} principal: "
            "IAM takes a full ARN, IAM_PATTERN one without an account id.",
        )
