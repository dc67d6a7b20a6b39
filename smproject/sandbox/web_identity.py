"""Web identities as STS reads them: who issued a token, for whom, and whether an account knows that issuer.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from smproject.sandbox import moto_policies
from smproject.sandbox.git_issuers import ALGORITHM, GITHUB, ISSUERS
from smproject.sandbox.permissions.request import Found
from smproject.sandbox.service import ServiceError

# The claims that conditions may ask for, beside those of every issuer.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
_CLAIMS = ("sub", "aud", "amr")
_MORE = {
    GITHUB: (
        *("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref"),
        *("ref", "repository", "repository_id", "workflow"),
    )
}

_SKEW_SECONDS = 300  # clocks differ


@dataclass(frozen=True)
class WebIdentity:
    """Whom a token speaks for: the ARN of the account's provider, subject, audience, and its condition keys."""

    provider: str
    subject: str
    audience: str
    keys: Mapping[str, Found]


def verified(token: str, account: str, key: RSAKey) -> WebIdentity:
    """Return whom a token speaks for in an account; raises ServiceError unless its issuer has signed it with `key`.

    Where AWS's words are known from its users' reports they are AWS's.
    """
    claims = _claims(token)
    issuer = str(claims.get("iss"))
    host = issuer.removeprefix("https://")
    found = moto_policies.web_identity_provider(host, account)
    if found is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    _check_signature(token, issuer, key)
    _check_times(claims)
    audience = claims.get("aud")
    if audience not in found.client_ids:
        raise _invalid("Incorrect token audience")
    told = {name: claims[name] for name in (*_CLAIMS, *_MORE.get(issuer, ())) if name in claims}
    keys: dict[str, Found] = {f"{host}:{name}": _values(value) for name, value in told.items()}
    return WebIdentity(found.arn, str(claims.get("sub", "")), str(audience), keys)


def _claims(token: str) -> dict[str, Any]:
    """Return what a token says, whoever has signed it."""
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError) as error:
        text = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        raise _invalid(text) from error
    if not isinstance(claims, dict) or not {"iss", "sub", "aud", "exp", "iat"} <= claims.keys():
        raise _invalid("Missing a required claim: iss, sub, aud, exp and iat are needed")
    return claims


def _check_signature(token: str, issuer: str, key: RSAKey) -> None:
    if issuer not in ISSUERS.values():
        known = " and ".join(ISSUERS.values())
        message = f"Couldn't retrieve verification key from your identity provider: the sandbox stands for {known}"
        raise _invalid(message)
    try:
        jwt.decode(token, key, algorithms=[ALGORITHM])
    except JoseError as error:
        raise _invalid(f"The token is not signed with a key of {issuer} ({ALGORITHM})") from error


def _check_times(claims: Mapping[str, Any]) -> None:
    now = int(time.time())
    try:
        expires, begins = float(claims["exp"]), max(float(claims["iat"]), float(claims.get("nbf", 0)))
    except (TypeError, ValueError) as error:
        raise _invalid("A time in the token is not a number of seconds") from error
    if now >= expires:
        message = f"Token expired: current date/time {now} must be before the expiration date/time {int(expires)}"
        raise ServiceError("ExpiredTokenException", message)
    if now < begins - _SKEW_SECONDS:
        raise _invalid(f"Token is not valid before {int(begins)}: current date/time {now}")


def _values(value: Any) -> str | tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else str(value)


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidIdentityToken", message)
