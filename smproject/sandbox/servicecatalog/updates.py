"""Changes of what exists: portfolios, products, and versions that go."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.servicecatalog.state import State, not_found

_PORTFOLIO = ("DisplayName", "Description", "ProviderName")
_PRODUCT = ("Name", "Owner", "Description", "Distributor", "SupportDescription", "SupportEmail", "SupportUrl")


class Updates:
    """The operations that change portfolios, products and versions."""

    def __init__(self, state: State) -> None:
        self.state = state

    def update_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change what a portfolio is called and says, and its tags."""
        portfolio = self.state.own_portfolio(caller, request["Id"])
        portfolio.details = portfolio.details | {name: request[name] for name in _PORTFOLIO if name in request}
        portfolio.tags = _retagged(portfolio.tags, request)
        return {"PortfolioDetail": portfolio.describe(), "Tags": portfolio.tags}

    def update_product(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change what a product is called and says, and its tags."""
        product = self.state.own_product(caller, request["Id"])
        product.details = product.details | {name: request[name] for name in _PRODUCT if name in request}
        product.tags = _retagged(product.tags, request)
        return {"ProductViewDetail": product.view(), "Tags": product.tags}

    def delete_provisioning_artifact(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a version; a product keeps at least one."""
        product, name = self.state.own_product(caller, request["ProductId"]), request["ProvisioningArtifactId"]
        if name not in product.artifacts:
            raise not_found("Provisioning artifact", name)
        if len(product.artifacts) == 1:
            raise ServiceError("ResourceInUseException", f"{name} is the last provisioning artifact of {product.id}.")
        del product.artifacts[name]
        return {}


def _retagged(tags: list[dict[str, str]], request: Request) -> list[dict[str, str]]:
    added: list[dict[str, str]] = request.get("AddTags", [])
    gone = {*request.get("RemoveTags", []), *(tag["Key"] for tag in added)}
    return [tag for tag in tags if tag["Key"] not in gone] + added
