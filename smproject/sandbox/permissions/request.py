"""What a decision is about: who asks to do what, on what, under which circumstances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from smproject.sandbox.moto_seam import PARTITION, Credentials
from smproject.sandbox.permissions import context_keys

Values = str | tuple[str, ...]
# A key's value is looked up when a policy asks for it: few do. A key ends in `/` where it stands for one key a tag.
Found = Values | Callable[..., "Values | None"]


@dataclass(frozen=True)
class Principal:
    """Who asks: a role session, a user, an account's root, a service (whose `arn` is its name), or a web identity.

    A web identity's `arn` is that of the provider that an account has for its issuer.

    `role` is the ARN of a session's role, with its path, which the session's own ARN does not hold; `key` is the access
    key by which the session is known.
    """

    kind: str
    arn: str
    account: str
    role: str = ""
    key: str = ""

    @classmethod
    def of(cls, credentials: Credentials) -> Principal:
        """Return the principal that credentials speak for."""
        if credentials.role:
            return cls("AssumedRole", credentials.arn, credentials.account, credentials.role, credentials.access_key)
        kind = "Account" if credentials.arn.endswith(":root") else "User"
        return cls(kind, credentials.arn, credentials.account)

    @classmethod
    def service(cls, name: str) -> Principal:
        """Return a service such as `codebuild.amazonaws.com`."""
        return cls("Service", name, "")

    @classmethod
    def federated(cls, provider: str) -> Principal:
        """Return whom a provider of an account speaks for."""
        return cls("Federated", provider, provider.split(":")[4])

    @property
    def acts_for_aws(self) -> bool:
        """Tell whether AWS itself acts: no customer's policy limits what a service does without a customer's role."""
        return ":role/aws-service-role/" in self.role

    @property
    def identity(self) -> str:
        """Return the ARN of the role or user whose policies count."""
        return self.role or self.arn

    @property
    def account_names(self) -> set[str]:
        """Return how policies name its account."""
        return {self.account, f"arn:{PARTITION}:iam::{self.account}:root"}


class Context:
    """A request's context keys; their names are case-insensitive, a key with several values holds a tuple."""

    def __init__(self, values: Mapping[str, Found]) -> None:
        self._values = {key.lower(): value for key, value in values.items()}

    def get(self, key: str) -> tuple[str, ...] | None:
        """Return a key's values; None when the request does not have the key."""
        lower = key.lower()
        family, slash, _ = lower.partition("/")
        if lower in self._values:
            found = self._values[lower]
            value = found() if callable(found) else found
        elif slash and f"{family}/" in self._values:
            found = self._values[f"{family}/"]
            value = found(key[len(family) + 1 :]) if callable(found) else found
        else:
            return None
        return (value,) if isinstance(value, str) else value

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
    context: Mapping[str, Found] | None = None,
) -> AccessRequest:
    """Return a request for a resource of the account `owner`, with the context keys that every request has."""
    resources = (resource,) if isinstance(resource, str) else tuple(resource)
    keys = {**context_keys.of_principal(principal), **context_keys.of_everyone(owner), **(context or {})}
    return AccessRequest(principal, action, resources, owner, Context(keys))
