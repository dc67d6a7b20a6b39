"""What IAM's roles, users and groups share: inline policies, attached policies, boundaries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from botocore import xform_name

from smproject.sandbox.cloudformation.api import remove
from smproject.sandbox.cloudformation.changes import Properties, changed


@dataclass(frozen=True)
class Kind:
    """A kind of identity as IAM's operations spell it: `Role`, `User` or `Group`."""

    name: str

    def call(self, iam: Any, verb: str, identity: str, what: str = "", **members: Any) -> Any:
        """Call an operation such as `PutRolePolicy` (verb `Put`, what `Policy`) on an identity."""
        return getattr(iam, xform_name(f"{verb}{self.name}{what}"))(**{f"{self.name}Name": identity}, **members)

    def put_policies(self, iam: Any, identity: str, before: Properties, after: Properties) -> None:
        """Bring inline and attached policies from those of the former properties to those of the new ones."""
        old, new = (
            {p["PolicyName"]: p["PolicyDocument"] for p in side.get("Policies", [])} for side in (before, after)
        )
        for name in changed(old, new):
            if name in new:
                self.put_inline(iam, identity, name, new[name])
            else:
                self.delete_inline(iam, identity, name)
        had, wanted = (set(side.get("ManagedPolicyArns", [])) for side in (before, after))
        self.attach(iam, [identity], sorted(wanted - had))
        self.detach(iam, [identity], sorted(had - wanted))

    def put_inline(self, iam: Any, identity: str, policy: str, document: Any) -> None:
        """Put an inline policy."""
        text = document if isinstance(document, str) else json.dumps(document)
        self.call(iam, "Put", identity, "Policy", PolicyName=policy, PolicyDocument=text)

    def delete_inline(self, iam: Any, identity: str, policy: str) -> None:
        """Take an inline policy away; one that isn't there, or of an identity that is gone, is away."""
        remove(iam, f"Delete{self.name}Policy", {f"{self.name}Name": identity, "PolicyName": policy})

    def attach(self, iam: Any, identities: list[str], arns: list[str]) -> None:
        """Attach managed policies to identities."""
        for identity in identities:
            for arn in arns:
                self.call(iam, "Attach", identity, "Policy", PolicyArn=arn)

    def detach(self, iam: Any, identities: list[str], arns: list[str]) -> None:
        """Detach managed policies from identities; what isn't attached is detached."""
        for identity in identities:
            for arn in arns:
                remove(iam, f"Detach{self.name}Policy", {f"{self.name}Name": identity, "PolicyArn": arn})

    def clear(self, iam: Any, identity: str) -> None:
        """Take every policy of an identity away, whoever put it: IAM deletes none that has some."""
        for policy in self.call(iam, "List", identity, "Policies")["PolicyNames"]:
            self.delete_inline(iam, identity, policy)
        attached = self.call(iam, "ListAttached", identity, "Policies")["AttachedPolicies"]
        self.detach(iam, [identity], [policy["PolicyArn"] for policy in attached])


ROLE, USER, GROUP = Kind("Role"), Kind("User"), Kind("Group")
OF_PROPERTIES = {"Roles": ROLE, "Users": USER, "Groups": GROUP}
