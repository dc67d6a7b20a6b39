"""Checks of portfolios and products: shares, principals, launch constraints, visibility and versions."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from smproject import stacks
from smproject.catalog import ADMIN, PROJECTS
from smproject.doctor import roles
from smproject.doctor.check import HUB, USER, check
from smproject.doctor.findings import ERROR, WARNING, Found
from smproject.doctor.place import Place, aws, quietly
from smproject.publishing import sharing, versions, wanted
from smproject.publishing.paging import every
from smproject.publishing.wanted import VISIBLE, Product

_GUIDE = "https://docs.aws.amazon.com/servicecatalog/latest/adminguide"
_STUDIO = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html"
_ACCEPTED = ("IMPORTED", "AWS_ORGANIZATIONS")
_OPTIONS = {PROJECTS: "--launch-role", ADMIN: "--admin-launch-role"}


@check(
    "portfolio-share",
    "The portfolios are shared with the account, and accepted there.",
    ERROR,
    f"{_GUIDE}/catalogs_portfolios_sharing_how-to-share.html",
    USER,
    fixes=True,
)
def share(place: Place) -> Iterator[Found]:
    """Look for each portfolio among those that the account has."""
    client = place.client("servicecatalog")
    has = {key for kind in _ACCEPTED for key in _has(place, kind)}
    for portfolio in place.published.portfolios:
        if portfolio in has:
            continue
        if place.account in sharers(place.hub, portfolio, "ACCOUNT"):
            words = ["--portfolio-id", portfolio, "--portfolio-share-type", "IMPORTED"]
            yield Found(
                f"portfolio {portfolio} is offered, and not accepted.",
                aws("servicecatalog", "accept-portfolio-share", *words),
                partial(sharing.accept, client, portfolio, quietly),
            )
        else:
            yield Found(f"portfolio {portfolio} is not shared with the account.", place.preparation)


@check(
    "portfolio-principal",
    "The roles that shall use a portfolio are associated with it.",
    ERROR,
    f"{_GUIDE}/catalogs_portfolios_users.html",
    fixes=True,
)
def principal(place: Place) -> Iterator[Found]:
    """Look for the hub's pattern in the hub, and in accounts that were given a portfolio without its principals."""
    client = place.client("servicecatalog")
    has = place.published.portfolios if place.is_hub else _has(place, "IMPORTED")
    for portfolio, pattern in place.published.patterns.items():
        principals = (
            every(client, "list_principals_for_portfolio", "Principals", PortfolioId=portfolio)
            if portfolio in has
            else []
        )
        if portfolio in has and pattern not in [each["PrincipalARN"] for each in principals]:
            words = ["--portfolio-id", portfolio, "--principal-arn", pattern, "--principal-type", "IAM_PATTERN"]
            yield Found(
                f"portfolio {portfolio} is not associated with {pattern}.",
                aws("servicecatalog", "associate-principal-with-portfolio", *words),
                partial(sharing.grant, client, portfolio, pattern, quietly),
            )


@check(
    "launch-constraint",
    "Each product has one launch constraint, and its role is in each account that uses it.",
    ERROR,
    f"{_GUIDE}/constraints-launch.html",
)
def launch_constraint(place: Place) -> Iterator[Found]:
    """Read the hub's constraints, and look for their roles in the place."""
    # Of these, the checks of launch roles and of stacks tell.
    told = {*roles.names(place).values()} or {each.launch_role for each in place.published.portfolios.values()}
    for portfolio, product, name in _products(place):
        role, own = _launch_role(place, portfolio, product), place.published.portfolios[portfolio]
        if not role and place.is_hub:
            words = ["--portfolio-id", portfolio, "--product-id", product, "--type", "LAUNCH"]
            words += ["--parameters", json.dumps({"LocalRoleName": own.launch_role})]
            yield Found(f"product {name} has no launch constraint.", aws("servicecatalog", "create-constraint", *words))
        elif role and _is_here(place, role) and role not in told and not roles.find(place, role):
            told.add(role)
            command = f"smproject publish {_OPTIONS[own.id]} {own.launch_role}"
            yield Found(f"role {role}, which launches product {name}, is missing.", command)


@check(
    "product-visibility",
    "Studio is offered the products of projects, and no others.",
    WARNING,
    _STUDIO,
    HUB,
    fixes=True,
)
def visibility(place: Place) -> Iterator[Found]:
    """Look at the tag of each product."""
    client = place.client("servicecatalog")
    ((key, value),) = VISIBLE.items()
    for portfolio, product, name in _products(place):
        tags = client.describe_product_as_admin(Id=product).get("Tags", [])
        is_seen = {"Key": key, "Value": value} in tags
        if is_seen == place.published.portfolios[portfolio].in_studio:
            continue
        change: dict[str, Any] = {"RemoveTags": [key]} if is_seen else {"AddTags": [{"Key": key, "Value": value}]}
        words = ["--remove-tags", key] if is_seen else ["--add-tags", f"Key={key},Value={value}"]
        yield Found(
            f"product {name} is {'offered in Studio' if is_seen else 'hidden from Studio'}.",
            aws("servicecatalog", "update-product", "--id", product, *words),
            partial(client.update_product, Id=product, **change),
        )


@check(
    "product-version",
    "The newest version of each product is this repository's template, and older ones are out of use.",
    WARNING,
    f"{_GUIDE}/productmgmt-newversion.html",
    HUB,
)
def version(place: Place) -> Iterator[Found]:
    """Compare the products and their versions with this repository."""
    client, offered = place.client("servicecatalog"), place.published.offered
    known = {name: product for _, product, name in _products(place)}
    for portfolio in place.published.portfolios.values():
        for each in wanted.products(offered, portfolio):
            if each.template.id not in known:
                yield Found(f"there is no product {each.template.id}.", "smproject publish")
            elif told := _behind(versions.read(client, known[each.template.id]), each):
                yield Found(f"product {each.template.id} {told}.", "smproject publish")


def sharers(session: Any, portfolio: str, kind: str) -> list[str]:
    """Ids of the accounts, or organizational units, that the hub shares a portfolio with."""
    client = session.client("servicecatalog")
    shares = every(client, "describe_portfolio_shares", "PortfolioShareDetails", PortfolioId=portfolio, Type=kind)
    return [share["PrincipalId"].rpartition("/")[2] for share in shares]


def _has(place: Place, kind: str) -> set[str]:
    client = place.client("servicecatalog")
    shares = every(client, "list_accepted_portfolio_shares", "PortfolioDetails", PortfolioShareType=kind)
    return {each["Id"] for each in shares}


def _behind(found: list[versions.Version], product: Product) -> str:
    todo = versions.changes(found, product)
    if todo.create:
        newest = max(found, key=lambda each: each.created, default=None)
        return f"is at {newest.name if newest else 'no version'}, this repository at {product.version}"
    return "has older versions that people may still launch" if todo else ""


def _products(place: Place) -> list[tuple[str, str, str]]:
    """Portfolio, id and name of each product that this tool has published, as its stacks say."""
    return place.once("products", lambda: list(_find_products(place)))


def _find_products(place: Place) -> Iterator[tuple[str, str, str]]:
    cloudformation = place.hub.client("cloudformation")
    template = place.published.template("product")
    for each in place.published.offered:
        if stack := stacks.find(cloudformation, stacks.stack_name(template, each.id)):
            yield stacks.parameters_of(stack)["ProductPortfolioId"], stacks.outputs_of(stack)["ProductId"], each.id


def _launch_role(place: Place, portfolio: str, product: str) -> str:
    """Name or ARN of the role in a product's launch constraint; empty without one."""
    client = place.hub.client("servicecatalog")
    found = every(
        client, "list_constraints_for_portfolio", "ConstraintDetails", PortfolioId=portfolio, ProductId=product
    )
    for each in found:
        if each["Type"] == "LAUNCH":
            text = client.describe_constraint(Id=each["ConstraintId"])["ConstraintParameters"]
            parameters = json.loads(text)
            return str(parameters.get("LocalRoleName") or parameters["RoleArn"])
    return ""


def _is_here(place: Place, role: str) -> bool:
    """Whether a role is to be looked for in a place: a name in each account, an ARN in its own."""
    return not role.startswith("arn:") or role.split(":")[4] == place.account


CHECKS = (share, principal, launch_constraint, visibility, version)
