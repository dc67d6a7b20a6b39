"""Network ACLs and DHCP options of VPCs: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, remove
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.types.ec2 import Ec2

_ENTRY = ("Egress", "NetworkAclId", "RuleNumber")  # what names an entry
_OPTIONS = {  # https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html
    "DomainName": "domain-name",
    "DomainNameServers": "domain-name-servers",
    "NetbiosNameServers": "netbios-name-servers",
    "NetbiosNodeType": "netbios-node-type",
    "NtpServers": "ntp-servers",
}


@provides
class NetworkAcl(Ec2):
    """A network ACL."""

    type, tagged_as, ref = "AWS::EC2::NetworkAcl", "network-acl", "NetworkAclId"
    creates, deletes, delete_member = "CreateNetworkAcl", "DeleteNetworkAcl", "NetworkAclId"


@provides
class NetworkAclEntry(Provider):
    """An entry of a network ACL."""

    type, state_only = "AWS::EC2::NetworkAclEntry", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the entry."""
        wanted = _entry(properties)
        call(context.client("ec2"), "CreateNetworkAclEntry", wanted)
        name = context.name(128)
        return Made(name, {"Id": name, "_where": {key: wanted[key] for key in _ENTRY}})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new entry in the old one's place."""
        if changed(before, after):
            call(context.client("ec2"), "ReplaceNetworkAclEntry", _entry(after))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the entry."""
        remove(context.client("ec2"), "DeleteNetworkAclEntry", made.attributes["_where"])


def _entry(properties: Properties) -> Properties:
    rest = {"IcmpTypeCode" if name == "Icmp" else name: item for name, item in properties.items()}
    return {"Egress": False} | rest | {"Protocol": text(properties["Protocol"])}


@provides
class SubnetNetworkAclAssociation(Provider):
    """A subnet with a network ACL other than its VPC's own."""

    type, state_only = "AWS::EC2::SubnetNetworkAclAssociation", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the ACL in the place of the one that the subnet has."""
        name = _associate(context.client("ec2"), properties["SubnetId"], properties["NetworkAclId"])
        return Made(name, {"AssociationId": name, "_subnet": properties["SubnetId"]})

    def delete(self, context: Context, made: Made) -> None:
        """Give the subnet its VPC's own ACL back."""
        ec2, subnet = context.client("ec2"), made.attributes["_subnet"]
        [found] = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        filters = [{"Name": "vpc-id", "Values": [found["VpcId"]]}, {"Name": "default", "Values": ["true"]}]
        _associate(ec2, subnet, ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["NetworkAclId"])


def _associate(ec2: Any, subnet: str, acl: str) -> str:
    """Give a subnet an ACL; return the id of the association."""
    mine = [{"Name": "association.subnet-id", "Values": [subnet]}]
    pairs = [pair for each in ec2.describe_network_acls(Filters=mine)["NetworkAcls"] for pair in each["Associations"]]
    found = [pair["NetworkAclAssociationId"] for pair in pairs if pair["SubnetId"] == subnet]
    if not found:
        raise ValueError(f"The subnet ID '{subnet}' does not exist")
    answer = ec2.replace_network_acl_association(AssociationId=found[0], NetworkAclId=acl)
    return str(answer["NewAssociationId"])


@provides
class DHCPOptions(Ec2):
    """A set of DHCP options."""

    type, tagged_as, ref = "AWS::EC2::DHCPOptions", "dhcp-options", "DhcpOptionsId"
    creates, deletes, delete_member = "CreateDhcpOptions", "DeleteDhcpOptions", "DhcpOptionsId"
    tags_on_create = False  # moto forgets those

    def translate(self, properties: Properties) -> Properties:
        """Write the options as the API's list of keys and values."""
        options = [
            {"Key": key, "Values": item if isinstance(item, list) else [text(item)]}
            for name, key in _OPTIONS.items()
            if (item := properties.get(name)) is not None
        ]
        rest = {name: item for name, item in properties.items() if name not in _OPTIONS}
        return super().translate(rest | {"DhcpConfigurations": options})


@provides
class VPCDHCPOptionsAssociation(Provider):
    """A VPC with DHCP options of its own."""

    type, state_only = "AWS::EC2::VPCDHCPOptionsAssociation", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Associate the options."""
        call(context.client("ec2"), "AssociateDhcpOptions", properties)
        return Made(f"{properties['DhcpOptionsId']}|{properties['VpcId']}", {"_vpc": properties["VpcId"]})

    def delete(self, context: Context, made: Made) -> None:
        """Leave the VPC without options of its own."""
        remove(
            context.client("ec2"),
            "AssociateDhcpOptions",
            {"DhcpOptionsId": "default", "VpcId": made.attributes["_vpc"]},
        )
