"""The target Service Catalog: two portfolios, a stack a product, and the products' versions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject import catalog, stacks
from smproject.catalog import ADMIN, PROJECTS, ROOT
from smproject.progress import Progress
from smproject.publishing import tag_options, versions
from smproject.publishing.hub import report
from smproject.publishing.tag_options import Tag
from smproject.publishing.wanted import Portfolio, Product
from smproject.stacks import Stack

# What a product's stack takes for no ARN: the launch role is then the one of its name in each account.
IN_EACH_ACCOUNT = "local"


@dataclass(frozen=True)
class Choices:
    """What a person may choose; what is None stays as it is.

    Principals are patterns of roles, launch roles names or ARNs; each for the portfolio of that id.
    """

    principals: dict[str, str | None]
    launch_roles: dict[str, str | None]
    tags: tuple[Tag, ...] | None = None


def choices(
    principal: str | None = None,
    admin_principal: str | None = None,
    launch_role: str | None = None,
    admin_launch_role: str | None = None,
    tags: Sequence[str] | None = None,
) -> Choices:
    """Read what was chosen on the command line; raises DeploymentError for what is no tag option."""
    return Choices(
        {PROJECTS: principal, ADMIN: admin_principal},
        {PROJECTS: launch_role, ADMIN: admin_launch_role},
        tag_options.parse(tags) if tags else None,
    )


def stack_of(portfolio: Portfolio, root: Path = ROOT) -> str:
    """Name of a portfolio's stack."""
    return stacks.stack_name(catalog.template("portfolio", root), portfolio.subject)


def portfolio_parameters(portfolio: Portfolio, before: dict[str, str], chosen: Choices) -> dict[str, str]:
    """What a portfolio's stack is given; `before` holds what it has."""
    principal = chosen.principals[portfolio.id] or before.get("PortfolioPrincipalPattern") or portfolio.principal
    return {
        "PortfolioName": portfolio.name,
        "PortfolioDescription": portfolio.description,
        "PortfolioPrincipalPattern": principal,
    }


def product_parameters(
    portfolio: Portfolio, before: dict[str, str], wanted: Product, role: str | None
) -> dict[str, str]:
    """What a product's stack is given, but for what other stacks make; `before` holds what it has."""
    return {
        "ProductTemplateId": wanted.template.id,
        "ProductDescription": wanted.template.description,
        "ProductVisibility": str(portfolio.in_studio).lower(),
        # The stack keeps the first version: those after it, and what becomes of them, are nothing that it knows.
        "ProductTemplateKey": before.get("ProductTemplateKey", wanted.key),
        "ProductVersion": before.get("ProductVersion", wanted.version),
        **_launch(role, before, portfolio.launch_role),
    }


@dataclass(frozen=True)
class Target:
    """Service Catalog of the hub account, and the bucket from which versions get their templates."""

    session: Any
    bucket: str
    progress: Progress
    root: Path = ROOT

    @property
    def cloudformation(self) -> Any:
        """CloudFormation in the hub account."""
        return self.session.client("cloudformation")

    @property
    def service_catalog(self) -> Any:
        """Service Catalog in the hub account."""
        return self.session.client("servicecatalog")

    def deploy_portfolio(self, portfolio: Portfolio, chosen: Choices) -> tuple[Stack, bool]:
        """Bring a portfolio's stack and its tag options up to date; tells whether tag options changed."""
        template, name = catalog.template("portfolio", self.root), stack_of(portfolio, self.root)
        before = stacks.parameters(self.cloudformation, name)
        parameters = portfolio_parameters(portfolio, before, chosen)
        made = stacks.deploy(self.cloudformation, template, parameters, portfolio.subject)
        report(made, self.progress)
        return made, self._tag(made.outputs["PortfolioId"], chosen.tags)

    def deploy_products(
        self, portfolio: Portfolio, portfolio_id: str, wanted: Sequence[Product], chosen: Choices
    ) -> Iterator[tuple[Stack, bool]]:
        """Bring each product's stack and versions up to date; tells of each whether versions changed."""
        for product in wanted:
            stack = self._deploy_product(portfolio, portfolio_id, product, chosen.launch_roles[portfolio.id])
            yield stack, self._update_versions(stack.outputs["ProductId"], product)

    def _deploy_product(self, portfolio: Portfolio, portfolio_id: str, wanted: Product, role: str | None) -> Stack:
        template = catalog.template("product", self.root)
        before = stacks.parameters(self.cloudformation, stacks.stack_name(template, wanted.template.id))
        parameters = product_parameters(portfolio, before, wanted, role)
        parameters |= {"ProductCatalogBucket": self.bucket, "ProductPortfolioId": portfolio_id}
        made = stacks.deploy(self.cloudformation, template, parameters, wanted.template.id)
        return report(made, self.progress)

    def _update_versions(self, product: str, wanted: Product) -> bool:
        todo = versions.changes(versions.read(self.service_catalog, product), wanted)
        versions.apply(self.service_catalog, product, todo, self._place(wanted.key), self.progress)
        return bool(todo)

    def _place(self, key: str) -> dict[str, str]:
        region = self.session.region_name
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return {"key": key, "url": f"https://{self.bucket}.s3.{region}.{suffix}/{key}"}

    def _tag(self, portfolio_id: str, tags: tuple[Tag, ...] | None) -> bool:
        if tags is None:
            return False
        todo = tag_options.changes(tag_options.read(self.service_catalog, portfolio_id), tags)
        if todo.add or todo.remove:
            tag_options.apply(self.service_catalog, portfolio_id, todo, self.progress)
        return bool(todo.add or todo.remove)


def _launch(role: str | None, before: dict[str, str], default: str) -> dict[str, str]:
    """The parameters that name the launch role: by its ARN, or by the name that it has in every account."""
    if role is None:
        wanted = {"ProductLaunchRoleArn": IN_EACH_ACCOUNT, "ProductLaunchRoleName": default}
        return {name: before.get(name, value) for name, value in wanted.items()}
    if role.startswith("arn:"):
        return {"ProductLaunchRoleArn": role, "ProductLaunchRoleName": default}
    return {"ProductLaunchRoleArn": IN_EACH_ACCOUNT, "ProductLaunchRoleName": role}
