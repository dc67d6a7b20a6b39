"""Pages of listings, as Service Catalog spells their members."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Request, page


def paginate(items: list[Any], request: Request, key: str) -> dict[str, Any]:
    """Cut one page in Service Catalog's spelling of tokens."""
    found = page(items, request, key, size="PageSize", token="PageToken", default=20)
    return {("NextPageToken" if name == "PageToken" else name): value for name, value in found.items()}
