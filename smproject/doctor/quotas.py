"""The check of quotas, where Service Quotas tells them."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from smproject.doctor.check import HUB, check
from smproject.doctor.findings import NOTE, WARNING, Found
from smproject.doctor.place import Place, aws
from smproject.publishing.paging import every

_SERVICE = "servicecatalog"
_NEAR = 0.8  # of a quota
# What is counted, by how the name of its quota begins.
_COUNTED = {
    "portfolios": ("list_portfolios", "PortfolioDetails"),
    "products": ("search_products_as_admin", "ProductViewDetails"),
}


@check(
    "quotas",
    "Service Catalog's portfolios and products are well below their quotas.",
    WARNING,
    "https://docs.aws.amazon.com/general/latest/gr/servicecatalog.html",
    HUB,
)
def quotas(place: Place) -> Iterator[Found]:
    """Compare what there is with the quotas; says so where these can't be read."""
    try:
        found = _read(place)
    except ClientError as error:
        # Not every partition and endpoint tells a service's quotas.
        if error.response["Error"]["Code"] not in ("NoSuchResourceException", "NotImplemented", "UnknownOperation"):
            raise
        found = []
    limits = {kind: _limit(found, kind) for kind in _COUNTED}
    listing = aws("service-quotas", "list-service-quotas", "--service-code", _SERVICE)
    if unread := [kind for kind, limit in limits.items() if limit is None]:
        yield Found(f"the quotas of {' and '.join(unread)} are not readable here.", listing, severity=NOTE)
    for kind, limit in limits.items():
        count = len(every(place.client(_SERVICE), *_COUNTED[kind])) if limit else 0
        if limit and count >= _NEAR * limit["Value"]:
            words = ["--service-code", _SERVICE, "--quota-code", limit["QuotaCode"]]
            words += ["--desired-value", f"{2 * limit['Value']:g}"]
            command = aws("service-quotas", "request-service-quota-increase", *words)
            yield Found(f"{count} {kind} of at most {limit['Value']:g} are there.", command)


def _read(place: Place) -> list[dict[str, Any]]:
    pages = place.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode=_SERVICE)
    return [each for page in pages for each in page["Quotas"]]


def _limit(quotas_: list[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """The quota of a kind, `Portfolios per Region` and the like; None without one."""
    return next((each for each in quotas_ if each["QuotaName"].lower().split(" per ")[0] == kind), None)


CHECKS = (quotas,)
