"""GITHUB_TOKEN: what a job's steps show to the host; it says what the job's `permissions` allow, and how long.

https://docs.github.com/en/actions/concepts/security/github_token
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError

from smproject.sandbox.git_issuers import ALGORITHM, signing_key

USER = "x-access-token"  # git's user name, whose password is a token
ACTOR = "github-actions[bot]"  # who acts by a token
_PREFIX, _AUDIENCE = "ghs_", "api"
_LEVELS = {"read": 1, "write": 2}


@dataclass(frozen=True)
class Grant:
    """What a token allows in one repository."""

    full_name: str
    permissions: Mapping[str, str]

    def allows(self, scopes: Iterable[str], level: str) -> bool:
        """Tell whether it allows `read` or `write` of one of some scopes, such as pull-requests."""
        return any(_LEVELS.get(self.permissions.get(each, ""), 0) >= _LEVELS[level] for each in scopes)


def issue(home: Path, grant: Grant, seconds: float) -> str:
    """Return a token for some time from now on."""
    claims = {"aud": _AUDIENCE, "exp": int(time.time() + seconds), "repository": grant.full_name}
    claims["permissions"] = dict(grant.permissions)
    return _PREFIX + jwt.encode({"alg": ALGORITHM}, claims, signing_key(home), algorithms=[ALGORITHM])


def read(home: Path, token: str) -> Grant | None:
    """Return what a token allows; None for one that the host has not issued, or that has expired."""
    try:
        claims = jwt.decode(token.removeprefix(_PREFIX), signing_key(home), algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(aud={"essential": True, "value": _AUDIENCE}, exp={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        return None
    return Grant(str(claims["repository"]), dict(claims["permissions"]))
