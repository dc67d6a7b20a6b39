"""What parameters may name in the stack's account: values in Parameter Store, and resources that must exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.parameter_types import NAME
from smproject.sandbox.cloudformation.syntax import invalid
from smproject.sandbox.service import Caller
from smproject.sandbox.world import World

_PAGE = 10  # the most names that ssm:GetParameters takes
_LOOKUPS: dict[str, tuple[str, str, str, str]] = {  # type: service, operation, member that takes the value, found in
    "AWS::EC2::AvailabilityZone::Name": ("ec2", "describe_availability_zones", "ZoneNames", "AvailabilityZones"),
    "AWS::EC2::Image::Id": ("ec2", "describe_images", "ImageIds", "Images"),
    "AWS::EC2::Instance::Id": ("ec2", "describe_instances", "InstanceIds", "Reservations"),
    "AWS::EC2::KeyPair::KeyName": ("ec2", "describe_key_pairs", "KeyNames", "KeyPairs"),
    "AWS::EC2::SecurityGroup::GroupName": ("ec2", "describe_security_groups", "GroupNames", "SecurityGroups"),
    "AWS::EC2::SecurityGroup::Id": ("ec2", "describe_security_groups", "GroupIds", "SecurityGroups"),
    "AWS::EC2::Subnet::Id": ("ec2", "describe_subnets", "SubnetIds", "Subnets"),
    "AWS::EC2::VPC::Id": ("ec2", "describe_vpcs", "VpcIds", "Vpcs"),
    "AWS::EC2::Volume::Id": ("ec2", "describe_volumes", "VolumeIds", "Volumes"),
    "AWS::Route53::HostedZone::Id": ("route53", "get_hosted_zone", "Id", "HostedZone"),
    NAME: ("ssm", "get_parameters", "Names", "Parameters"),
}

_ATTRIBUTES = {
    "AWS::EC2::SecurityGroup::Id": {"Tags"},
    "AWS::EC2::Subnet::Id": {"AvailabilityZone", "Tags", "VpcId"},
    "AWS::EC2::VPC::Id": {"DefaultNetworkAcl", "DefaultSecurityGroup", "Tags"},
}
_DEFAULTS: dict[str, tuple[str, dict[str, Any], str, str]] = {  # of a VPC: operation, filter, found in, member
    "DefaultNetworkAcl": (
        "describe_network_acls",
        {"Name": "default", "Values": ["true"]},
        "NetworkAcls",
        "NetworkAclId",
    ),
    "DefaultSecurityGroup": (
        "describe_security_groups",
        {"Name": "group-name", "Values": ["default"]},
        "SecurityGroups",
        "GroupId",
    ),
}


def _version(parameter: dict[str, Any]) -> int:
    return int(parameter["Version"])


@dataclass(frozen=True)
class StackAccount:
    """The account of a stack, asked with the stack's credentials."""

    world: World
    owner: Caller

    def _client(self, service: str) -> Any:
        return self.world.client(service, self.owner.credentials, self.owner.region)

    def stored(self, names: dict[str, bool]) -> dict[str, str]:
        """Return the values in Parameter Store by name, or `name:version`; told is whether each must be a list.

        Raises ServiceError (ValidationError) for those that there aren't, or of another kind.
        """
        found = self._stored(list(names))
        if missing := [name for name in names if name not in found]:
            raise invalid(f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account.")
        if secure := [name for name in names if found[name]["Type"] == "SecureString"]:
            listed = ", ".join(secure)
            raise invalid(f"Parameters [{listed}] referenced by template have types not supported by CloudFormation.")
        if other := [name for name, is_list in names.items() if (found[name]["Type"] == "StringList") != is_list]:
            listed = ", ".join(other)
            raise invalid(f"Types for SSM parameters [{listed}] defined in CFN template and SSM are incompatible")
        return {name: str(found[name]["Value"]) for name in names}

    def _stored(self, names: list[str]) -> dict[str, dict[str, Any]]:
        """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html."""
        found: dict[str, dict[str, Any]] = {}
        names = [name for name in names if name]
        for start in range(0, len(names), _PAGE):
            try:
                answer = self._client("ssm").get_parameters(Names=names[start : start + _PAGE])
            except ClientError as error:
                raise invalid(error.response["Error"]["Message"]) from error
            for item in sorted(answer["Parameters"], key=_version):  # the newest last: it is the one without a version
                for name in (item["Name"], item["ARN"]):
                    found |= {name: item, f"{name}:{item['Version']}": item}
        return found

    def exists(self, type_: str, value: str) -> bool:
        """Tell whether a resource of an AWS-specific type exists; who may not ask is told no, as on AWS."""
        service, operation, member, found_in = _LOOKUPS[type_]
        try:
            answer = getattr(self._client(service), operation)(**{member: [value] if member.endswith("s") else value})
        except ClientError:
            return False
        return bool(answer[found_in])

    def attribute(self, type_: str, value: str, name: str) -> str:
        """Return an attribute of a resource that a parameter names, for rules.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
        """
        if type_ not in _ATTRIBUTES or name.split(".", 1)[0] not in _ATTRIBUTES[type_]:
            raise invalid(f"Template error: rules can't ask for the attribute {name} of the parameter type {type_}.")
        if name in _DEFAULTS:
            return self._default_of(value, *_DEFAULTS[name])
        _, operation, member, found_in = _LOOKUPS[type_]
        try:
            [found] = getattr(self._client("ec2"), operation)(**{member: [value]})[found_in]
        except ClientError as error:
            raise invalid(error.response["Error"]["Message"]) from error
        if name.startswith("Tags."):
            return next((tag["Value"] for tag in found.get("Tags", []) if f"Tags.{tag['Key']}" == name), "")
        return str(found[name])

    def _default_of(self, vpc: str, operation: str, condition: dict[str, Any], found_in: str, member: str) -> str:
        filters = [{"Name": "vpc-id", "Values": [vpc]}, condition]
        try:
            found = getattr(self._client("ec2"), operation)(Filters=filters)[found_in]
        except ClientError as error:
            raise invalid(error.response["Error"]["Message"]) from error
        return str(found[0][member]) if found else ""
