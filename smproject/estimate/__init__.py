"""What a project of a template costs a month, by a file of prices and by assumptions about its use."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from smproject.catalog import Template
from smproject.errors import CatalogError
from smproject.estimate.prices import FILE, Price, item, load
from smproject.estimate.uses import ASSUMPTIONS, Project, Use
from smproject.looking.pipelines import sagemaker_pipelines
from smproject.looking.reading import read


@dataclass(frozen=True)
class Line:
    """USD a month for what is used, with the price and the day on which that was read."""

    key: str
    what: str
    quantity: float
    unit: str
    price: float
    cost: float
    read: str
    source: str


@dataclass(frozen=True)
class Estimate:
    """The lines and their sum, what was assumed, and what has no price."""

    template: str
    region: str
    total: float
    lines: tuple[Line, ...]
    assumptions: Mapping[str, float]
    not_priced: tuple[str, ...]
    oldest_price: str
    newest_price: str


def estimate(
    template: Template, region: str, parameters: Mapping[str, str], assumptions: Mapping[str, float], path: Path = FILE
) -> Estimate:
    """Estimate a template's cost; raises CatalogError for unknown names, and without prices of the Region."""
    _refuse_unknown("parameter", parameters, _parameters(template))
    _refuse_unknown("assumption", assumptions, ASSUMPTIONS)
    prices = load(path, region)
    project = Project(template, parameters, {**{key: value for key, (value, _) in ASSUMPTIONS.items()}, **assumptions})
    uses = [use for use in _summed(project.uses()) if use.quantity]
    lines = tuple(_line(use, prices[use.key]) for use in uses if use.key in prices)
    missing = [
        f"{use.quantity:g} {item(use.key)[2]}s of {use.key} ({use.what})" for use in uses if use.key not in prices
    ]
    days = sorted(line.read for line in lines)
    total = round(sum(line.cost for line in lines), 2)
    oldest, newest = (days[0], days[-1]) if days else ("", "")
    return Estimate(template.id, region, total, lines, project.assumed, (*missing, *project.unknown()), oldest, newest)


def _parameters(template: Template) -> set[str]:
    pipelines = sagemaker_pipelines(template)
    decided = {step.instance_parameter for pipeline in pipelines for step in pipeline.steps if step.instance_parameter}
    return decided | set(read(template.path).get("Parameters", {}))


def _refuse_unknown(kind: str, given: Iterable[str], known: Iterable[str]) -> None:
    for name in given:
        if name not in known:
            raise CatalogError(f"There is no {kind} {name!r}. Use one of: {', '.join(sorted(known)) or 'none'}.")


def _summed(uses: Iterator[Use]) -> list[Use]:
    """Bring uses of the same price together."""
    found: dict[str, list[Use]] = {}
    for use in uses:
        found.setdefault(use.key, []).append(use)
    return [
        Use(key, sum(use.quantity for use in each), ", ".join(dict.fromkeys(use.what for use in each)))
        for key, each in found.items()
    ]


def _line(use: Use, price: Price) -> Line:
    cost = round(use.quantity * price.price, 4)
    return Line(use.key, use.what, use.quantity, item(use.key)[2], price.price, cost, price.read, price.source)
