"""Who may assume a role: its trust policy and, across accounts, the policies of whoever asks.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from collections.abc import Mapping

from smproject.sandbox import moto_policies
from smproject.sandbox.permissions import access
from smproject.sandbox.permissions.access import Question, Rule
from smproject.sandbox.permissions.policy import Decision, by_resource
from smproject.sandbox.permissions.request import Found, Principal, access_request
from smproject.sandbox.service import ServiceError

ACTION = "sts:AssumeRole"


def demand_for_service(role_arn: str, service: str, source_arn: str) -> None:
    """Raise ServiceError unless a service may assume a role on behalf of the resource `source_arn`.

    The source's account is the role's where the source has none.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    policy = moto_policies.trust_policy(role_arn)
    if policy is None:
        message = f"The role {role_arn} does not exist, so {service} cannot assume it."
        raise ServiceError("AccessDeniedException", message)
    owner = account_of(role_arn)
    source: dict[str, Found] = {"aws:SourceAccount": account_of(source_arn) or owner}
    if source_arn:
        source["aws:SourceArn"] = source_arn
    request = access_request(Principal.service(service), ACTION, role_arn, owner, source)
    if by_resource(policy, request) is not Decision.ALLOW:
        told = ", ".join(f"{key} {value}" for key, value in source.items())
        message = (
            f"{service} is not authorized to perform {ACTION} on {role_arn}: the role does not trust it (with {told})."
        )
        raise ServiceError("AccessDeniedException", message)


def demand_for_caller(role_arn: str, principal: Principal, action: str, given: Mapping[str, Found]) -> str:
    """Raise ServiceError unless a principal may assume a role; `given` are the context keys of its request.

    Returns the kind of policy that allows it.
    """
    policy = moto_policies.trust_policy(role_arn)
    request = access_request(principal, action, role_arn, account_of(role_arn), given)
    if policy is None:  # AWS does not tell strangers which roles exist
        raise ServiceError("AccessDenied", access.refusal(request))
    verdict = access.judge(Question(request, policy, Rule.DECIDES, access.TRUST))
    if not verdict.allowed:
        raise ServiceError("AccessDenied", verdict.reason)
    return verdict.by


def demand_for_web_identity(role_arn: str, provider: str, given: Mapping[str, Found]) -> None:
    """Raise ServiceError unless the web identities of a provider may assume a role; `given` are the keys of one."""
    policy, action = moto_policies.trust_policy(role_arn), "sts:AssumeRoleWithWebIdentity"
    request = access_request(Principal.federated(provider), action, role_arn, account_of(role_arn), given)
    if policy is None or by_resource(policy, request) is not Decision.ALLOW:
        raise ServiceError("AccessDenied", f"Not authorized to perform {action}")


def account_of(arn: str) -> str:
    """Return the account in an ARN; empty where it has none."""
    return arn.split(":")[4] if arn.count(":") >= 5 else ""
