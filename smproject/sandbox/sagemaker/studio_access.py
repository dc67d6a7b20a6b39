"""How people get into Studio: addresses for user profiles, the applications that run there, and Service Catalog in it.

Nothing answers at the addresses, and no application runs: CreateApp is refused.
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.sagemaker.records import Facts
from smproject.sandbox.sagemaker.studio import Studio
from smproject.sandbox.service import Caller, Request, ServiceError, page, unique_id


class StudioAccess:
    """The operations on addresses and applications."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def create_presigned_domain_url(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return an address with a token for a user profile, and for a space of the domain if one is named."""
        domain = self.studio.domain(caller, request)
        self._profile(caller, request)
        if "SpaceName" in request:
            self.studio.spaces.find(_arn(caller, "space", request, "SpaceName"))
        return {"AuthorizedUrl": f"{domain['Url']}/auth?token={unique_id(64)}"}

    def list_apps(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List applications: there are none, since none can be created."""
        return page([], request, "Apps")

    def create_app(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse to start an application."""
        self.studio.domain(caller, request)
        message = (
            f"The sandbox runs no {request['AppType']}: run its code on your machine, with the sandbox's profiles."
        )
        raise ServiceError("NotImplemented", message)

    def _profile(self, caller: Caller, request: Request) -> Facts:
        return self.studio.profiles.find(_arn(caller, "user-profile", request, "UserProfileName"))


class StudioCatalog:
    """Whether SageMaker may make projects of Service Catalog's products, a setting of each account and Region."""

    def __init__(self) -> None:
        self.enabled: dict[str, bool] = {}  # by the ARN's beginning, which names both

    def enable_sagemaker_servicecatalog_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Enable it; AWS also shares a portfolio of its own, which the sandbox does not have."""
        self.enabled[caller.arn_of("sagemaker", "")] = True
        return {}

    def disable_sagemaker_servicecatalog_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Disable it; what was made stays."""
        self.enabled[caller.arn_of("sagemaker", "")] = False
        return {}

    def get_sagemaker_servicecatalog_portfolio_status(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Tell whether it is enabled."""
        return {"Status": "Enabled" if self.enabled.get(caller.arn_of("sagemaker", "")) else "Disabled"}


def _arn(caller: Caller, kind: str, request: Request, name: str) -> str:
    return caller.arn_of("sagemaker", f"{kind}/{request['DomainId']}/{request[name]}")
