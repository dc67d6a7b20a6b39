"""The shared state of Service Catalog's operations, and the look-ups that refuse what a caller may not see."""

from __future__ import annotations

from dataclasses import dataclass, field

from smproject.sandbox.service import Caller, ServiceError
from smproject.sandbox.servicecatalog import organization
from smproject.sandbox.servicecatalog.launches import Provisioned, Record
from smproject.sandbox.servicecatalog.model import Constraint, Portfolio, Product, Share, TagOption
from smproject.sandbox.world import World


def not_found(kind: str, name: str) -> ServiceError:
    """Return the error for something that does not exist or that the caller may not see."""
    return ServiceError("ResourceNotFoundException", f"{kind} {name} not found.")


@dataclass
class State:
    """All portfolios, products, constraints, tag options, provisioned products and records, by id."""

    world: World
    portfolios: dict[str, Portfolio] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    tag_options: dict[str, TagOption] = field(default_factory=dict)
    provisioned: dict[str, Provisioned] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)

    def share(self, portfolio: Portfolio, account: str) -> Share | None:
        """Return the share by which an account sees a portfolio: one it has accepted, or one of its organization."""
        direct = portfolio.shares.get(("ACCOUNT", account))
        if direct and direct.accepted:
            return direct
        nodes = (share for share in portfolio.shares.values() if share.of_organization)
        return next((share for share in nodes if account in self.accounts(portfolio, share)), None)

    def accounts(self, portfolio: Portfolio, share: Share) -> list[str]:
        """Return the accounts that a share reaches, now that the organization is as it is."""
        if share.type not in ("ORGANIZATION", "ORGANIZATIONAL_UNIT"):
            return [share.principal]
        found = organization.accounts(self.world, portfolio.owner_account, share.type, share.principal)
        return sorted(found - {portfolio.owner_account})

    def sees(self, portfolio: Portfolio, account: str) -> bool:
        """Tell whether an account owns a portfolio or has it by a share."""
        return account == portfolio.owner_account or self.share(portfolio, account) is not None

    def portfolio(self, caller: Caller, name: str) -> Portfolio:
        """Return a portfolio that the account owns or has by a share."""
        found = self.portfolios.get(name)
        if found is None or not self.sees(found, caller.account):
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

    def product_for(self, caller: Caller, name: str, source: str = "") -> Product:
        """Return a product of the account's own, or one of a portfolio that it sees or has put it into."""
        places = [self.portfolio(caller, source)] if source else self.portfolios.values()
        mine = (p for p in places if source or p.owner_account == caller.account)
        if name in self.products and any(name in portfolio.products for portfolio in mine):
            return self.products[name]
        return self.own_product(caller, name)

    def launchable(self, caller: Caller) -> dict[str, list[Portfolio]]:
        """Return the products that the caller may launch, each with the portfolios it comes by."""
        found: dict[str, list[Portfolio]] = {}
        for portfolio in list(self.portfolios.values()):
            share = None if caller.account == portfolio.owner_account else self.share(portfolio, caller.account)
            if (share or caller.account == portfolio.owner_account) and portfolio.grants(caller, share):
                for product in portfolio.products:
                    found.setdefault(product, []).append(portfolio)
        return found

    def constraint(self, portfolio: str, product: str, kind: str = "LAUNCH") -> Constraint | None:
        """Return the first constraint of a kind of a product in a portfolio."""
        return next(iter(self.constraints_of(portfolio, product, kind)), None)

    def constraints_of(self, portfolio: str, product: str, kind: str = "") -> list[Constraint]:
        """Return the constraints of a product in a portfolio, of one kind if asked."""
        pair = (portfolio, product)
        found = [c for c in list(self.constraints.values()) if (c.portfolio, c.product) == pair]
        return [constraint for constraint in found if kind in ("", constraint.type)]
