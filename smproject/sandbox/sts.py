"""STS: roles are assumed where they exist, trust the caller and, across accounts, where the caller may ask for them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from smproject.sandbox import moto_seam
from smproject.sandbox.permissions import trust
from smproject.sandbox.permissions.request import Principal
from smproject.sandbox.service import Caller, Request, Service, ServiceError


class Sts(Service):
    """AssumeRole as AWS does it; moto answers the rest of the API."""

    name = "sts"
    over_moto = True
    # Each would narrow or mark the session, which nothing here would respect.
    unsupported = frozenset(
        {"Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "SerialNumber", "TokenCode"}
        | {"ProvidedContexts"}
    )

    def assume_role(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return credentials of a role that the caller may assume."""
        role = request["RoleArn"]
        given = {"sts:RoleSessionName": request["RoleSessionName"], "aws:RequestedRegion": caller.region}
        if "ExternalId" in request:
            given["sts:ExternalId"] = request["ExternalId"]
        trust.demand_for_caller(role, Principal.of(caller.credentials), given)
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

    def assume_role_with_web_identity(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse: moto would ask no trust policy."""
        raise ServiceError("NotImplemented", "The sandbox does not implement sts:AssumeRoleWithWebIdentity.")

    def assume_role_with_saml(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse: moto would ask no trust policy."""
        raise ServiceError("NotImplemented", "The sandbox does not implement sts:AssumeRoleWithSAML.")
