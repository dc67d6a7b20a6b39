"""What the rules of all services share."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smproject.sandbox.moto_seam import PARTITION
from smproject.sandbox.permissions.asked import Asked

Items = list[tuple[str, ...]]  # each must be allowed, by any of its ARNs
Rule = Callable[[Asked], Items]
Name = Callable[[Asked, str], str]


def arn(asked: Asked, resource: str, account: str | None = None) -> str:
    """Return the ARN of a resource of the asked service, in the caller's account unless another is given."""
    owner = asked.account if account is None else account
    return f"arn:{PARTITION}:{asked.prefix}:{asked.region}:{owner}:{resource}"


def first(asked: Asked, *templates: str) -> str:
    """Return the first member that a request has; empty when it has none of them."""
    return next((found[0] for template in templates if (found := asked.values(template))), "")


def each(prefix: str, rule: Rule, names: Iterable[str]) -> dict[tuple[str, str], Rule]:
    """Return one rule for several actions of a service."""
    return {(prefix, name): rule for name in names}
