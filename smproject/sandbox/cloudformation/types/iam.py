"""IAM roles and managed policies."""

from __future__ import annotations

import json

from smproject.sandbox.cloudformation.provider import (
    Context,
    Made,
    Properties,
    Provider,
    known,
    provides,
    undone_on_failure,
)


@provides
class Role(Provider):
    """A role with its inline and attached policies."""

    type = "AWS::IAM::Role"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the role and put its policies."""
        known(
            properties,
            "RoleName",
            "Path",
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "Policies",
            "ManagedPolicyArns",
            "PermissionsBoundary",
            "Tags",
        )
        iam, name = context.client("iam"), properties.get("RoleName") or context.name(64)
        optional = {
            k: properties[k]
            for k in ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
            if k in properties
        }
        trust = json.dumps(properties["AssumeRolePolicyDocument"])
        tags = context.tag_list(properties.get("Tags"))
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags, **optional)["Role"]
        made = Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            for policy in properties.get("Policies", []):
                document = json.dumps(policy["PolicyDocument"])
                iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
            for arn in properties.get("ManagedPolicyArns", []):
                iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Detach and delete the role's policies, then the role."""
        iam = context.client("iam")
        for policy in iam.list_role_policies(RoleName=made.ref)["PolicyNames"]:
            iam.delete_role_policy(RoleName=made.ref, PolicyName=policy)
        for attached in iam.list_attached_role_policies(RoleName=made.ref)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=made.ref, PolicyArn=attached["PolicyArn"])
        iam.delete_role(RoleName=made.ref)


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
            for role in properties.get("Roles", []):
                iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        return made

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
        document, put = json.dumps(properties["PolicyDocument"]), Made(properties["PolicyName"], {"_roles": []})
        with undone_on_failure(lambda: self.delete(context, put)):
            for role in properties["Roles"]:
                iam = context.client("iam")
                iam.put_role_policy(RoleName=role, PolicyName=properties["PolicyName"], PolicyDocument=document)
                put.attributes["_roles"].append(role)
        return put

    def delete(self, context: Context, made: Made) -> None:
        """Take the policy out of each role."""
        for role in made.attributes["_roles"]:
            context.client("iam").delete_role_policy(RoleName=role, PolicyName=made.ref)
