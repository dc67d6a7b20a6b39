"""IAM roles, instance profiles and OpenID Connect providers."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple, document
from smproject.sandbox.cloudformation.tags import Tagging
from smproject.sandbox.cloudformation.types.iam_identities import ROLE

_ROLE = ("AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "PermissionsBoundary", "Tags")
_ROLE_TAGS = Tagging("RoleName", "TagRole", "UntagRole")


@provides
class Role(Provider):
    """A role with its inline and attached policies."""

    type = "AWS::IAM::Role"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the role and put its policies."""
        known(properties, "RoleName", "Path", "Policies", "ManagedPolicyArns", *_ROLE)
        iam, name = context.client("iam"), properties.get("RoleName") or context.name(64)
        wanted = {key: properties[key] for key in ("Path", *_ROLE) if key in properties} | {"RoleName": name}
        wanted["AssumeRolePolicyDocument"] = document(properties["AssumeRolePolicyDocument"])
        role = call(iam, "CreateRole", wanted)["Role"]
        made = Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            ROLE.put_policies(iam, name, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what the role trusts and may do, its description, duration, boundary and tags."""
        updatable(before, after, "Policies", "ManagedPolicyArns", *_ROLE)
        iam, differ = context.client("iam"), changed(before, after)
        if "AssumeRolePolicyDocument" in differ:
            trust = document(after["AssumeRolePolicyDocument"])
            iam.update_assume_role_policy(RoleName=made.ref, PolicyDocument=trust)
        if {"Description", "MaxSessionDuration"} & set(differ):
            whole = {"Description": "", "MaxSessionDuration": 3600} | after
            call(
                iam,
                "UpdateRole",
                {"RoleName": made.ref, **{k: whole[k] for k in ("Description", "MaxSessionDuration")}},
            )
        if "PermissionsBoundary" in differ:
            _put_boundary(iam, made.ref, after.get("PermissionsBoundary"))
        ROLE.put_policies(iam, made.ref, before, after)
        _ROLE_TAGS.update(iam, made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Detach and delete the role's policies, then the role."""
        iam = context.client("iam")
        ROLE.clear(iam, made.ref)
        iam.delete_role(RoleName=made.ref)


def _put_boundary(iam: Any, role: str, arn: str | None) -> None:
    if arn:
        iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    else:
        iam.delete_role_permissions_boundary(RoleName=role)


@provides
class InstanceProfile(Simple):
    """An instance profile; EC2 instances, which would use it, don't run here."""

    type, service, state_only = "AWS::IAM::InstanceProfile", "iam", True
    creates, deletes, delete_member = "CreateInstanceProfile", "DeleteInstanceProfile", "InstanceProfileName"
    name_property, name_limit = "InstanceProfileName", 128

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the profile, then put the role into it."""
        made = super().create(context, {name: item for name, item in properties.items() if name != "Roles"})
        with undone_on_failure(lambda: self.delete(context, made)):
            return self._put_role(context, made, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put another role into the profile, which has room for one."""
        updatable(before, after, "Roles")
        self._take_role(context, made)
        return self._put_role(context, made, after)

    def _put_role(self, context: Context, made: Made, properties: Properties) -> Made:
        for role in properties["Roles"]:
            context.client("iam").add_role_to_instance_profile(InstanceProfileName=made.ref, RoleName=role)
        return Made(made.ref, made.attributes | {"_roles": properties["Roles"]})

    def _take_role(self, context: Context, made: Made) -> None:
        for role in made.attributes.get("_roles", []):
            members = {"InstanceProfileName": made.ref, "RoleName": role}
            remove(context.client("iam"), "RemoveRoleFromInstanceProfile", members)

    def delete(self, context: Context, made: Made) -> None:
        """Take the role out, then delete the profile."""
        self._take_role(context, made)
        super().delete(context, made)


@provides
class OIDCProvider(Simple):
    """A provider of web identities; IAM keeps its client ids as they were made."""

    type, service = "AWS::IAM::OIDCProvider", "iam"
    creates, deletes = "CreateOpenIDConnectProvider", "DeleteOpenIDConnectProvider"
    delete_member = "OpenIDConnectProviderArn"
    tagging = Tagging("OpenIDConnectProviderArn", "TagOpenIDConnectProvider", "UntagOpenIDConnectProvider")

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        return Made(answer["OpenIDConnectProviderArn"], {"Arn": answer["OpenIDConnectProviderArn"]})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change thumbprints and tags."""
        updatable(before, after, "ThumbprintList", "Tags")
        iam = context.client("iam")
        if "ThumbprintList" in changed(before, after):
            iam.update_open_id_connect_provider_thumbprint(
                OpenIDConnectProviderArn=made.ref, ThumbprintList=after.get("ThumbprintList", [])
            )
        self.tagging.update(iam, made.ref, before, after)
        return made
