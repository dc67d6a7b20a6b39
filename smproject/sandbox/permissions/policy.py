"""What policies say about a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from smproject.sandbox.permissions import conditions
from smproject.sandbox.permissions.document import Document, listed
from smproject.sandbox.permissions.patterns import arn_matches, matches
from smproject.sandbox.permissions.request import AccessRequest, Principal

_VARIABLES_SINCE = "2012-10-17"


class Decision(Enum):
    """What policies decide: nobody is allowed by default, and a Deny outweighs every Allow."""

    ALLOW = "allow"
    IMPLICIT_DENY = "implicit deny"
    EXPLICIT_DENY = "explicit deny"


def by_identity(policies: Iterable[Document], request: AccessRequest) -> Decision:
    """Decide by policies that are attached to whoever asks."""
    return _decide([(policy, s) for policy in policies for s in _statements(policy)], request)


def by_resource(policy: Document, request: AccessRequest) -> Decision:
    """Decide by the policy of what is asked for: a statement counts for the principals that it names."""
    return _decide([(policy, s) for s in _statements(policy) if _names(s, request.principal)], request)


def _decide(statements: Iterable[tuple[Document, Document]], request: AccessRequest) -> Decision:
    effects = {statement["Effect"] for policy, statement in statements if _applies(policy, statement, request)}
    if "Deny" in effects:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOW if "Allow" in effects else Decision.IMPLICIT_DENY


def _statements(policy: Document) -> list[Document]:
    return listed(policy.get("Statement", []))


def _applies(policy: Document, statement: Document, request: AccessRequest) -> bool:
    resolve = request.context.single if policy.get("Version") == _VARIABLES_SINCE else None

    def is_action(pattern: str) -> bool:
        return matches(pattern.lower(), request.action.lower())

    def is_resource(pattern: str) -> bool:
        return pattern == "*" or any(arn_matches(pattern, resource, resolve) for resource in request.resources)

    return (
        _covers(statement, "Action", is_action)
        and _covers(statement, "Resource", is_resource)
        and conditions.hold(statement.get("Condition", {}), request.context, resolve)
    )


def _covers(statement: Document, element: str, is_one: Callable[[str], bool]) -> bool:
    """Tell whether an element, or its Not- form, covers the request; a policy of one resource needs no Resource."""
    if f"Not{element}" in statement:
        return not any(map(is_one, listed(statement[f"Not{element}"])))
    if element not in statement:
        return element == "Resource"
    return any(map(is_one, listed(statement[element])))


def _names(statement: Document, principal: Principal) -> bool:
    """Tell whether a statement names a principal; one without principals names nobody.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if "NotPrincipal" in statement:
        return not _means(statement["NotPrincipal"], principal)
    return "Principal" in statement and _means(statement["Principal"], principal)


def _means(element: Any, principal: Principal) -> bool:
    if element == "*":
        return True
    if principal.kind == "Service" and principal.arn in listed(element.get("Service", [])):
        return True
    return bool(principal.names & set(listed(element.get("AWS", []))))
