"""Addresses, NAT gateways, endpoints and flow logs of VPCs: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, document
from smproject.sandbox.cloudformation.types.ec2 import TAGS, Ec2

_INSTANCE = {"InstanceId": Setting("AssociateAddress", lambda instance: {"InstanceId": instance})}
_MEMBERS = ("RouteTableIds", "SubnetIds", "SecurityGroupIds")


@provides
class EIP(Ec2):
    """An elastic address; `Ref` is the address itself."""

    type, tagged_as, ref = "AWS::EC2::EIP", "elastic-ip", "PublicIp"
    creates, deletes, delete_member, settings = "AllocateAddress", "ReleaseAddress", "AllocationId", _INSTANCE

    def translate(self, properties: Properties) -> Properties:
        """Take only what allocates an address."""
        known(properties, "Domain", "Tags", "Address", "NetworkBorderGroup", "PublicIpv4Pool")
        return super().translate({"Domain": "vpc"} | properties)

    def delete(self, context: Context, made: Made) -> None:
        """Take the address from its instance, then release it."""
        ec2 = context.client("ec2")
        for found in ec2.describe_addresses(Filters=[{"Name": "public-ip", "Values": [made.ref]}])["Addresses"]:
            if found.get("AssociationId"):
                ec2.disassociate_address(AssociationId=found["AssociationId"])
        super().delete(context, made)

    def name(self, made: Made) -> str:
        """Return the allocation's id."""
        return str(made.attributes["AllocationId"])


@provides
class NatGateway(Ec2):
    """A NAT gateway."""

    type, tagged_as, ref = "AWS::EC2::NatGateway", "natgateway", "NatGatewayId"
    creates, deletes, delete_member = "CreateNatGateway", "DeleteNatGateway", "NatGatewayId"


@provides
class VPCEndpoint(Ec2):
    """An endpoint of a service in a VPC."""

    type, tagged_as, ref, documents = "AWS::EC2::VPCEndpoint", "vpc-endpoint", "VpcEndpointId", ("PolicyDocument",)
    creates, deletes, delete_member = "CreateVpcEndpoint", "DeleteVpcEndpoints", "VpcEndpointIds[]"

    def translate(self, properties: Properties) -> Properties:
        """Name the kind that the API takes by default."""
        return super().translate({"VpcEndpointType": "Gateway"} | properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the policy, private DNS, and which tables, subnets and groups use the endpoint."""
        updatable(before, after, "PolicyDocument", "PrivateDnsEnabled", "Tags", *_MEMBERS)
        ec2, differ, request = context.client("ec2"), changed(before, after), dict[str, Any]()
        for name in [name for name in _MEMBERS if name in differ]:
            had, wanted = (set(side.get(name, [])) for side in (before, after))
            changes = {f"Add{name}": sorted(wanted - had), f"Remove{name}": sorted(had - wanted)}
            request |= {member: ids for member, ids in changes.items() if ids}
        if "PrivateDnsEnabled" in differ:
            request["PrivateDnsEnabled"] = after.get("PrivateDnsEnabled", False)
        if "PolicyDocument" in differ:
            policy = after.get("PolicyDocument")
            request |= {"PolicyDocument": document(policy)} if policy else {"ResetPolicy": True}
        if request:
            call(ec2, "ModifyVpcEndpoint", request | {"VpcEndpointId": made.ref})
        TAGS.update(ec2, made.ref, before, after)
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id; the other attributes are texts and lists of texts."""
        told = answer["VpcEndpoint"]
        entries = [f"{each.get('HostedZoneId', '')}:{each['DnsName']}" for each in told.get("DnsEntries") or []]
        shown = {
            "CreationTimestamp": str(told.get("CreationTimestamp", "")),
            "DnsEntries": entries,
            "Id": told["VpcEndpointId"],
            "NetworkInterfaceIds": told.get("NetworkInterfaceIds") or [],
        }
        return Made(told["VpcEndpointId"], shown)


@provides
class FlowLog(Ec2):
    """A flow log, to which nothing is written."""

    type, tagged_as = "AWS::EC2::FlowLog", "vpc-flow-log"
    creates, deletes, delete_member = "CreateFlowLogs", "DeleteFlowLogs", "FlowLogIds[]"

    def translate(self, properties: Properties) -> Properties:
        """Name the one resource in the API's list."""
        rest = {name: item for name, item in properties.items() if name != "ResourceId"}
        return super().translate(rest | {"ResourceIds": [properties["ResourceId"]]})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id; what can't be made the API tells apart from errors."""
        if answer.get("Unsuccessful"):
            raise ValueError(str(answer["Unsuccessful"][0]["Error"]["Message"]))
        return Made(answer["FlowLogIds"][0], {"Id": answer["FlowLogIds"][0]})
