"""The plan of a publication: what `smproject.publish` would do, found by reading alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject import stacks
from smproject.catalog import ROOT, Template
from smproject.planning import products
from smproject.planning.changes import (
    BLOCKED,
    NEW,
    Plan,
    PortfolioChange,
    ProductChange,
    StackChange,
    Upload,
    Value,
)
from smproject.planning.live import TO_BE_MADE, Account, Live
from smproject.publishing import folder as folders
from smproject.publishing import hub, objects, tag_options, wanted
from smproject.publishing.service_catalog import Choices, choices, portfolio_parameters
from smproject.publishing.wanted import FOLDERS, Object, Portfolio
from smproject.seeds import version

DOING = "plan what publishing would do"


def to_service_catalog(session: Any, chosen: Choices | None = None, root: Path = ROOT) -> Plan:
    """Plan `smproject publish`. Raises AssemblyError and DeploymentError where that would refuse before it begins."""
    offered = wanted.offered(root)
    with stacks.refusals(DOING):
        account = Account(session, root)
        bucket, made = _prepared(account)
        uploads = _uploads(account, bucket, wanted.by_content(offered), ())
        found: list[PortfolioChange] = []
        changes: list[ProductChange] = []
        for portfolio in wanted.PORTFOLIOS:
            mine = wanted.products(offered, portfolio)
            if not mine:
                continue
            live = account.live("portfolio", portfolio.subject)
            found.append(_portfolio(account, portfolio, live, chosen or choices()))
            given = {
                "ProductCatalogBucket": bucket,
                "ProductPortfolioId": live.outputs.get("PortfolioId", TO_BE_MADE),
            }
            role = (chosen or choices()).launch_roles[portfolio.id]
            changes += [products.launched(account, portfolio, given, each, role) for each in mine]
    return Plan("service-catalog", f"s3://{bucket}", made, tuple(found), tuple(changes), uploads)


def to_s3(session: Any, domains: Sequence[str] = (), root: Path = ROOT) -> Plan:
    """Plan `smproject publish --to s3`; raises as `to_service_catalog` does."""
    offered = wanted.offered(root)
    with stacks.refusals(DOING):
        account = Account(session, root)
        bucket, made = _prepared(account)
        uploads = _uploads(account, bucket, wanted.by_content(offered), wanted.by_name(offered))
        s3 = session.client("s3")
        changes = [products.filed(each, objects.content(s3, bucket, _file(each))) for each in offered]
        tagged = tuple(each for each in domains if not _is_tagged(session.client("sagemaker"), each, bucket))
    return Plan("s3", f"s3://{bucket}", made, (), tuple(changes), uploads, tagged)


def to_folder(folder: Path, root: Path = ROOT) -> Plan:
    """Plan `smproject publish --to folder`; raises as `smproject.publish.publish_to_folder` does."""
    offered = wanted.offered(root)
    files = [*wanted.by_content(offered), *wanted.by_name(offered), *wanted.by_setup(root)]
    files.append(folders.index(files, version(root)))
    uploads = tuple(_upload(each) for each in folders.changes(folder, files))
    there = {each: folder / _file(each) for each in offered}
    changes = [products.filed(each, path.read_bytes() if path.is_file() else None) for each, path in there.items()]
    return Plan("folder", str(folder), (), (), tuple(changes), uploads)


def _prepared(account: Account) -> tuple[str, tuple[StackChange, ...]]:
    """The name of the bucket, and what becomes of its stack and of the launch roles', unless this isn't the hub."""
    number = account.session.client("sts").get_caller_identity()["Account"]
    hub.refuse_spoke(account.session, number)
    organization = hub.organization_of(account.session)
    live = account.live("catalog-bucket")
    bucket = account.change(live, "catalog-bucket", {"CatalogBucketOrganizationId": organization})
    name = live.outputs.get("CatalogBucketName", f"{stacks.PREFIX}{number}-{account.region}")
    if bucket.action == NEW and _is_there(account.session.client("s3"), name):
        reason = (
            f"There is a bucket {name}, and no stack {live.name}, which would make one of that name: bring the bucket "
            "into such a stack (aws cloudformation create-change-set --change-set-type IMPORT), or delete it."
        )
        bucket = StackChange(live.name, BLOCKED, reason)
    outputs = {"CatalogBucketName": name, "CatalogBucketKeyArn": TO_BE_MADE, **live.outputs}
    role = account.change(account.live("launch-role"), "launch-role", hub.launch_role_parameters(outputs, number))
    return name, (bucket, role)


def _portfolio(account: Account, portfolio: Portfolio, live: Live, chosen: Choices) -> PortfolioChange:
    given = portfolio_parameters(portfolio, live.parameters, chosen)
    stack = account.change(live, "portfolio", given)
    name = "PortfolioPrincipalPattern"
    principal = Value("principal", live.parameters.get(name), given[name])
    found = PortfolioChange(portfolio.id, portfolio.name, stack, principal)
    if chosen.tags is None:
        return found
    identifier = live.outputs.get("PortfolioId")
    there = tag_options.read(account.session.client("servicecatalog"), identifier) if identifier else {}
    todo = tag_options.changes(there, chosen.tags)
    gone = tuple(there[each] for each in todo.remove)
    return PortfolioChange(portfolio.id, portfolio.name, stack, principal, todo.add, gone)


def _uploads(
    account: Account, bucket: str, by_content: Sequence[Object], by_name: Sequence[Object]
) -> tuple[Upload, ...]:
    s3 = account.session.client("s3")
    return tuple(_upload(each.object, each.only_tags) for each in objects.missing(s3, bucket, by_content, by_name))


def _upload(each: Object, only_tags: bool = False) -> Upload:
    return Upload(each.key, len(each.content), only_tags)


def _file(template: Template) -> str:
    """Where people find a template by its name."""
    return f"{FOLDERS[template.portfolio]}/{template.id}.yaml"


def _is_tagged(sagemaker: Any, domain: str, bucket: str) -> bool:
    arn = sagemaker.describe_domain(DomainId=domain)["DomainArn"]
    return hub.has_tag(sagemaker, arn, hub.domain_tag(bucket))


def _is_there(s3: Any, bucket: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
