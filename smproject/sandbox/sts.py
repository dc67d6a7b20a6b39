"""STS: roles are assumed only where they exist and trust the caller; moto answers the rest of the API."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from smproject.sandbox import moto_seam
from smproject.sandbox.service import Caller, Request, Service, ServiceError


class Sts(Service):
    """AssumeRole as AWS does it; conditions of trust policies are not evaluated."""

    name = "sts"
    over_moto = True

    def assume_role(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return credentials of a role that trusts the caller."""
        role = request["RoleArn"]
        if not trusts(moto_seam.trust_policy(role) or {}, caller):
            message = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
            raise ServiceError("AccessDenied", message)
        session = moto_seam.session_credentials(role, request["RoleSessionName"], caller.region)
        expires = datetime.now(timezone.utc) + timedelta(seconds=int(request.get("DurationSeconds", 3600)))
        return {
            "Credentials": {
                "AccessKeyId": session.access_key,
                "SecretAccessKey": session.secret_key,
                "SessionToken": session.token,
                "Expiration": expires,
            },
            "AssumedRoleUser": {"AssumedRoleId": f"AROA:{request['RoleSessionName']}", "Arn": session.arn},
        }


def trusts(policy: dict[str, Any], caller: Caller) -> bool:
    """Tell whether a statement allows the caller, its role, its account, or everyone."""
    accepted = {"*", caller.arn, caller.account, f"arn:aws:iam::{caller.account}:root", _role_arn(caller.arn)}
    statements = _listed(policy.get("Statement", []))
    principals = [s.get("Principal", {}) for s in statements if s.get("Effect") == "Allow"]
    named = [p if p == "*" else p.get("AWS", []) for p in principals]
    return any(accepted & set(_listed(names)) for names in named)


def _role_arn(session_arn: str) -> str:
    """Return the role of a session's ARN (without a path, which the session's ARN does not hold)."""
    head, _, rest = session_arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.split('/')[0]}" if rest else session_arn


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
