"""IAM's managed and inline policies."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import document
from smproject.sandbox.cloudformation.types.iam_identities import GROUP, OF_PROPERTIES, ROLE, USER, Kind

_HELD = ("Roles", "Users", "Groups")


@provides
class ManagedPolicy(Provider):
    """A customer managed policy."""

    type = "AWS::IAM::ManagedPolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the policy and attach it to the named roles, users and groups."""
        known(properties, "ManagedPolicyName", "Path", "Description", "PolicyDocument", *_HELD)
        iam, name = context.client("iam"), properties.get("ManagedPolicyName") or context.name(128)
        optional = {k: properties[k] for k in ("Path", "Description") if k in properties}
        text = document(properties["PolicyDocument"])
        found = iam.create_policy(PolicyName=name, PolicyDocument=text, **optional)["Policy"]
        made = Made(found["Arn"], {"PolicyArn": found["Arn"]} | _shown(found) | _count(properties))
        with undone_on_failure(lambda: self.delete(context, made)):
            self._attach(iam, made.ref, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put a new version in the old one's place, and change whose policy it is."""
        updatable(before, after, "PolicyDocument", *_HELD)
        iam = context.client("iam")
        if "PolicyDocument" in changed(before, after):
            version = self._put_version(iam, made.ref, document(after["PolicyDocument"]))
            told = {"DefaultVersionId": version["VersionId"], "UpdateDate": version["CreateDate"]}
            made = Made(made.ref, made.attributes | _shown(told))
        self._attach(iam, made.ref, before, after)
        return Made(made.ref, made.attributes | _count(after))

    def _attach(self, iam: Any, arn: str, before: Properties, after: Properties) -> None:
        for property_, kind in OF_PROPERTIES.items():
            had, wanted = (set(side.get(property_, [])) for side in (before, after))
            kind.attach(iam, sorted(wanted - had), [arn])
            kind.detach(iam, sorted(had - wanted), [arn])

    def _put_version(self, iam: Any, arn: str, text: str) -> Properties:
        old = [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]]
        new: Properties = iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
        for version in old:  # a policy has room for five
            iam.delete_policy_version(PolicyArn=arn, VersionId=version)
        return dict(new["PolicyVersion"])

    def delete(self, context: Context, made: Made) -> None:
        """Detach the policy everywhere and delete it."""
        iam = context.client("iam")
        held = iam.list_entities_for_policy(PolicyArn=made.ref)
        for property_, kind in OF_PROPERTIES.items():
            kind.detach(iam, [each[f"{kind.name}Name"] for each in held[f"Policy{property_}"]], [made.ref])
        iam.delete_policy(PolicyArn=made.ref)


_SHOWN = ("CreateDate", "DefaultVersionId", "IsAttachable", "PermissionsBoundaryUsageCount", "PolicyId", "UpdateDate")


def _shown(told: Properties) -> Properties:
    """Return attributes out of an answer of IAM's, dates as text."""
    kept = {name: told[name] for name in _SHOWN if name in told}
    return {name: item.isoformat() if name.endswith("Date") else item for name, item in kept.items()}


def _count(properties: Properties) -> Properties:
    return {"AttachmentCount": sum(len(properties.get(each, [])) for each in _HELD)}


@provides
class Policy(Provider):
    """An inline policy of one or more roles, users and groups."""

    type = "AWS::IAM::Policy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy into each identity."""
        known(properties, "PolicyName", "PolicyDocument", *_HELD)
        if not any(properties.get(each) for each in _HELD):
            raise ValueError("At least one of [Groups,Roles,Users] must be non-empty.")
        made = Made(properties["PolicyName"], {"Id": properties["PolicyName"], "_held": []})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._put(context, made, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the policy into those that are to have it, under its new name; take it out of the others."""
        put = Made(after["PolicyName"], {"Id": after["PolicyName"], "_held": []})
        self._put(context, put, after)
        renamed = before["PolicyName"] != after["PolicyName"]
        gone = [held for held in _holders(before) if renamed or held not in _holders(after)]
        self.delete(context, Made(before["PolicyName"], {"_held": gone}))
        return put

    def _put(self, context: Context, made: Made, properties: Properties) -> None:
        for property_, identity in _holders(properties):
            OF_PROPERTIES[property_].put_inline(context.client("iam"), identity, made.ref, properties["PolicyDocument"])
            made.attributes["_held"].append([property_, identity])

    def delete(self, context: Context, made: Made) -> None:
        """Take the policy out of each identity; out of one that does not have it, it is out."""
        for property_, identity in made.attributes["_held"]:
            OF_PROPERTIES[property_].delete_inline(context.client("iam"), identity, made.ref)


def _holders(properties: Properties) -> list[list[str]]:
    return [[property_, identity] for property_ in _HELD for identity in properties.get(property_, [])]


class _Inline(Provider):
    """An inline policy of one identity."""

    kind: ClassVar[Kind]

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy."""
        known(properties, "PolicyName", "PolicyDocument", self._holder)
        if "PolicyDocument" not in properties:
            raise ValueError("PolicyDocument must be given: IAM has no inline policies without one.")
        holder, name = properties[self._holder], properties["PolicyName"]
        self.kind.put_inline(context.client("iam"), holder, name, properties["PolicyDocument"])
        return Made(f"{name}|{holder}", {"_holder": holder, "_name": name})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new document."""
        return self.create(context, after) if changed(before, after) else made

    def delete(self, context: Context, made: Made) -> None:
        """Take the policy away."""
        self.kind.delete_inline(context.client("iam"), made.attributes["_holder"], made.attributes["_name"])

    @property
    def _holder(self) -> str:
        return f"{self.kind.name}Name"


@provides
class RolePolicy(_Inline):
    """An inline policy of a role."""

    type, kind = "AWS::IAM::RolePolicy", ROLE


@provides
class UserPolicy(_Inline):
    """An inline policy of a user."""

    type, kind = "AWS::IAM::UserPolicy", USER


@provides
class GroupPolicy(_Inline):
    """An inline policy of a group."""

    type, kind = "AWS::IAM::GroupPolicy", GROUP
