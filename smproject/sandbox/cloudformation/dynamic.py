"""Dynamic references: `{{resolve:service:reference}}`, filled in when a resource is made.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.syntax import invalid, texts
from smproject.sandbox.service import Caller
from smproject.sandbox.world import World

SERVICES = ("ssm", "ssm-secure", "secretsmanager")
_REFERENCE = re.compile(r"\{\{resolve:([^:{}]+):([^{}]*)\}\}")
_SSM = re.compile(r"[A-Za-z0-9_.\-/]+(:\d+)?")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm-secure-strings.html
_SECURE = {
    "AWS::DirectoryService::MicrosoftAD/Properties/Password",
    "AWS::DirectoryService::SimpleAD/Properties/Password",
    "AWS::ElastiCache::ReplicationGroup/Properties/AuthToken",
    "AWS::IAM::User/Properties/LoginProfile/Password",
    "AWS::KinesisFirehose::DeliveryStream/Properties/RedshiftDestinationConfiguration/Password",
    "AWS::OpsWorks::App/Properties/AppSource/Password",
    "AWS::OpsWorks::Stack/Properties/CustomCookbooksSource/Password",
    "AWS::OpsWorks::Stack/Properties/RdsDbInstances/DbPassword",
    "AWS::RDS::DBCluster/Properties/MasterUserPassword",
    "AWS::RDS::DBInstance/Properties/MasterUserPassword",
    "AWS::Redshift::Cluster/Properties/MasterUserPassword",
}


def filled(value: Any, lookup: Callable[[str, str], str], services: Container[str] = SERVICES) -> Any:
    """Return a value with each dynamic reference in its texts replaced by what `lookup(service, reference)` gives.

    References to other services than the named ones stay: each operation on a stack reads `ssm` anew, the others only
    when it changes the resource.
    """

    def value_of(found: re.Match[str]) -> str:
        service, reference = found.groups()
        return lookup(service, reference) if service in services else found.group()

    if isinstance(value, str):
        return _REFERENCE.sub(value_of, value)
    if isinstance(value, dict):
        return {key: filled(item, lookup, services) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, lookup, services) for item in value]
    return value


def found(value: Any) -> Iterator[tuple[str, str, str]]:
    """Yield path, service and reference of each dynamic reference in a value."""
    for path, each in texts(value):
        for service, reference in _REFERENCE.findall(each):
            yield path, service, reference


def check(template: dict[str, Any]) -> None:
    """Refuse references that are malformed, or secure ones where CloudFormation doesn't take them."""
    for name, spec in template.get("Parameters", {}).items():
        for _, service, reference in found(spec.get("Default", "")):
            _check_reference(service, reference)
            if service == "ssm" and ":" not in reference:
                raise invalid(f"Template error: parameter {name} should not contain ssm versionless resolver")
    secure = []
    for item in template["Resources"].values():
        for path, service, reference in found(item.get("Properties", {})):
            _check_reference(service, reference)
            place = f"{item['Type']}/Properties{_plain(path)}"
            if service == "ssm-secure" and place not in _SECURE:
                secure.append(place)
    if secure:
        raise invalid(f"SSM Secure reference is not supported in: [{','.join(secure)}]")


def _plain(path: str) -> str:
    """Return a path without the steps through lists and functions."""
    return "".join(f"/{step}" for step in path.split("/")[1:] if not step.isdigit() and not step.startswith("Fn::"))


def _check_reference(service: str, reference: str) -> None:
    whole = f"{{{{resolve:{service}:{reference}}}}}"
    if "${" in reference:
        return  # known once Fn::Sub is computed
    if service in ("ssm", "ssm-secure") and not _SSM.fullmatch(reference):
        raise invalid(f"Incorrect format is used in the following SSM reference: [{whole}]")
    if service == "secretsmanager" and not reference:
        raise invalid(f"Incorrect format is used in the following Secrets Manager reference: [{whole}]")
    if service not in SERVICES:
        raise invalid(f"Template error: the dynamic reference {whole} names an unknown service {service}.")


@dataclass(frozen=True)
class Lookup:
    """Asks Systems Manager and Secrets Manager with the stack's credentials."""

    world: World
    owner: Caller

    def __call__(self, service: str, reference: str) -> str:
        """Return the value of a reference; raises ServiceError (ValidationError) when there is none."""
        _check_reference(service, reference)
        if service == "secretsmanager":
            return self._secret(reference)
        return self._parameter(reference, secure=service == "ssm-secure")

    def _parameter(self, reference: str, secure: bool) -> str:
        client = self.world.client("ssm", self.owner.credentials, self.owner.region)
        try:
            answer = client.get_parameters(Names=[reference], WithDecryption=secure)
        except ClientError as error:
            raise invalid(error.response["Error"]["Message"]) from error
        if not answer["Parameters"]:
            raise invalid(f"Unable to fetch parameters [{reference}] from parameter store for this account.")
        [parameter] = answer["Parameters"]
        if parameter["Type"] == "SecureString" and not secure:
            raise invalid(f"Non-secure ssm prefix was used for secure parameter {parameter['Name']}")
        return str(parameter["Value"])

    def _secret(self, reference: str) -> str:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html."""
        id_, key, stage, version = secret_parts(reference)
        chosen = {"VersionStage": stage} if stage else {"VersionId": version} if version else {}
        client = self.world.client("secretsmanager", self.owner.credentials, self.owner.region)
        try:
            secret = str(client.get_secret_value(SecretId=id_, **chosen).get("SecretString", ""))
        except ClientError as error:
            detail = error.response["Error"]
            raise invalid(f"{detail['Message']} ({detail['Code']})") from error
        return _member(secret, key) if key else secret


def secret_parts(reference: str) -> tuple[str, str, str, str]:
    """Return id, JSON key, version stage and version id of a reference to a secret.

    Raises ServiceError (ValidationError) for a stage and a version together, which CloudFormation refuses.
    """
    parts = reference.split(":")
    size = 7 if reference.startswith("arn:") else 1
    what, key, stage, version = (parts[size:] + [""] * 4)[:4]
    if what not in ("", "SecretString") or len(parts) > size + 4 or (stage and version):
        whole = f"{{{{resolve:secretsmanager:{reference}}}}}"
        raise invalid(f"Incorrect format is used in the following Secrets Manager reference: [{whole}]")
    return ":".join(parts[:size]), key, stage, version


def _member(secret: str, key: str) -> str:
    try:
        members = json.loads(secret)
    except ValueError as error:
        raise invalid("Could not parse SecretString JSON") from error
    if not isinstance(members, dict) or key not in members:
        raise invalid("Could not find a value associated with JSONKey in SecretString")
    value = members[key]
    return value if isinstance(value, str) else json.dumps(value)
