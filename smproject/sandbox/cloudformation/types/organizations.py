"""Organizations: policies with their targets, and organizational units."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, remove
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging


@provides
class Policy(Simple):
    """A policy of the organization, and whom it is attached to."""

    type, service, tagging = "AWS::Organizations::Policy", "organizations", Tagging("ResourceId")
    creates, updates, deletes, documents = "CreatePolicy", "UpdatePolicy", "DeletePolicy", ("Content",)
    delete_member, update_keys = "PolicyId", ("PolicyId",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the policy, then attach it."""
        made = super().create(context, {"Description": "", **_without_targets(properties)})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._attach(context.client(self.service), made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change content, name, description, targets and tags."""
        old, new = ({"Description": "", **_without_targets(side)} for side in (before, after))
        made = super().update(context, made, old, new)
        self._attach(context.client(self.service), made, before, after)
        return made

    def _attach(self, client: Any, made: Made, before: Properties, after: Properties) -> None:
        had, wanted = (set(side.get("TargetIds", [])) for side in (before, after))
        for target in sorted(wanted - had):
            call(client, "AttachPolicy", {"PolicyId": made.ref, "TargetId": target})
        for target in sorted(had - wanted):
            remove(client, "DetachPolicy", {"PolicyId": made.ref, "TargetId": target})

    def delete(self, context: Context, made: Made) -> None:
        """Detach the policy everywhere, then delete it."""
        client = context.client(self.service)
        for target in client.list_targets_for_policy(PolicyId=made.ref)["Targets"]:
            client.detach_policy(PolicyId=made.ref, TargetId=target["TargetId"])
        super().delete(context, made)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        told = answer.get("Policy", {}).get("PolicySummary", {})
        return Made(str(told["Id"]), {name: told[name] for name in ("Arn", "AwsManaged", "Id")})

    def arn(self, made: Made) -> str:
        """Return the id, by which tags are put."""
        return made.ref


def _without_targets(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != "TargetIds"}


@provides
class OrganizationalUnit(Simple):
    """An organizational unit."""

    type, service, tagging = "AWS::Organizations::OrganizationalUnit", "organizations", Tagging("ResourceId")
    creates, updates, deletes = "CreateOrganizationalUnit", "UpdateOrganizationalUnit", "DeleteOrganizationalUnit"
    delete_member, update_keys = "OrganizationalUnitId", ("OrganizationalUnitId",)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        told = answer["OrganizationalUnit"]
        shown = {name: told[name] for name in ("Arn", "Id", "Path") if name in told}
        return Made(str(told["Id"]), shown)

    def arn(self, made: Made) -> str:
        """Return the id, by which tags are put."""
        return made.ref
