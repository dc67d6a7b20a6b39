"""Listings of hosting's resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from smproject.sandbox.service import Request, page


class Listed(Protocol):
    """A resource that can be listed."""

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""


def listing(resources: Mapping[str, Listed], prefix: str, request: Request, key: str, name: str) -> dict[str, Any]:
    """Return a page of the resources (by ARN) whose ARN begins with a prefix; `name` is the member with the name."""
    items = [resource.summary() for arn, resource in list(resources.items()) if arn.startswith(prefix)]
    found = [item for item in items if request.get("NameContains", "").lower() in item[name].lower()]
    wanted = request.get("StatusEquals")
    found = [item for item in found if wanted in (None, item.get("EndpointStatus"))]
    by = {"Name": name, "Status": "EndpointStatus"}.get(request.get("SortBy", ""), "CreationTime")
    found.sort(key=lambda item: str(item[by]), reverse=request.get("SortOrder", "Descending") == "Descending")
    return page(found, request, key)
