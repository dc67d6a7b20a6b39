"""Write the price file anew through AWS's Price List API.

https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from smproject import catalog
from smproject.errors import DeploymentError
from smproject.estimate.prices import FILE, INSTANCES, ITEMS, Price, item, save
from smproject.stacks import refusals

# The API is offered in three Regions; each has the prices of all.
ENDPOINT_REGION = "us-east-1"
PREFIX = r"(?:[A-Z0-9]+-|[a-z]{2}-[a-z-]+-\d-)?"


def refresh(
    session: Any, region: str, progress: Callable[[str], None], path: Path = FILE, root: Path = catalog.ROOT
) -> dict[str, Price]:
    """Ask for every price of a Region and write those found; raises DeploymentError when AWS refuses or knows none."""
    client = session.client("pricing", region_name=ENDPOINT_REGION)
    today = datetime.now(timezone.utc).date().isoformat()
    found: dict[str, Price] = {}
    with refusals("tell its prices"):
        for key in keys(root):
            usd = _price(client, key, region)
            if usd is None:
                progress(f"{key}: no price in {region}")
            else:
                found[key] = Price(usd, today, f"Price List API, {item(key)[1]}")
    if not found:
        raise DeploymentError(f"The Price List API has no price for {region}. Check the name of the Region.")
    save(path, region, found)
    return found


def keys(root: Path = catalog.ROOT) -> list[str]:
    """Every price that an estimate may need: each item, and each use of the instance types that pipelines allow."""
    types = sorted(_instance_types(root))
    return [*ITEMS, *(f"sagemaker-{use}-{each}" for use in INSTANCES for each in types)]


def _instance_types(root: Path) -> set[str]:
    texts = [
        path.read_text() for path in (*root.glob("tests/golden/*.json"), *root.glob("pipelines/deploy/*/stages/*"))
    ]
    return {name for text in texts for name in re.findall(r"\bml\.[a-z0-9-]+\.[a-z0-9]+\b", text)}


def _price(client: Any, key: str, region: str) -> float | None:
    """The price of the first unit that isn't free; None when there is none."""
    service, usage, _ = item(key)
    filters = [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": region},
        {"Type": "CONTAINS", "Field": "usagetype", "Value": usage},
    ]
    pages = client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters)
    products = [json.loads(text) for page in pages for text in page["PriceList"]]
    # What contains the name may be another usage type: TimedStorage-ByteHrs is part of several.
    exact = re.compile(PREFIX + re.escape(usage))
    dimensions = [
        dimension
        for product in products
        if exact.fullmatch(product["product"]["attributes"].get("usagetype", ""))
        for dimension in _dimensions(product)
    ]
    paid = [(float(each.get("beginRange") or 0), float(each["pricePerUnit"]["USD"])) for each in dimensions]
    return min(((begin, usd) for begin, usd in paid if usd), default=(0, None))[1]


def _dimensions(product: Any) -> Iterator[Any]:
    for term in product["terms"].get("OnDemand", {}).values():
        yield from term["priceDimensions"].values()
