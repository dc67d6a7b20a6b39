"""The global condition keys of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from smproject.sandbox import moto_organizations, moto_policies

if TYPE_CHECKING:
    from smproject.sandbox.permissions.request import Found, Principal


def of_principal(principal: Principal) -> dict[str, Found]:
    """Return the keys that tell who asks."""
    if principal.kind == "Service":
        return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": principal.arn}
    if principal.kind == "Federated":
        return {"aws:FederatedProvider": principal.arn}
    keys: dict[str, Found] = {
        "aws:PrincipalArn": principal.identity,  # a session's is its role's
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": principal.kind,
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
        "aws:PrincipalOrgID": _of_membership(principal.account, "organization"),
        "aws:PrincipalOrgPaths": _of_membership(principal.account, "path"),
        "aws:PrincipalTag/": lambda tag: _tags(principal).get(tag.lower()),
    }
    if principal.kind == "AssumedRole":
        keys["aws:MultiFactorAuthPresent"] = "false"  # only temporary credentials tell
        keys["aws:userid"] = lambda: moto_policies.user_id(principal.key, principal.account)
    if principal.kind == "User":
        keys["aws:username"] = principal.arn.rpartition("/")[2]
    return keys


def of_everyone(owner: str) -> dict[str, Found]:
    """Return the keys that each request has, whoever asks for a resource of the account `owner`."""
    return {
        # The sandbox listens on the loopback interface only: nobody else can read what passes there, which is what
        # the key is asked for. Its endpoint stands for AWS's, which are TLS.
        "aws:SecureTransport": "true",
        "aws:ResourceAccount": owner,
        "aws:ResourceOrgID": _of_membership(owner, "organization"),
        "aws:ResourceOrgPaths": _of_membership(owner, "path"),
        "aws:CurrentTime": lambda: datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": lambda: str(int(time.time())),
    }


_MULTIVALUED = {"path"}


def _of_membership(account: str, what: str) -> Callable[[], str | tuple[str, ...] | None]:
    def find() -> str | tuple[str, ...] | None:
        found = moto_organizations.membership(account)
        if found is None:
            return None
        value = str(getattr(found, what))
        return (value,) if what in _MULTIVALUED else value

    return find


def _tags(principal: Principal) -> dict[str, str]:
    """Return the tags of whoever asks by their names in lower case: a session's outweigh its role's."""
    own = moto_policies.identity_tags(principal.identity)
    given = moto_policies.session(principal.key, principal.account).tags if principal.key else {}
    return {name.lower(): value for name, value in [*own.items(), *given.items()]}
