"""What a decision is about: who asks to do what, on what, under which circumstances."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from smproject.sandbox import moto_policies
from smproject.sandbox.moto_seam import PARTITION, Credentials

Values = str | tuple[str, ...]


@dataclass(frozen=True)
class Principal:
    """Who asks: a role session, a user, an account's root, or a service (whose `arn` is its name).

    `role` is the ARN of a session's role, with its path, which the session's own ARN does not hold.
    """

    kind: str
    arn: str
    account: str
    role: str = ""

    @classmethod
    def of(cls, credentials: Credentials) -> Principal:
        """Return the principal that credentials speak for."""
        kind = "AssumedRole" if credentials.role else "User"
        return cls(kind, credentials.arn, credentials.account, credentials.role)

    @classmethod
    def service(cls, name: str) -> Principal:
        """Return a service such as `codebuild.amazonaws.com`."""
        return cls("Service", name, "")

    @property
    def acts_for_aws(self) -> bool:
        """Tell whether AWS itself acts: no customer's policy limits what a service does without a customer's role."""
        return ":role/aws-service-role/" in self.role

    @property
    def names(self) -> set[str]:
        """Return the values of a policy's `AWS` principals that mean this one.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        """
        if self.kind == "Service":
            return {"*"}
        return {"*", self.account, f"arn:{PARTITION}:iam::{self.account}:root", self.arn, self.role} - {""}


class Context:
    """A request's context keys; their names are case-insensitive, a key with several values holds a tuple."""

    def __init__(self, values: Mapping[str, Values]) -> None:
        self._values = {key.lower(): value for key, value in values.items()}

    def get(self, key: str) -> tuple[str, ...] | None:
        """Return a key's values; None when the request does not have the key."""
        found = self._values.get(key.lower())
        return (found,) if isinstance(found, str) else found

    def single(self, key: str) -> str | None:
        """Return the value of a key that has exactly one: only such a key can be a policy variable."""
        found = self.get(key)
        return found[0] if found and len(found) == 1 else None


@dataclass(frozen=True)
class AccessRequest:
    """One use of a resource; `resources` holds several ARNs only where AWS lets a policy name any of them."""

    principal: Principal
    action: str
    resources: tuple[str, ...]
    owner: str
    context: Context


def access_request(
    principal: Principal,
    action: str,
    resource: str | Iterable[str],
    owner: str,
    context: Mapping[str, Values] | None = None,
) -> AccessRequest:
    """Return a request for a resource of the account `owner`, with the context keys that every request has."""
    resources = (resource,) if isinstance(resource, str) else tuple(resource)
    keys = {**_of_principal(principal), **_of_everyone(owner), **(context or {})}
    return AccessRequest(principal, action, resources, owner, Context(keys))


def _of_principal(principal: Principal) -> dict[str, Values]:
    """Return the keys that tell who asks.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    if principal.kind == "Service":
        return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal.arn}
    keys: dict[str, Values] = {
        "aws:PrincipalArn": principal.role or principal.arn,  # a session's is its role's
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": principal.kind,
        "aws:PrincipalIsAWSService": "false",
    }
    if organization := moto_policies.organization(principal.account):
        keys["aws:PrincipalOrgID"] = organization
    if principal.kind == "User":
        keys["aws:username"] = principal.arn.rpartition("/")[2]
    return keys


def _of_everyone(owner: str) -> dict[str, Values]:
    now = time.time()
    return {
        # The sandbox listens on the loopback interface only: nobody else can read what passes there, which is what
        # the key is asked for. Its endpoint stands for AWS's, which are TLS.
        "aws:SecureTransport": "true",
        "aws:ResourceAccount": owner,
        "aws:CurrentTime": datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now)),
    }
