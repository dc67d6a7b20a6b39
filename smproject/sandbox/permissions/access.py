"""Whether a call is allowed: every kind of policy that AWS asks, in its order.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from smproject.sandbox import moto_organizations, moto_policies
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.policy import Decision, Document, Policy, Way, by_identity, by_resource, ways
from smproject.sandbox.permissions.request import AccessRequest, Principal
from smproject.sandbox.service import ServiceError

IDENTITY, RESOURCE, BOUNDARY = "identity-based policy", "resource-based policy", "permissions boundary"
SESSION, CONTROL, TRUST = "session policy", "service control policy", "role trust policy"


class Rule(Enum):
    """What the policy of a resource is for.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """

    ADDS = "it allows by itself, beside the policies of identities"
    DECIDES = "without it nobody is allowed: keys, and who may assume a role"


@dataclass(frozen=True)
class Question:
    """A request, and the policy of what it wants; `kind` is what AWS calls that policy.

    `unchecked` tells that the sandbox does not know what permission the call needs: nothing can be decided.
    """

    request: AccessRequest
    policy: Document | None = None
    rule: Rule = Rule.ADDS
    kind: str = RESOURCE
    unchecked: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether a request is allowed, by which kind of policy (`by`), and else why not, in AWS's words."""

    reason: str
    by: str

    @property
    def allowed(self) -> bool:
        """Tell whether it is allowed."""
        return not self.reason


def demand(request: AccessRequest, resource_policy: Document | None, code: str = "AccessDeniedException") -> None:
    """Raise ServiceError with `code`, in AWS's words, unless the request is allowed."""
    if reason := denial(request, resource_policy):
        raise ServiceError(code, reason)


def denial(request: AccessRequest, resource_policy: Document | None) -> str:
    """Return why a request to another account is denied, in AWS's words; the door judges those to the own one."""
    return "" if request.principal.account == request.owner else judge(Question(request, resource_policy)).reason


def judge(question: Question) -> Verdict:
    """Decide on a request."""
    request, kind = question.request, question.kind
    if request.principal.acts_for_aws:
        return Verdict("", "aws")
    policy = question.policy or Policy()
    sides = _of_caller(request)
    of_resource = (kind, by_resource(policy, request))
    for name, decision in [of_resource, *sides]:
        if decision is Decision.EXPLICIT_DENY:
            return Verdict(f"{refusal(request)} with an explicit deny in {_article(name)} {name}", name)
    if request.principal.account != request.owner:
        return _of_both(request, [of_resource, *sides])
    return _of_one(question, ways(policy, request), dict(sides))


def _of_both(request: AccessRequest, decisions: Iterable[tuple[str, Decision]]) -> Verdict:
    """Decide across accounts: each side has to allow."""
    for name, decision in decisions:
        if decision is not Decision.ALLOW:
            return _missing(request, name)
    return Verdict("", RESOURCE)


def _of_one(question: Question, named: set[Way], sides: dict[str, Decision]) -> Verdict:
    """Decide within an account, where no policy denies explicitly.

    What is granted to a session or user itself is limited by service control policies only; what is granted to its
    role also by the boundary and the session's policies.
    """
    request, kind = question.request, question.kind
    granted = bool(named & {Way.DIRECT, Way.ROLE})
    if not granted and question.rule is Rule.DECIDES and Way.ACCOUNT not in named:
        return _missing(request, kind)
    asked = [CONTROL] if Way.DIRECT in named else [CONTROL, BOUNDARY, SESSION]
    for name in asked if granted else [CONTROL, IDENTITY, BOUNDARY, SESSION]:
        if sides.get(name, Decision.ALLOW) is not Decision.ALLOW:
            return _missing(request, name)
    return Verdict("", kind if granted else IDENTITY)


def _missing(request: AccessRequest, kind: str) -> Verdict:
    return Verdict(f"{refusal(request)} because no {kind} allows the {request.action} action", kind)


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"


def refusal(request: AccessRequest) -> str:
    """Return the words with which AWS begins a refusal.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    return (
        f"User: {request.principal.arn} is not authorized to perform: {request.action} "
        f"on resource: {request.resources[0]}"
    )


def _of_caller(request: AccessRequest) -> list[tuple[str, Decision]]:
    """Return what each kind of policy on the caller's side decides, where there is such a policy."""
    principal = request.principal
    decisions = [*_of_organization(request)]
    if principal.kind == "Account":  # only the organization limits an account's root
        return [*decisions, (IDENTITY, Decision.ALLOW)]
    found = moto_policies.identity_policies(principal.identity)
    decisions.append((IDENTITY, by_identity(found.attached, request)))
    if found.boundary is not None:
        decisions.append((BOUNDARY, by_identity([found.boundary], request)))
    if limits := _of_session(principal):
        decisions.append((SESSION, by_identity(limits, request)))
    return decisions


def _of_session(principal: Principal) -> list[Policy]:
    texts = moto_policies.session(principal.key, principal.account).policies if principal.key else ()
    return [kept(text, principal.arn) for text in texts]


def _of_organization(request: AccessRequest) -> list[tuple[str, Decision]]:
    """Return what the service control policies decide: each level has to allow.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
    """
    found = moto_organizations.membership(request.principal.account)
    if found is None or not found.control:
        return []
    levels = [by_identity([kept(text, CONTROL) for text in level], request) for level in found.control]
    order = (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY, Decision.ALLOW)
    return [(CONTROL, min(levels, key=order.index))]
