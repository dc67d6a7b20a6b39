"""Studio's domains: kept and described, with their file system in EFS; no application runs in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.sagemaker.records import Facts, Records, given, listing
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, told, unique_id
from smproject.sandbox.world import World

_MISSING, _TAKEN = "[{arn}] does not exist.", "[{arn}] already exists."
_SUMMARY = ("DomainArn", "DomainId", "DomainName", "Status", "CreationTime", "LastModifiedTime", "Url")
_SETTINGS = (
    "DefaultUserSettings",
    "AppSecurityGroupManagement",
    "DefaultSpaceSettings",
    "SubnetIds",
    "AppNetworkAccessType",
    "TagPropagation",
    "HomeEfsFileSystemCreation",
    "VpcId",
)
_CREATED_WITH = (*_SETTINGS, "DomainName", "AuthMode", "DomainSettings", "HomeEfsFileSystemKmsKeyId", "KmsKeyId")
_FIRST_UID = 200005  # AWS counts a domain's users from here
_SERVER = "RStudioServerProDomainSettings"


@dataclass
class Studio:
    """The domains with the user profiles and spaces that are in them."""

    domains: Records = field(default_factory=lambda: Records(f"Domain {_MISSING}"))
    profiles: Records = field(default_factory=lambda: Records(f"UserProfile {_MISSING}", f"UserProfile {_TAKEN}"))
    spaces: Records = field(default_factory=lambda: Records(f"Space {_MISSING}", f"Space {_TAKEN}"))
    users: dict[str, int] = field(default_factory=dict)  # by domain id: how many were ever made

    def domain(self, caller: Caller, request: Request) -> Facts:
        """Return the domain that a request names."""
        return self.domains.find(_arn(caller, request))

    def next_uid(self, domain: Facts) -> str:
        """Return the next user's number in a domain's file system; no number is used twice."""
        name = domain["DomainId"]
        self.users[name] = self.users.get(name, 0) + 1
        return str(_FIRST_UID + self.users[name] - 1)


class Domains:
    """The operations on domains."""

    def __init__(self, world: World, tags: Tags, studio: Studio) -> None:
        self.world, self.tags, self.studio = world, tags, studio

    def create_domain(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a domain, at once in service, with a file system unless none is wanted."""
        if request["AuthMode"] != "IAM":
            raise _invalid("The sandbox has no IAM Identity Center: AuthMode must be IAM.")
        self._check_name(caller, request["DomainName"])
        self._check_network(caller, request)
        name = f"d-{unique_id(12)}"
        arn = _arn(caller, {"DomainId": name})
        url = f"https://{name}.studio.{caller.region}.sagemaker.aws"
        facts = {"AppNetworkAccessType": "PublicInternetOnly", **given(request, *_CREATED_WITH)}
        facts |= {"DomainArn": arn, "DomainId": name, "Url": url, "Status": "InService"}
        if request.get("HomeEfsFileSystemCreation") != "Disabled":
            facts["HomeEfsFileSystemId"] = self._file_system(caller, arn, request)
        self.studio.domains.add(arn, facts)
        self.tags.set(arn, request.get("Tags", []))
        return {"DomainArn": arn, "DomainId": name, "Url": url}

    def describe_domain(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a domain."""
        return self.studio.domain(caller, request)

    def list_domains(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's domains."""
        found = self.studio.domains.below(_arn(caller, {"DomainId": ""}))
        return listing(found, request, "Domains", _SUMMARY)

    def update_domain(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Put the given settings in place of the former ones."""
        domain = self.studio.domain(caller, request)
        self._check_network(caller, given(domain, "VpcId", "SubnetIds") | request)
        settings = dict(request.get("DomainSettingsForUpdate", {}))
        if f"{_SERVER}ForUpdate" in settings:
            settings[_SERVER] = settings.pop(f"{_SERVER}ForUpdate")
        more = {"DomainSettings": {**domain.get("DomainSettings", {}), **settings}} if settings else {}
        self.studio.domains.change(domain["DomainArn"], given(request, *_SETTINGS) | more)
        return {"DomainArn": domain["DomainArn"]}

    def delete_domain(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete an empty domain; its file system stays unless RetentionPolicy says otherwise, as on AWS."""
        domain = self.studio.domain(caller, request)
        for kind, records in (("UserProfile", self.studio.profiles), ("Space", self.studio.spaces)):
            if any(item["DomainId"] == domain["DomainId"] for item in records.below("")):
                message = f"Unable to delete Domain [{domain['DomainArn']}] because {kind}(s) are associated with it."
                raise ServiceError("ResourceInUse", message)
        self.studio.domains.remove(domain["DomainArn"])
        self.tags.set(domain["DomainArn"], [])
        if request.get("RetentionPolicy", {}).get("HomeEfsFileSystem") == "Delete" and "HomeEfsFileSystemId" in domain:
            self._client(caller, "efs").delete_file_system(FileSystemId=domain["HomeEfsFileSystemId"])
        return {}

    def _check_name(self, caller: Caller, name: str) -> None:
        mine = self.studio.domains.below(_arn(caller, {"DomainId": ""}))
        if any(domain["DomainName"] == name for domain in mine):
            raise ServiceError("ResourceInUse", f"Domain with name [{name}] already exists.")

    def _check_network(self, caller: Caller, request: Request) -> None:
        """Refuse subnets that aren't there, or not in the network that is named."""
        if request.get("AppNetworkAccessType") == "VpcOnly" and not request.get("SubnetIds"):
            raise _invalid("VpcId and SubnetIds are required when AppNetworkAccessType is VpcOnly.")
        if not request.get("SubnetIds"):
            return
        try:
            found = self._client(caller, "ec2").describe_subnets(SubnetIds=request["SubnetIds"])["Subnets"]
        except ClientError as error:
            raise _invalid(told(error)[1]) from error
        if outside := [item["SubnetId"] for item in found if item["VpcId"] != request.get("VpcId")]:
            raise _invalid(f"The subnet {outside[0]} is not in the VPC {request.get('VpcId')}.")

    def _file_system(self, caller: Caller, arn: str, request: Request) -> str:
        """Make the domain's file system, tagged as SageMaker tags it."""
        key = {"KmsKeyId": request["KmsKeyId"], "Encrypted": True} if "KmsKeyId" in request else {"Encrypted": True}
        tags = [{"Key": "ManagedByAmazonSageMakerResource", "Value": arn}]
        made = self._client(caller, "efs").create_file_system(CreationToken=arn[-63:], Tags=tags, **key)
        return str(made["FileSystemId"])

    def _client(self, caller: Caller, service: str) -> Any:
        return self.world.client(service, self.world.service_credentials(caller.account), caller.region)


def _arn(caller: Caller, request: Request) -> str:
    return caller.arn_of("sagemaker", f"domain/{request['DomainId']}")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
