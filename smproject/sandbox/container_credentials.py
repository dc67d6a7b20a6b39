"""Credentials as containers get them on AWS: at an address, for a token, and anew before they end.

What assumes another role by a profile, with `credential_source = EcsContainer`, begins with these; credentials in
variables would come before that profile.
Reference: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any

from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.replies import Reply

PATH = "/_container-credentials"
_LIFE = timedelta(hours=1)
_ENDED = {"code": "InvalidToken", "message": "No container has this token: its build has ended."}


class ContainerCredentials:
    """Lends credentials to containers, each until it ends."""

    def __init__(self) -> None:
        self._lent: dict[str, Credentials] = {}

    def lend(self, credentials: Credentials, endpoint: str) -> dict[str, str]:
        """Return the variables by which AWS's tools find the credentials."""
        token = secrets.token_urlsafe(32)
        self._lent[token] = credentials
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint}{PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        }

    def take_back(self, variables: dict[str, str]) -> None:
        """Answer no more for the token of these variables."""
        self._lent.pop(variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""), None)

    def answer(self, environ: dict[str, Any]) -> Reply:
        """Answer a request for credentials."""
        found = self._lent.get(environ.get("HTTP_AUTHORIZATION", ""))
        told = _told(found) if found else _ENDED
        return Reply(200 if found else 401, {"Content-Type": "application/json"}, json.dumps(told).encode())


def _told(credentials: Credentials) -> dict[str, str]:
    return {
        "AccessKeyId": credentials.access_key,
        "SecretAccessKey": credentials.secret_key,
        "Token": credentials.token,
        "Expiration": (datetime.now(timezone.utc) + _LIFE).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "RoleArn": credentials.role,
    }
