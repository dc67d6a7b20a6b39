"""VPCs, subnets and routes: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.types.ec2 import Ec2


def _flag(operation: str, name: str, default: bool) -> Setting:
    return Setting(operation, lambda value: {name: {"Value": value}}, default=default)


_VPC = {
    name: _flag("ModifyVpcAttribute", name, default)
    for name, default in {"EnableDnsHostnames": False, "EnableDnsSupport": True}.items()
}
_SUBNET = {
    name: _flag("ModifySubnetAttribute", name, False)
    for name in ("AssignIpv6AddressOnCreation", "EnableDns64", "MapPublicIpOnLaunch")
}
_VIA = (  # where a route may lead
    "CarrierGatewayId",
    "EgressOnlyInternetGatewayId",
    "GatewayId",
    "InstanceId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "TransitGatewayId",
    "VpcEndpointId",
    "VpcPeeringConnectionId",
)
_TO = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


@provides
class VPC(Ec2):
    """A virtual network."""

    type, tagged_as, ref = "AWS::EC2::VPC", "vpc", "VpcId"
    creates, deletes, delete_member, settings = "CreateVpc", "DeleteVpc", "VpcId", _VPC

    def _read(self, client: Any, made: Made) -> Made:
        """Find what AWS makes with a VPC."""
        [vpc] = client.describe_vpcs(VpcIds=[made.ref])["Vpcs"]
        ours = [{"Name": "vpc-id", "Values": [made.ref]}]
        by_name = [*ours, {"Name": "group-name", "Values": ["default"]}]
        [group] = client.describe_security_groups(Filters=by_name)["SecurityGroups"]
        [acl] = client.describe_network_acls(Filters=[*ours, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
        blocks = [each["AssociationId"] for each in vpc.get("CidrBlockAssociationSet", [])]
        found = {
            "CidrBlockAssociations": blocks,
            "DefaultNetworkAcl": acl["NetworkAclId"],
            "DefaultSecurityGroup": group["GroupId"],
            "Ipv6CidrBlocks": [each["Ipv6CidrBlock"] for each in vpc.get("Ipv6CidrBlockAssociationSet", [])],
        }
        return Made(made.ref, made.attributes | found)


@provides
class Subnet(Ec2):
    """A part of a VPC in one availability zone."""

    type, tagged_as, ref = "AWS::EC2::Subnet", "subnet", "SubnetId"
    creates, deletes, delete_member, settings = "CreateSubnet", "DeleteSubnet", "SubnetId", _SUBNET

    def _read(self, client: Any, made: Made) -> Made:
        """Find the network ACL that a subnet begins with."""
        mine = [{"Name": "association.subnet-id", "Values": [made.ref]}]
        pairs = [
            each for acl in client.describe_network_acls(Filters=mine)["NetworkAcls"] for each in acl["Associations"]
        ]
        found = [pair["NetworkAclAssociationId"] for pair in pairs if pair["SubnetId"] == made.ref]
        acl = {"NetworkAclAssociationId": found[0]} if found else {}
        return Made(made.ref, made.attributes | {"Ipv6CidrBlocks": []} | acl)


@provides
class InternetGateway(Ec2):
    """A way out of a VPC."""

    type, tagged_as, ref = "AWS::EC2::InternetGateway", "internet-gateway", "InternetGatewayId"
    creates, deletes, delete_member = "CreateInternetGateway", "DeleteInternetGateway", "InternetGatewayId"


@provides
class VPCGatewayAttachment(Provider):
    """An internet gateway at a VPC."""

    type, state_only = "AWS::EC2::VPCGatewayAttachment", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Attach the gateway."""
        known(properties, "InternetGatewayId", "VpcId")
        call(context.client("ec2"), "AttachInternetGateway", properties)
        return Made(f"IGW|{properties['VpcId']}", {"AttachmentType": "IGW", "_ids": properties})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Attach another gateway in the old one's place."""
        self.delete(context, made)
        return self.create(context, after)

    def delete(self, context: Context, made: Made) -> None:
        """Detach the gateway."""
        call(context.client("ec2"), "DetachInternetGateway", made.attributes["_ids"])


@provides
class RouteTable(Ec2):
    """A table of routes."""

    type, tagged_as, ref = "AWS::EC2::RouteTable", "route-table", "RouteTableId"
    creates, deletes, delete_member = "CreateRouteTable", "DeleteRouteTable", "RouteTableId"


@provides
class Route(Provider):
    """A route of a table."""

    type, state_only = "AWS::EC2::Route", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the route."""
        known(properties, "RouteTableId", *_TO, *_VIA)
        call(context.client("ec2"), "CreateRoute", properties)
        where = {name: properties[name] for name in ("RouteTableId", *_TO) if name in properties}
        to = next(properties[name] for name in _TO if name in properties)
        return Made(f"{properties['RouteTableId']}|{to}", {"CidrBlock": to, "_where": where})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Lead the route elsewhere."""
        if not same(before, after):
            call(context.client("ec2"), "ReplaceRoute", after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the route."""
        call(context.client("ec2"), "DeleteRoute", made.attributes["_where"])


@provides
class SubnetRouteTableAssociation(Simple):
    """A subnet with a table of routes of its own."""

    type, service, state_only = "AWS::EC2::SubnetRouteTableAssociation", "ec2", True
    creates, deletes, delete_member = "AssociateRouteTable", "DisassociateRouteTable", "AssociationId"

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the association's id."""
        return Made(answer["AssociationId"], {"Id": answer["AssociationId"]})
