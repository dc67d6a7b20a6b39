"""Portfolios: what they hold, whom they are shared with, who may use them."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, page, unique_id
from smproject.sandbox.servicecatalog.model import Constraint, Portfolio
from smproject.sandbox.servicecatalog.state import State, not_found


class Portfolios:
    """The operations on portfolios, shares, associations and launch constraints."""

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
        return {"PortfolioDetail": portfolio.describe(), "Tags": portfolio.tags, "TagOptions": [], "Budgets": []}

    def list_portfolios(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's own portfolios."""
        own = [p.describe() for p in self.state.portfolios.values() if p.owner_account == caller.account]
        return paginate(own, request, "PortfolioDetails")

    def list_accepted_portfolio_shares(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the portfolios that were shared with the account and accepted."""
        found = [p.describe() for p in self.state.portfolios.values() if caller.account in p.shared & p.accepted]
        return paginate(found, request, "PortfolioDetails")

    def delete_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a portfolio without products, principals or shares."""
        portfolio = self.state.own_portfolio(caller, request["Id"])
        if portfolio.products or any(portfolio.principals.values()) or portfolio.shared:
            raise ServiceError(
                "ResourceInUseException", f"Portfolio {portfolio.id} still has products, principals or shares."
            )
        del self.state.portfolios[portfolio.id]
        return {}

    def create_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Share a portfolio with one account."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        if "AccountId" not in request:
            raise ServiceError(
                "InvalidParametersException", "The sandbox shares portfolios with accounts only: pass AccountId."
            )
        portfolio.shared.add(request["AccountId"])
        return {}

    def delete_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop sharing with an account."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        portfolio.shared.discard(request.get("AccountId", ""))
        portfolio.accepted.discard(request.get("AccountId", ""))
        return {}

    def list_portfolio_access(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the accounts a portfolio is shared with."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        return {"AccountIds": sorted(portfolio.shared)}

    def accept_portfolio_share(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Accept a portfolio that was shared with the account."""
        portfolio = self.state.portfolios.get(request["PortfolioId"])
        if portfolio is None or caller.account not in portfolio.shared:
            raise not_found("Portfolio", request["PortfolioId"])
        portfolio.accepted.add(caller.account)
        return {}

    def associate_product_with_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Put a product into a portfolio."""
        self.state.own_product(caller, request["ProductId"])
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

    def create_constraint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a launch constraint: one for a product and portfolio, with RoleArn or LocalRoleName."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        product = self.state.own_product(caller, request["ProductId"])
        if request["Type"] != "LAUNCH":
            raise ServiceError(
                "InvalidParametersException", f"The sandbox has no {request['Type']} constraints, only LAUNCH."
            )
        parameters = launch_parameters(request["Parameters"])
        if self.state.constraint(portfolio.id, product.id):
            raise ServiceError(
                "DuplicateResourceException", f"{product.id} already has a launch constraint in {portfolio.id}."
            )
        made = Constraint(
            f"cons-{unique_id(13)}",
            portfolio.id,
            product.id,
            caller.account,
            parameters,
            request.get("Description", ""),
        )
        self.state.constraints[made.id] = made
        return {
            "ConstraintDetail": made.describe(),
            "ConstraintParameters": request["Parameters"],
            "Status": "AVAILABLE",
        }

    def list_constraints_for_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a portfolio's constraints."""
        portfolio = self.state.portfolio(caller, request["PortfolioId"])
        found = [c.describe() for c in self.state.constraints.values() if c.portfolio == portfolio.id]
        return paginate(found, request, "ConstraintDetails")

    def delete_constraint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a constraint."""
        constraint = self.state.constraints.get(request["Id"])
        if constraint is None or constraint.owner != caller.account:
            raise not_found("Constraint", request["Id"])
        del self.state.constraints[constraint.id]
        return {}


def paginate(items: list[Any], request: Request, key: str) -> dict[str, Any]:
    """Cut one page in Service Catalog's spelling of tokens."""
    found = page(items, request, key, size="PageSize", token="PageToken", default=20)
    return {("NextPageToken" if name == "PageToken" else name): value for name, value in found.items()}


def launch_parameters(text: str) -> dict[str, str]:
    """Read a launch constraint's parameters; raises ServiceError unless they name one role in one way."""
    try:
        parameters: dict[str, str] = json.loads(text)
    except json.JSONDecodeError as error:
        raise ServiceError("InvalidParametersException", f"Parameters must be JSON: {error}") from error
    if not isinstance(parameters, dict) or set(parameters) not in ({"RoleArn"}, {"LocalRoleName"}):
        message = "A launch constraint takes RoleArn or LocalRoleName, one of them."
        raise ServiceError("InvalidParametersException", message)
    return parameters


def _check_principal(request: Request) -> None:
    parts = request["PrincipalARN"].split(":")
    needs_account = request["PrincipalType"] == "IAM"
    if len(parts) != 6 or bool(parts[4]) != needs_account:
        raise ServiceError(
            "InvalidParametersException",
            f"{request['PrincipalARN']} is not a valid {request['PrincipalType']} principal: "
            "IAM takes a full ARN, IAM_PATTERN one without an account id.",
        )
