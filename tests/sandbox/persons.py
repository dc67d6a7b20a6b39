"""People who hold nothing but what a test gives them: roles without policies, and sessions of these."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, LOADER, Sandbox


class Person:
    """A session of a new role of an account; the account's own people may assume it."""

    def __init__(self, sandbox: Sandbox, profile: str, path: str = "/", **role: Any) -> None:
        self.sandbox, self.profile, self.account = sandbox, profile, ACCOUNTS[profile]
        self.iam = sandbox.client("iam", profile)
        self.name = f"person-{uuid.uuid4().hex[:8]}"
        root = {"AWS": f"arn:aws:iam::{self.account}:root"}
        trust = policy({"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"})
        made = self.iam.create_role(RoleName=self.name, Path=path, AssumeRolePolicyDocument=trust, **role)
        self.arn = str(made["Role"]["Arn"])
        self.keys = self.assume()

    def assume(self, **session: Any) -> dict[str, Any]:
        """Return the keys of a session of the role; its policies and tags may be given."""
        sts = self.sandbox.client("sts", self.profile)
        return dict(sts.assume_role(RoleArn=self.arn, RoleSessionName="test", **session)["Credentials"])

    def client(self, service: str, keys: dict[str, Any] | None = None) -> Any:
        """Return a client that acts as the person, in the session with other keys if they are given."""
        return client(self.sandbox, service, keys or self.keys)

    def allow(self, action: str, *resources: str, **more: Any) -> None:
        """Give the role a permission."""
        self._add({"Effect": "Allow", "Action": action, "Resource": list(resources), **more})

    def deny(self, action: str, *resources: str, **more: Any) -> None:
        """Deny the role something, whatever allows it."""
        self._add({"Effect": "Deny", "Action": action, "Resource": list(resources), **more})

    def _add(self, statement: dict[str, Any]) -> None:
        self.iam.put_role_policy(RoleName=self.name, PolicyName=uuid.uuid4().hex, PolicyDocument=policy(statement))

    @property
    def session(self) -> str:
        """Return the ARN of the session."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/test"


def client(sandbox: Sandbox, service: str, keys: dict[str, Any]) -> Any:
    """Return a client with keys as IAM and STS give them."""
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    session = boto3.Session(*(keys.get(name) for name in names), "us-east-1")
    session._session.register_component("data_loader", LOADER)
    return session.client(service, endpoint_url=sandbox.endpoint)


def denial(call: Callable[[], Any]) -> str:
    """Return the message with which a call is denied."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    assert error["Code"] in {"AccessDenied", "AccessDeniedException", "AuthorizationError"}, error
    return str(error["Message"])


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
