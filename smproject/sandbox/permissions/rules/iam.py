"""IAM: ARNs hold the path, which requests name at the creation only."""

from __future__ import annotations

from smproject.sandbox import moto_policies
from smproject.sandbox.moto_seam import PARTITION
from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, each, first

_OF_ROLES = (
    *("AttachRolePolicy", "CreateRole", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy"),
    *("DetachRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole"),
    *("ListRolePolicies", "ListRoleTags", "PutRolePermissionsBoundary", "PutRolePolicy", "TagRole", "UntagRole"),
    *("UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription"),
)
_OF_USERS = (
    *("AttachUserPolicy", "CreateAccessKey", "CreateLoginProfile", "CreateUser", "DeleteAccessKey"),
    *("DeleteLoginProfile", "DeleteUser", "DeleteUserPolicy", "DetachUserPolicy", "GetLoginProfile", "GetUser"),
    *("GetUserPolicy", "ListAccessKeys", "ListAttachedUserPolicies", "ListGroupsForUser", "ListUserPolicies"),
    *("ListUserTags", "PutUserPolicy", "TagUser", "UntagUser", "UpdateAccessKey", "UpdateUser"),
)
_OF_GROUPS = (
    *("AddUserToGroup", "AttachGroupPolicy", "CreateGroup", "DeleteGroup", "DeleteGroupPolicy", "DetachGroupPolicy"),
    *("GetGroup", "GetGroupPolicy", "ListAttachedGroupPolicies", "ListGroupPolicies", "PutGroupPolicy"),
    *("RemoveUserFromGroup", "UpdateGroup"),
)


def _named(kind: str, member: str) -> Rule:
    def find(asked: Asked) -> Items:
        name, path = first(asked, f"{{{member}}}"), first(asked, "{Path}") or "/"
        if not name:
            return []
        known = "" if asked.operation.startswith("Create") else moto_policies.identity_arn(kind, name, asked.account)
        return [(known or _arn(asked, f"{kind}{path}{name}"),)]

    return find


def _policy(asked: Asked) -> Items:
    return [(_arn(asked, f"policy{first(asked, '{Path}') or '/'}{first(asked, '{PolicyName}')}"),)]


def _identity_provider(asked: Asked) -> Items:
    """Return the provider that a creation, and the tags of it, name by its URL."""
    url = first(asked, "{Url}")
    return [(_arn(asked, f"oidc-provider/{url.removeprefix('https://')}"),)] if url else []


def _service_linked_role(asked: Asked) -> Items:
    return [(_arn(asked, f"role/aws-service-role/{first(asked, '{AWSServiceName}')}/*"),)]


def _arn(asked: Asked, resource: str) -> str:
    return f"arn:{PARTITION}:iam::{asked.account}:{resource}"


RULES: dict[tuple[str, str], Rule] = {
    **each("iam", _named("role", "RoleName"), _OF_ROLES),
    **each("iam", _named("user", "UserName"), _OF_USERS),
    **each("iam", _named("group", "GroupName"), _OF_GROUPS),
    **each("iam", _identity_provider, ("CreateOpenIDConnectProvider", "TagOpenIDConnectProvider")),
    ("iam", "CreatePolicy"): _policy,
    ("iam", "CreateServiceLinkedRole"): _service_linked_role,
}
NAMES: dict[tuple[str, str], Name] = {}
