"""What IAM tells of roles and managed policies."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.drift.reader import READERS, Item, Reader, member, tags
from smproject.sandbox.cloudformation.provider import Made


def _inline(client: Any, made: Made, found: Item) -> Any:
    names = client.list_role_policies(RoleName=made.ref)["PolicyNames"]
    read = [client.get_role_policy(RoleName=made.ref, PolicyName=name) for name in names]
    return [{"PolicyName": each["PolicyName"], "PolicyDocument": each["PolicyDocument"]} for each in read]


def _attached(client: Any, made: Made, found: Item) -> Any:
    attached = client.list_attached_role_policies(RoleName=made.ref)["AttachedPolicies"]
    return [each["PolicyArn"] for each in attached]


def _document(client: Any, made: Made, found: Item) -> Any:
    version = client.get_policy_version(PolicyArn=made.ref, VersionId=found["DefaultVersionId"])
    return version["PolicyVersion"]["Document"]


def _holders(client: Any, made: Made, found: Item) -> Any:
    return [role["RoleName"] for role in client.list_entities_for_policy(PolicyArn=made.ref)["PolicyRoles"]]


READERS["AWS::IAM::Role"] = Reader(
    "iam",
    lambda client, made: dict(client.get_role(RoleName=made.ref)["Role"]),
    {
        "AssumeRolePolicyDocument": member("AssumeRolePolicyDocument"),
        "Description": member("Description"),
        "ManagedPolicyArns": _attached,
        "MaxSessionDuration": member("MaxSessionDuration"),
        "Path": member("Path"),
        "PermissionsBoundary": member("PermissionsBoundary", "PermissionsBoundaryArn"),
        "Policies": _inline,
        "RoleName": member("RoleName"),
        "Tags": lambda client, made, found: tags(found.get("Tags")),
    },
)
READERS["AWS::IAM::ManagedPolicy"] = Reader(
    "iam",
    lambda client, made: dict(client.get_policy(PolicyArn=made.ref)["Policy"]),
    {
        "Description": member("Description"),
        "ManagedPolicyName": member("PolicyName"),
        "Path": member("Path"),
        "PolicyDocument": _document,
        "Roles": _holders,
    },
)
