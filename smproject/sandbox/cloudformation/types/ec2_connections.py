"""Addresses of instances and connections between VPCs: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from typing import Any

import boto3

from smproject.sandbox.cloudformation.api import known
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
    """A connection of two VPCs of a region, accepted at once, as CloudFormation does; nothing passes through it.

    A VPC of another account is connected by a role of that account, which the template names.
    """

    type, tagged_as = "AWS::EC2::VPCPeeringConnection", "vpc-peering-connection"
    creates, deletes = "CreateVpcPeeringConnection", "DeleteVpcPeeringConnection"
    delete_member = "VpcPeeringConnectionId"

    def create(self, context: Context, properties: Properties) -> Made:
        """Ask for the connection, and accept it."""
        known(properties, "PeerOwnerId", "PeerRoleArn", "PeerVpcId", "Tags", "VpcId")
        is_foreign = properties.get("PeerOwnerId", context.caller.account) != context.caller.account
        if is_foreign and "PeerRoleArn" not in properties:
            raise ValueError("PeerRoleArn is needed to accept a VPC peering connection in another account.")
        accepter = _accepter(context, properties.get("PeerRoleArn"))
        made = super().create(context, {name: item for name, item in properties.items() if name != "PeerRoleArn"})
        with undone_on_failure(lambda: self.delete(context, made)):
            accepter.accept_vpc_peering_connection(VpcPeeringConnectionId=made.ref)
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        name = answer["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        return Made(name, {"Id": name})


def _accepter(context: Context, role_arn: str | None) -> Any:
    """Return the client that accepts: with the role, which the stack's own credentials must be able to assume."""
    if role_arn is None:
        return context.client("ec2")
    answer = context.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="AWSCloudFormation")
    keys = answer["Credentials"]
    return boto3.client(
        "ec2",
        context.caller.region,
        endpoint_url=context.world.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
