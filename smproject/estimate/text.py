"""An estimate as text for people."""

from collections.abc import Iterator
from pathlib import Path

from smproject.estimate import Estimate
from smproject.estimate.uses import ASSUMPTIONS


def lines(found: Estimate, path: Path) -> Iterator[str]:
    """Yield what it costs, on what that rests, and what is left out."""
    yield f"{found.template} in {found.region}, USD a month"
    for line in sorted(found.lines, key=lambda line: -line.cost):
        yield f"{line.cost:>10.2f}  {line.key}: {line.quantity:g} {line.unit}s at {line.price:g} ({line.what})"
    yield f"{found.total:>10.2f}  total"
    if found.lines:
        yield from _assumptions(found)
    if found.not_priced:
        yield from ("", "not priced", *(f"            {each}" for each in found.not_priced))
    if found.lines:
        days = " to ".join(dict.fromkeys((found.oldest_price, found.newest_price)))
        yield from ("", f"prices read {days}, in {path}")
        yield "without requests, transfer, volumes of instances, free allowances, discounts and taxes"


def _assumptions(found: Estimate) -> Iterator[str]:
    yield ""
    yield "assumed a month (change by --assume NAME=NUMBER; hours also by --hours-per-month)"
    for name, number in found.assumptions.items():
        yield f"{number:>10g}  {name}: {ASSUMPTIONS[name][1]}"
