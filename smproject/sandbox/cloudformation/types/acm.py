"""Certificates of ACM.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html
"""

from __future__ import annotations

import time
from typing import Any

from smproject.sandbox.cloudformation.api import UnsupportedPropertyError, call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.tags import Tagging, spelled
from smproject.sandbox.service import ServiceError

_KEPT = ("CertificateTransparencyLoggingPreference", "DomainName", "SubjectAlternativeNames", "ValidationMethod")
_POLL_SECONDS = 0.5
_TAGS = Tagging("CertificateArn", "AddTagsToCertificate", "RemoveTagsFromCertificate")


@provides
class Certificate(Provider):
    """A certificate, which is there when each of its domains is seen to be the account's, by a record in its DNS."""

    type, state_only = "AWS::CertificateManager::Certificate", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Request the certificate, write the records where a hosted zone is named, and wait until all are there."""
        known(properties, "DomainValidationOptions", "Tags", *_KEPT)
        if properties.get("ValidationMethod", "EMAIL") != "DNS":
            raise UnsupportedPropertyError(
                "The sandbox validates certificates by DNS only: nobody would read the mail."
            )
        client = context.client("acm")
        arn = call(client, "RequestCertificate", _asked(properties))["CertificateArn"]
        made = Made(arn, {"CertificateArn": arn})
        context.begun(arn, made.attributes)
        zones = _zones(properties)
        for option in _options(client, arn):
            if zone := zones.get(option["DomainName"]):
                _write(context, zone, option["ResourceRecord"])
        _wait(context, client, arn)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the tags."""
        updatable(before, after, "Tags")
        _TAGS.update(context.client("acm"), made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the certificate; the records stay, as on AWS."""
        remove(context.client("acm"), "DeleteCertificate", {"CertificateArn": made.ref})


def _asked(properties: Properties) -> Properties:
    asked = {name: properties[name] for name in _KEPT[1:] if name in properties}
    if preference := properties.get(_KEPT[0]):
        asked["Options"] = {_KEPT[0]: preference}
    return asked | ({"Tags": spelled(properties["Tags"])} if properties.get("Tags") else {})


def _zones(properties: Properties) -> dict[str, str]:
    """Return the hosted zone of each domain that has one."""
    options = properties.get("DomainValidationOptions", [])
    for option in options:
        known(option, "DomainName", "HostedZoneId")
    return {option["DomainName"]: option["HostedZoneId"] for option in options if "HostedZoneId" in option}


def _options(client: Any, arn: str) -> list[dict[str, Any]]:
    told = call(client, "DescribeCertificate", {"CertificateArn": arn})
    return list(told["Certificate"]["DomainValidationOptions"])


def _write(context: Context, zone: str, record: dict[str, str]) -> None:
    given = {"Name": record["Name"], "Type": record["Type"], "TTL": 300}
    change = {"Action": "UPSERT", "ResourceRecordSet": given | {"ResourceRecords": [{"Value": record["Value"]}]}}
    route53 = context.client("route53")
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [change]})


def _wait(context: Context, client: Any, arn: str) -> None:
    """Wait until each validation record stands in a zone of the account, and ACM has issued the certificate."""
    told = False
    while not _is_issued(context, client, arn):
        if not told:
            for record in (option["ResourceRecord"] for option in _options(client, arn)):
                written = ",".join(f"{name}: {record[name]}" for name in ("Name", "Type", "Value"))
                context.tell(f"Content of DNS Record is: {{{written}}}")
            told = True
        if context.halted():
            raise ServiceError("Cancelled", "Resource creation cancelled")
        time.sleep(_POLL_SECONDS)


def _is_issued(context: Context, client: Any, arn: str) -> bool:
    wanted = {(option["ResourceRecord"]["Name"], option["ResourceRecord"]["Value"]) for option in _options(client, arn)}
    return wanted <= _records(context.world.client("route53", context.world.service_credentials(_account(arn))))


def _account(arn: str) -> str:
    return arn.split(":")[4]


def _records(route53: Any) -> set[tuple[str, str]]:
    """Return the records in the account's zones; ACM looks them up in the DNS, not with anybody's permissions."""
    zones = [
        zone["Id"] for page in route53.get_paginator("list_hosted_zones").paginate() for zone in page["HostedZones"]
    ]
    pages = route53.get_paginator("list_resource_record_sets")
    return {
        (_dotted(each["Name"]), value["Value"])
        for zone in zones
        for page in pages.paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 300})
        for each in page["ResourceRecordSets"]
        for value in each.get("ResourceRecords", [])
    }


def _dotted(name: str) -> str:
    return name if name.endswith(".") else f"{name}."
