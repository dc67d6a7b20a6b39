"""IAM roles and managed policies."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging

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
        wanted["AssumeRolePolicyDocument"] = json.dumps(properties["AssumeRolePolicyDocument"])
        role = call(iam, "CreateRole", wanted)["Role"]
        made = Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            _put_policies(iam, name, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what the role trusts and may do, its description, duration, boundary and tags."""
        updatable(before, after, "Policies", "ManagedPolicyArns", *_ROLE)
        iam, differ = context.client("iam"), changed(before, after)
        if "AssumeRolePolicyDocument" in differ:
            trust = json.dumps(after["AssumeRolePolicyDocument"])
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
        _put_policies(iam, made.ref, before, after)
        _ROLE_TAGS.update(iam, made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Detach and delete the role's policies, then the role."""
        iam = context.client("iam")
        for policy in iam.list_role_policies(RoleName=made.ref)["PolicyNames"]:
            iam.delete_role_policy(RoleName=made.ref, PolicyName=policy)
        for attached in iam.list_attached_role_policies(RoleName=made.ref)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=made.ref, PolicyArn=attached["PolicyArn"])
        iam.delete_role(RoleName=made.ref)


def _put_policies(iam: Any, role: str, before: Properties, after: Properties) -> None:
    """Bring a role's inline and attached policies from those of its former properties to those of the new ones."""
    old, new = ({p["PolicyName"]: p["PolicyDocument"] for p in side.get("Policies", [])} for side in (before, after))
    for name in changed(old, new):
        if name in new:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(new[name]))
        elif name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
    had, wanted = (set(side.get("ManagedPolicyArns", [])) for side in (before, after))
    _attach(iam, [role], sorted(wanted - had), sorted(had - wanted))


def _attach(iam: Any, roles: list[str], wanted: list[str], unwanted: list[str]) -> None:
    for role in roles:
        for arn in wanted:
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        attached = {p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
        for arn in [arn for arn in unwanted if arn in attached]:
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def _put_boundary(iam: Any, role: str, arn: str | None) -> None:
    if arn:
        iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    else:
        iam.delete_role_permissions_boundary(RoleName=role)


@provides
class ManagedPolicy(Provider):
    """A customer managed policy."""

    type = "AWS::IAM::ManagedPolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the policy and attach it to the named roles."""
        known(properties, "ManagedPolicyName", "Path", "Description", "PolicyDocument", "Roles")
        iam, name = context.client("iam"), properties.get("ManagedPolicyName") or context.name(128)
        optional = {k: properties[k] for k in ("Path", "Description") if k in properties}
        document = json.dumps(properties["PolicyDocument"])
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document, **optional)["Policy"]["Arn"]
        made = Made(arn, {"PolicyArn": arn})
        with undone_on_failure(lambda: self.delete(context, made)):
            _attach(iam, properties.get("Roles", []), [arn], [])
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put a new version in the old one's place, and change whose policy it is."""
        updatable(before, after, "PolicyDocument", "Roles")
        iam, had, wanted = context.client("iam"), set(before.get("Roles", [])), set(after.get("Roles", []))
        if "PolicyDocument" in changed(before, after):
            self._put_version(iam, made.ref, json.dumps(after["PolicyDocument"]))
        _attach(iam, sorted(wanted - had), [made.ref], [])
        _attach(iam, sorted(had - wanted), [], [made.ref])
        return made

    def _put_version(self, iam: Any, arn: str, document: str) -> None:
        old = [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        for version in old:  # a policy has room for five
            iam.delete_policy_version(PolicyArn=arn, VersionId=version)

    def delete(self, context: Context, made: Made) -> None:
        """Detach the policy everywhere and delete it."""
        iam = context.client("iam")
        for role in iam.list_entities_for_policy(PolicyArn=made.ref)["PolicyRoles"]:
            iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=made.ref)
        iam.delete_policy(PolicyArn=made.ref)


@provides
class Policy(Provider):
    """An inline policy of one or more roles."""

    type = "AWS::IAM::Policy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy into each role."""
        known(properties, "PolicyName", "PolicyDocument", "Roles")
        made = Made(properties["PolicyName"], {"_roles": []})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._put(context, made, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the policy into the roles that are to have it, under its new name; take it out of the others."""
        put, gone = Made(after["PolicyName"], {"_roles": []}), set(before["Roles"]) - set(after["Roles"])
        self._put(context, put, after)
        left = before["Roles"] if before["PolicyName"] != after["PolicyName"] else sorted(gone)
        self.delete(context, Made(before["PolicyName"], {"_roles": left}))
        return put

    def _put(self, context: Context, made: Made, properties: Properties) -> None:
        document = json.dumps(properties["PolicyDocument"])
        for role in properties["Roles"]:
            context.client("iam").put_role_policy(RoleName=role, PolicyName=made.ref, PolicyDocument=document)
            made.attributes["_roles"].append(role)

    def delete(self, context: Context, made: Made) -> None:
        """Take the policy out of each role; out of one that does not have it, it is out."""
        iam = context.client("iam")
        for role in made.attributes["_roles"]:
            try:
                iam.delete_role_policy(RoleName=role, PolicyName=made.ref)
            except iam.exceptions.NoSuchEntityException:
                continue
