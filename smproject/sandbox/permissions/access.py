"""Calls that leave their caller's account: the caller's policies and the resource's must both allow them.

Within one account nothing is decided yet: there, a call needs the permission of either side.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from smproject.sandbox import moto_policies
from smproject.sandbox.permissions.document import Document
from smproject.sandbox.permissions.policy import Decision, by_identity, by_resource
from smproject.sandbox.permissions.request import AccessRequest
from smproject.sandbox.service import ServiceError


def demand(request: AccessRequest, resource_policy: Document | None, code: str = "AccessDeniedException") -> None:
    """Raise ServiceError with `code`, in AWS's words, unless the request is allowed."""
    if reason := denial(request, resource_policy):
        raise ServiceError(code, reason)


def denial(request: AccessRequest, resource_policy: Document | None) -> str:
    """Return why a request is denied, naming principal, action, resource and policy; empty when it is allowed."""
    if request.principal.account == request.owner or request.principal.acts_for_aws:
        return ""
    of_resource = ("resource-based policy", by_resource(resource_policy or {}, request))
    return reason(request, [of_resource, *of_caller(request)])


def reason(request: AccessRequest, decisions: list[tuple[str, Decision]]) -> str:
    """Return AWS's words for the first kind of policy that denies; empty when each allows.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    for kind, decision in decisions:
        if decision is Decision.EXPLICIT_DENY:
            return f"{refusal(request)} with an explicit deny in {'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    for kind, decision in decisions:
        if decision is Decision.IMPLICIT_DENY:
            return f"{refusal(request)} because no {kind} allows the {request.action} action"
    return ""


def refusal(request: AccessRequest) -> str:
    """Return the words with which AWS begins a refusal."""
    return (
        f"User: {request.principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {request.resources[0]}"
    )


def of_caller(request: AccessRequest) -> list[tuple[str, Decision]]:
    """Return what the caller's own policies decide; a permissions boundary limits what the others allow."""
    found = moto_policies.identity_policies(request.principal.role or request.principal.arn)
    decisions = [("identity-based policy", by_identity(found.attached, request))]
    if found.boundary is not None:
        decisions.append(("permissions boundary", by_identity([found.boundary], request)))
    return decisions
