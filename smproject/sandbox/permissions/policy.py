"""What a policy says about a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from smproject.sandbox.permissions import conditions
from smproject.sandbox.permissions.conditions import Condition, listed
from smproject.sandbox.permissions.patterns import Resolve, arn_matches

if TYPE_CHECKING:
    from smproject.sandbox.permissions.request import AccessRequest, Principal

_VARIABLES_SINCE = "2012-10-17"


class Decision(Enum):
    """What policies decide: nobody is allowed by default, and a Deny outweighs every Allow."""

    ALLOW = "allow"
    IMPLICIT_DENY = "implicit deny"
    EXPLICIT_DENY = "explicit deny"


class Way(Enum):
    """How a resource's policy names the principal that it allows.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """

    DIRECT = "the session or user itself, or everybody"
    ROLE = "the session's role"
    ACCOUNT = "the account, which leaves it to the policies of its identities"


@dataclass(frozen=True)
class Statement:
    """One statement, ready to be compared with requests."""

    allows: bool
    actions: re.Pattern[str]
    actions_negated: bool
    resources: tuple[str, ...]  # none where the policy belongs to one resource
    resources_negated: bool
    conditions: tuple[Condition, ...]
    principals: Any = None
    principals_negated: bool = False
    has_variables: bool = False

    @classmethod
    def of(cls, element: Mapping[str, Any], version: str) -> Statement:
        """Prepare a statement that `document.parse` has accepted."""
        actions = listed(element["NotAction" if "NotAction" in element else "Action"])
        resources = listed(element.get("NotResource", element.get("Resource", [])))
        return cls(
            element["Effect"] == "Allow",
            re.compile("|".join(map(_expression, actions)) or "(?!)", re.IGNORECASE | re.DOTALL),
            "NotAction" in element,
            tuple(resources),
            "NotResource" in element,
            tuple(conditions.compiled(element.get("Condition", {}))),
            element.get("NotPrincipal", element.get("Principal")),
            "NotPrincipal" in element,
            version == _VARIABLES_SINCE,
        )

    def applies(self, request: AccessRequest) -> bool:
        """Tell whether it speaks of the request; who makes it is another question."""
        if (self.actions.fullmatch(request.action) is None) is not self.actions_negated:
            return False
        resolve = request.context.single if self.has_variables else None
        return self._covers(request.resources, resolve) and all(
            condition.holds(request.context, resolve) for condition in self.conditions
        )

    def _covers(self, resources: tuple[str, ...], resolve: Resolve | None) -> bool:
        if not self.resources:
            return True
        found = any(
            pattern == "*" or any(arn_matches(pattern, resource, resolve) for resource in resources)
            for pattern in self.resources
        )
        return found is not self.resources_negated

    def way(self, principal: Principal) -> Way | None:
        """Return how it names a principal; None when it does not."""
        if self.principals_negated:
            return None if _way(self.principals, principal) else Way.DIRECT
        return None if self.principals is None else _way(self.principals, principal)


@dataclass(frozen=True)
class Policy:
    """A policy's statements."""

    statements: tuple[Statement, ...] = ()


Document = Policy | Mapping[str, Any]


def prepared(document: Document) -> Policy:
    """Return a policy ready to be compared; a document without statements says nothing."""
    if isinstance(document, Policy):
        return document
    version = document.get("Version", "")
    return Policy(tuple(Statement.of(statement, version) for statement in listed(document.get("Statement", []))))


def by_identity(policies: Iterable[Document], request: AccessRequest) -> Decision:
    """Decide by policies that are attached to whoever asks."""
    statements = (s for policy in policies for s in prepared(policy).statements)
    return _decided({s.allows for s in statements if s.applies(request)})


def by_resource(policy: Document, request: AccessRequest) -> Decision:
    """Decide by the policy of what is asked for: a statement counts for the principals that it names."""
    named = (s for s in prepared(policy).statements if s.way(request.principal))
    return _decided({s.allows for s in named if s.applies(request)})


def ways(policy: Document, request: AccessRequest) -> set[Way]:
    """Return the ways in which a resource's policy allows a request."""
    found = ((s, s.way(request.principal)) for s in prepared(policy).statements if s.allows)
    return {way for s, way in found if way and s.applies(request)}


def _decided(allowed: set[bool]) -> Decision:
    if False in allowed:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if allowed else Decision.IMPLICIT_DENY


def _expression(pattern: str) -> str:
    """Return an action's pattern as a regular expression."""
    return "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in pattern)


def _way(element: Any, principal: Principal) -> Way | None:
    if element == "*":
        return Way.DIRECT
    if principal.kind in ("Service", "Federated"):
        return Way.DIRECT if principal.arn in listed(element.get(principal.kind, [])) else None
    named = set(listed(element.get("AWS", [])))
    if named & {"*", principal.arn}:
        return Way.DIRECT
    if principal.role in named and principal.role:
        return Way.ROLE
    return Way.ACCOUNT if named & principal.account_names else None
