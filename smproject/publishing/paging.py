"""Pages of Service Catalog's answers; it has no paginator for each operation."""

from typing import Any


def every(client: Any, operation: str, key: str, **request: Any) -> list[Any]:
    """Every item of a paged answer; tag options call the token of the next page otherwise."""
    items: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = getattr(client, operation)(**request, **token)
        items += page.get(key) or []
        following = page.get("NextPageToken") or page.get("PageToken")
        if not following:
            return items
        token = {"PageToken": following}
