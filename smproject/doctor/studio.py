"""Checks of Studio domains and of connections to git providers."""

from collections.abc import Iterator
from typing import Any

from smproject.doctor import bucket
from smproject.doctor.check import check
from smproject.doctor.findings import NOTE, WARNING, Found
from smproject.doctor.place import Place, aws
from smproject.publishing.hub import domain_tag

_CONNECTION_TAG = ("sagemaker", "true")
# By partition.
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


@check(
    "domain-templates",
    "Studio domains offer the templates that are published to S3.",
    WARNING,
    "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html",
)
def domain_templates(place: Place) -> Iterator[Found]:
    """Look at the domains' tag; one that names another place was set by somebody who wanted that."""
    if not bucket.is_offered(place):
        return
    tag = domain_tag(place.published.bucket)
    for domain in _domains(place):
        tags = _tags(place, domain["DomainArn"])
        if tags.get(tag["Key"]) == tag["Value"]:
            continue
        command = "smproject publish --to s3" if place.is_hub else f"smproject share --account {place.account}"
        told = f"domain {domain['DomainId']} offers {tags.get(tag['Key'], 'no templates in S3')}."
        severity = NOTE if tag["Key"] in tags else ""
        yield Found(told, f"{command} --domain {domain['DomainId']}", severity=severity)


@check(
    "service-catalog-enabled",
    "Where there are Studio domains, SageMaker may make projects of Service Catalog's products.",
    WARNING,
    "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-studio-updates.html",
)
def service_catalog_enabled(place: Place) -> Iterator[Found]:
    """Read the account's setting."""
    sagemaker = place.client("sagemaker")
    if place.published.portfolios and any(_domains(place)):
        status = sagemaker.get_sagemaker_servicecatalog_portfolio_status()["Status"]
        if status != "Enabled":
            command = aws("sagemaker", "enable-sagemaker-servicecatalog-portfolio")
            yield Found(f"projects from Service Catalog are {status.lower()} in SageMaker.", command)


@check(
    "connection-pending",
    "Connections to git providers that SageMaker may use are accepted.",
    WARNING,
    "https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html",
)
def connection_pending(place: Place) -> Iterator[Found]:
    """Look for connections whose handshake a person has still to make; it can be made in the console alone."""
    for connection, tags in _connections(place):
        if connection["ConnectionStatus"] == "PENDING" and _CONNECTION_TAG in tags.items():
            told = f"connection {connection['ConnectionName']} is PENDING: a person must accept it in the console."
            yield Found(told, f"python -m webbrowser '{_console(place)}'")


@check(
    "connection-tag",
    "Connections to git providers carry the tag by which SageMaker may use them.",
    NOTE,
    "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-walkthrough-3rdgit.html",
)
def connection_tag(place: Place) -> Iterator[Found]:
    """Look for connections without the tag. It gives rights, so that a person decides: they may serve another end."""
    key, value = _CONNECTION_TAG
    for connection, tags in _connections(place):
        if _CONNECTION_TAG not in tags.items():
            words = ["--resource-arn", connection["ConnectionArn"], "--tags", f"Key={key},Value={value}"]
            told = f"connection {connection['ConnectionName']} lacks the tag {key}={value}; no project can use it."
            yield Found(told, aws("codeconnections", "tag-resource", *words))


def _console(place: Place) -> str:
    console = _CONSOLES.get(place.partition, _CONSOLES["aws"])
    return f"https://{console}/codesuite/settings/connections?region={place.session.region_name}"


def _domains(place: Place) -> Iterator[dict[str, Any]]:
    for page in place.client("sagemaker").get_paginator("list_domains").paginate():
        yield from page["Domains"]


def _tags(place: Place, arn: str) -> dict[str, str]:
    pages = place.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def _connections(place: Place) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Yield the account's connections, each with its tags."""
    client = place.client("codeconnections")
    token: dict[str, str] = {}
    while True:
        page = client.list_connections(**token)
        for each in page["Connections"]:
            tags = client.list_tags_for_resource(ResourceArn=each["ConnectionArn"])["Tags"]
            yield each, {tag["Key"]: tag["Value"] for tag in tags}
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}


CHECKS = (domain_templates, service_catalog_enabled, connection_pending, connection_tag)
