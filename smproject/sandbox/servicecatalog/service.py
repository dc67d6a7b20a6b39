"""The Service Catalog API."""

from __future__ import annotations

from smproject.sandbox.service import Handler, Service
from smproject.sandbox.servicecatalog.constraints import Constraints
from smproject.sandbox.servicecatalog.portfolios import Portfolios
from smproject.sandbox.servicecatalog.products import Products
from smproject.sandbox.servicecatalog.provisioning import Provisioning
from smproject.sandbox.servicecatalog.shares import Shares
from smproject.sandbox.servicecatalog.state import State
from smproject.sandbox.servicecatalog.tag_options import TagOptions
from smproject.sandbox.servicecatalog.updates import Updates
from smproject.sandbox.world import World


class ServiceCatalog(Service):
    """Portfolios, products and provisioning, over one state."""

    name = "servicecatalog"
    unsupported = frozenset({"ProvisioningPreferences", "SourceConnection"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        state = State(world)
        products = Products(state, world)
        self.parts = [
            Portfolios(state),
            Shares(state),
            Constraints(state),
            TagOptions(state),
            products,
            Provisioning(state, products),
            Updates(state),
        ]

    def handler(self, operation: str) -> Handler | None:
        """Find the operation among the parts."""
        return self.first_handler(self.parts, operation)
