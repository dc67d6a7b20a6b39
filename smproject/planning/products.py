"""Products: the template that people get now, beside the one that they would get."""

from dataclasses import replace
from typing import Any

import yaml
from botocore.exceptions import ClientError

from smproject.catalog import Template
from smproject.looking import reading
from smproject.planning import templates
from smproject.planning.changes import BLOCKED, NEW, UNCHANGED, UPDATE, ProductChange, StackChange, Value
from smproject.planning.live import Account
from smproject.planning.templates import TemplateChange
from smproject.publishing import objects, versions
from smproject.publishing.service_catalog import IN_EACH_ACCOUNT, product_parameters
from smproject.publishing.versions import Version
from smproject.publishing.wanted import Portfolio, Product, key_of, template_key

NOT_THERE = "its published template is not where publishing put it: not compared"
NOT_READ = "its published template can't be read: not compared"


def launched(
    account: Account, portfolio: Portfolio, made: dict[str, str], wanted: Product, role: str | None
) -> ProductChange:
    """Say what becomes of a product of Service Catalog; `made` is what its stack is given of other stacks."""
    live = account.live("product", wanted.template.id)
    given = {**product_parameters(portfolio, live.parameters, wanted, role), **made}
    stack = account.change(live, "product", given)
    launch = Value("launch role", _launch(live.parameters), _launch(given))
    told = ProductChange(wanted.template.id, stack.action, None, digest(wanted.key), stack=stack, launch_role=launch)
    if "ProductId" not in live.outputs:
        return replace(told, create=wanted.version)
    try:
        there = versions.read(account.session.client("servicecatalog"), live.outputs["ProductId"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        reason = f"Stack {live.name} is there, and its product {live.outputs['ProductId']} is gone: delete the stack."
        return replace(told, action=BLOCKED, stack=StackChange(live.name, BLOCKED, reason))
    return _versioned(account, told, there, wanted, made["ProductCatalogBucket"])


def _versioned(
    account: Account, told: ProductChange, there: list[Version], wanted: Product, bucket: str
) -> ProductChange:
    """Add what becomes of its versions."""
    todo = versions.changes(there, wanted)
    newest = max(there, key=lambda each: each.created, default=None)
    names = {each.id: each.name for each in there}
    found = replace(
        told,
        action=UPDATE if todo and told.action == UNCHANGED else told.action,
        before=digest(newest.key) if newest else None,
        create=todo.create,
        deprecate=tuple(names[each] for each in todo.deprecate),
        retire=tuple(names[each] for each in todo.retire),
    )
    if not (todo.create and newest):
        return found
    text = objects.content(account.session.client("s3"), bucket, newest.key) if newest.key else None
    change, note = against(text, wanted.template)
    return replace(found, template=change, note=note)


def filed(template: Template, content: bytes | None) -> ProductChange:
    """Say what becomes of a template that people find as a file, in a bucket or in a folder."""
    after = digest(template_key(template))
    if content is None:
        return ProductChange(template.id, NEW, None, after)
    before = digest(key_of(template.id, content))
    if before == after:
        return ProductChange(template.id, UNCHANGED, before, after)
    change, note = against(content, template)
    return ProductChange(template.id, UPDATE, before, after, template=change, note=note)


def against(content: bytes | None, template: Template) -> tuple[TemplateChange | None, str]:
    """Compare a published template with the new one; else say why that can't be."""
    if content is None:
        return None, NOT_THERE
    try:
        before: Any = templates.read(content.decode())
    except (ValueError, TypeError, yaml.YAMLError):
        return None, NOT_READ
    return templates.compare(before, reading.read(template.path)), ""


def digest(key: str) -> str:
    """The name of a template's content, which its key holds."""
    return key.rpartition("/")[2].removesuffix(".yaml")


def _launch(parameters: dict[str, str]) -> str | None:
    """The role that launches a product: an ARN, or a name in each account."""
    arn = parameters.get("ProductLaunchRoleArn", IN_EACH_ACCOUNT)
    return parameters.get("ProductLaunchRoleName") if arn == IN_EACH_ACCOUNT else arn
