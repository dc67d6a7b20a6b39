"""Addresses of instances and connections between VPCs: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import UnsupportedPropertyError, known
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.types.ec2 import Ec2

_MEMBERS = {"EIP": "PublicIp"}


@provides
class EIPAssociation(Simple):
    """An elastic address of an instance or a network interface."""

    type, service, state_only = "AWS::EC2::EIPAssociation", "ec2", True
    creates, deletes, delete_member = "AssociateAddress", "DisassociateAddress", "AssociationId"
    members = _MEMBERS

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the association's id."""
        return Made(answer["AssociationId"], {"Id": answer["AssociationId"]})


@provides
class VPCPeeringConnection(Ec2):
    """A connection of two VPCs of one account and region, which is accepted at once, as CloudFormation does."""

    type, tagged_as = "AWS::EC2::VPCPeeringConnection", "vpc-peering-connection"
    creates, deletes = "CreateVpcPeeringConnection", "DeleteVpcPeeringConnection"
    delete_member = "VpcPeeringConnectionId"

    def create(self, context: Context, properties: Properties) -> Made:
        """Ask for the connection, and accept it."""
        known(properties, "PeerOwnerId", "PeerVpcId", "Tags", "VpcId")
        if properties.get("PeerOwnerId", context.caller.account) != context.caller.account:
            raise UnsupportedPropertyError("The sandbox does not connect VPCs of two accounts: PeerOwnerId.")
        made = super().create(context, properties)
        with undone_on_failure(lambda: self.delete(context, made)):
            context.client("ec2").accept_vpc_peering_connection(VpcPeeringConnectionId=made.ref)
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        name = answer["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        return Made(name, {"Id": name})
