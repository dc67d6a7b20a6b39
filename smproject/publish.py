"""Publish the catalogue: into Service Catalog or a bucket of the hub account, or into a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject import stacks
from smproject.catalog import PROJECTS, ROOT
from smproject.progress import Progress
from smproject.publishing import folder as folders
from smproject.publishing import hub, objects, wanted
from smproject.publishing.service_catalog import Choices, Target, choices
from smproject.seeds import version
from smproject.stacks import Stack


@dataclass(frozen=True)
class Publication:
    """What publishing left in the hub account, and what it had to do for that."""

    bucket: str
    stacks: tuple[Stack, ...]
    uploads: tuple[str, ...]
    # By id of this repository; none where the target is not Service Catalog.
    portfolios: dict[str, str]
    # Products with new, deprecated or retired versions, portfolios with other tag options, domains with a new tag.
    updates: tuple[str, ...]

    @property
    def portfolio_id(self) -> str:
        """Id of the portfolio of projects; empty where the target is not Service Catalog."""
        return self.portfolios.get(PROJECTS, "")

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return bool(self.uploads or self.updates) or any(stack.result != "unchanged" for stack in self.stacks)


@dataclass(frozen=True)
class Written:
    """A catalogue in a folder, and the files that had to be written."""

    folder: Path
    files: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return bool(self.files)


def publish(
    session: Any, principal: str | None, progress: Progress, root: Path = ROOT, chosen: Choices | None = None
) -> Publication:
    """Bring the hub account's Service Catalog up to date with this repository; does nothing twice.

    `principal` is the pattern of the roles that may create projects, or None to keep what there is; `chosen` holds
    the other choices, and the principal too. Raises AssemblyError when a template isn't assembled, and
    DeploymentError when AWS refuses.
    """
    offered = wanted.offered(root)
    with stacks.refusals("publish the catalogue"):
        bucket, role = _prepare(session, progress, root)
        name = bucket.outputs["CatalogBucketName"]
        uploads = _upload(session, name, wanted.by_content(offered), (), progress)
        target = Target(session, name, progress, root)
        made, portfolios, updates = _publish_portfolios(target, offered, chosen or choices(principal))
    return Publication(name, (bucket, role, *made), uploads, portfolios, tuple(updates))


def publish_to_s3(session: Any, progress: Progress, domains: Sequence[str] = (), root: Path = ROOT) -> Publication:
    """Bring the hub account's bucket up to date, from which SageMaker makes projects; does nothing twice.

    `domains` are Studio domains of the hub account that shall offer the templates. Raises as `publish` does.
    """
    offered = wanted.offered(root)
    with stacks.refusals("publish the catalogue"):
        bucket, role = _prepare(session, progress, root)
        name = bucket.outputs["CatalogBucketName"]
        uploads = _upload(session, name, wanted.by_content(offered), wanted.by_name(offered), progress)
        sagemaker = session.client("sagemaker") if domains else None
        tagged = tuple(each for each in domains if hub.tag_domain(sagemaker, each, name, progress))
    return Publication(name, (bucket, role), uploads, {}, tagged)


def publish_to_folder(folder: Path, progress: Progress, root: Path = ROOT) -> Written:
    """Bring a folder up to date with this repository; does nothing twice. Raises DeploymentError for another folder."""
    offered = wanted.offered(root)
    files = [*wanted.by_content(offered), *wanted.by_name(offered), *wanted.by_setup(root)]
    files.append(folders.index(files, version(root)))
    return Written(folder, tuple(folders.write(folder, each, progress) for each in folders.changes(folder, files)))


def _prepare(session: Any, progress: Progress, root: Path) -> tuple[Stack, Stack]:
    """Deploy the bucket and the launch roles, unless this isn't the hub."""
    account = session.client("sts").get_caller_identity()["Account"]
    hub.refuse_spoke(session, account)
    organization = hub.organization_of(session)
    cloudformation = session.client("cloudformation")
    bucket = hub.deploy_bucket(cloudformation, organization, progress, root)
    return bucket, hub.deploy_launch_role(cloudformation, bucket.outputs, account, progress, root)


def _upload(
    session: Any,
    bucket: str,
    by_content: Sequence[wanted.Object],
    by_name: Sequence[wanted.Object],
    progress: Progress,
) -> tuple[str, ...]:
    s3 = session.client("s3")
    return tuple(objects.put(s3, bucket, each, progress) for each in objects.missing(s3, bucket, by_content, by_name))


def _publish_portfolios(
    target: Target, offered: list[Any], chosen: Choices
) -> tuple[list[Stack], dict[str, str], list[str]]:
    """Publish each portfolio that has products: returns stacks, ids of portfolios, and what else was updated."""
    made: list[Stack] = []
    portfolios: dict[str, str] = {}
    updates: list[str] = []
    for portfolio in wanted.PORTFOLIOS:
        products = wanted.products(offered, portfolio)
        if not products:
            continue
        stack, tagged = target.deploy_portfolio(portfolio, chosen)
        portfolios[portfolio.id] = stack.outputs["PortfolioId"]
        made.append(stack)
        updates += [portfolio.id] * tagged
        for product, (deployed, updated) in zip(
            products, target.deploy_products(portfolio, portfolios[portfolio.id], products, chosen), strict=True
        ):
            made.append(deployed)
            updates += [product.template.id] * updated
    return made, portfolios, updates
