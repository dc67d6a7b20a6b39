"""Publish the catalogue in the hub account: bucket, templates and seeds, launch role, portfolio, products."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject import catalog, stacks
from smproject.assemble import is_current
from smproject.catalog import ROOT, Template
from smproject.errors import AssemblyError
from smproject.seeds import KEY_DIGITS, seed_key, seed_zip, version
from smproject.stacks import Stack

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Publication:
    """What publishing left in the hub account, and what it had to do for that."""

    bucket: str
    portfolio_id: str
    stacks: tuple[Stack, ...]
    uploads: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return bool(self.uploads) or any(stack.result != "unchanged" for stack in self.stacks)


def publish(session: Any, principal: str | None, progress: Progress, root: Path = ROOT) -> Publication:
    """Bring the hub account up to date with this repository; does nothing twice.

    `principal` is the pattern of the roles that may create projects, or None to keep what the stack has.
    Raises AssemblyError when a template isn't assembled, and DeploymentError when AWS refuses.
    """
    templates = catalog.templates(root)
    _refuse_stale(templates)
    with stacks.refusals("publish the catalogue"):
        cloudformation = session.client("cloudformation")
        bucket = deploy_bucket(session, cloudformation, root, progress)
        name = bucket.outputs["CatalogBucketName"]
        uploads = tuple(upload(session.client("s3"), name, templates, progress))
        account = session.client("sts").get_caller_identity()["Account"]
        role = deploy_launch_role(cloudformation, bucket.outputs, account, progress, root)
        portfolio = _deploy_portfolio(cloudformation, principal, progress, root)
        offered = {"ProductCatalogBucket": name, "ProductPortfolioId": portfolio.outputs["PortfolioId"]}
        products = _deploy_products(cloudformation, offered, progress, root)
    return Publication(name, portfolio.outputs["PortfolioId"], (bucket, role, portfolio, *products), uploads)


def deploy_launch_role(
    cloudformation: Any, bucket: Any, hub_account: str, progress: Progress, root: Path = ROOT
) -> Stack:
    """Deploy the launch role; `bucket` holds the outputs of the catalogue bucket's stack."""
    parameters = {
        "CatalogLocationBucket": bucket["CatalogBucketName"],
        "CatalogLocationKeyArn": bucket["CatalogBucketKeyArn"],
        "LaunchRoleHubAccountId": hub_account,
    }
    return report(stacks.deploy(cloudformation, catalog.template("launch-role", root), parameters), progress)


def report(stack: Stack, progress: Progress) -> Stack:
    """Tell what became of a stack, and hand it on."""
    progress(f"stack {stack.name}: {stack.result}")
    return stack


def template_key(template: Template) -> str:
    """Key of an assembled template in the catalogue's bucket, which names its content."""
    digest = hashlib.sha256(template.path.read_bytes()).hexdigest()
    return f"templates/{template.id}/{digest[:KEY_DIGITS]}.yaml"


def _refuse_stale(templates: list[Template]) -> None:
    for template in templates:
        if not is_current(template):
            raise AssemblyError(f"{template.path} isn't what its fragments and seeds make. Run: smproject assemble")


def deploy_bucket(session: Any, cloudformation: Any, root: Path, progress: Progress) -> Stack:
    """Deploy the catalogue's bucket, for the organization that the account belongs to."""
    organization = session.client("organizations").describe_organization()["Organization"]["Id"]
    template = catalog.template("catalog-bucket", root)
    return report(stacks.deploy(cloudformation, template, {"CatalogBucketOrganizationId": organization}), progress)


def upload(s3: Any, bucket: str, templates: list[Template], progress: Progress) -> Iterator[str]:
    """Upload what the bucket lacks; keys name the content, so what is there is right. Yields the keys."""
    for template in templates:
        if not template.is_product:
            continue
        objects = {seed_key(template, seed): seed_zip(template, seed) for seed in template.seeds}
        objects[template_key(template)] = template.path.read_bytes()
        for key, content in objects.items():
            if not _has(s3, bucket, key):
                s3.put_object(Bucket=bucket, Key=key, Body=content)
                progress(f"uploaded s3://{bucket}/{key}")
                yield key


def _has(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def _deploy_portfolio(cloudformation: Any, principal: str | None, progress: Progress, root: Path) -> Stack:
    template = catalog.template("portfolio", root)
    before = stacks.parameters(cloudformation, stacks.stack_name(template))
    pattern = principal or before.get("PortfolioPrincipalPattern")
    parameters = {"PortfolioPrincipalPattern": pattern} if pattern else {}
    return report(stacks.deploy(cloudformation, template, parameters), progress)


def _deploy_products(
    cloudformation: Any, offered: Mapping[str, str], progress: Progress, root: Path
) -> Iterator[Stack]:
    """Deploy a stack a product, all of one template; `offered` says by which portfolio and from which bucket."""
    product = catalog.template("product", root)
    for template in catalog.templates(root):
        if template.is_product:
            parameters = {
                **offered,
                "ProductTemplateId": template.id,
                "ProductDescription": template.description,
                "ProductTemplateKey": template_key(template),
                "ProductVersion": version(root),
            }
            yield report(stacks.deploy(cloudformation, product, parameters, template.id), progress)
