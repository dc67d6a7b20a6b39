"""The shared state of Service Catalog's operations, and the look-ups that refuse what a caller may not see."""

from __future__ import annotations

from dataclasses import dataclass, field

from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.servicecatalog.model import Constraint, Portfolio, Product, Provisioned, Record


def not_found(kind: str, name: str) -> ServiceError:
    """Return the error for something that does not exist or that the caller may not see."""
    return ServiceError("ResourceNotFoundException", f"{kind} {name} not found.")


@dataclass
class State:
    """All portfolios, products, constraints, provisioned products and records, by id."""

    portfolios: dict[str, Portfolio] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    provisioned: dict[str, Provisioned] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)

    def portfolio(self, caller: Caller, name: str) -> Portfolio:
        """Return a portfolio that the account owns or has accepted."""
        found = self.portfolios.get(name)
        if found is None or not found.visible_in(caller.account):
            raise not_found("Portfolio", name)
        return found

    def own_portfolio(self, caller: Caller, name: str) -> Portfolio:
        """Return a portfolio that the account owns."""
        found = self.portfolios.get(name)
        if found is None or found.owner_account != caller.account:
            raise not_found("Portfolio", name)
        return found

    def own_product(self, caller: Caller, name: str) -> Product:
        """Return a product that the account owns."""
        found = self.products.get(name)
        if found is None or found.owner_account != caller.account:
            raise not_found("Product", name)
        return found

    def launchable(self, caller: Caller) -> dict[str, list[Portfolio]]:
        """Return the products that the caller may launch, each with the portfolios it comes by."""
        found: dict[str, list[Portfolio]] = {}
        for portfolio in self.portfolios.values():
            if portfolio.usable_by(caller):
                for product in portfolio.products:
                    found.setdefault(product, []).append(portfolio)
        return found

    def constraint(self, portfolio: str, product: str) -> Constraint | None:
        """Return the launch constraint of a product in a portfolio."""
        pair = (portfolio, product)
        return next((c for c in self.constraints.values() if (c.portfolio, c.product) == pair), None)
