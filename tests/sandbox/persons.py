"""People who hold nothing but what a test gives them: roles without policies, and sessions of these."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
from harness import ACCOUNTS, Sandbox


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
        sts = sandbox.client("sts", profile)
        self.keys = sts.assume_role(RoleArn=self.arn, RoleSessionName="test")["Credentials"]

    def client(self, service: str) -> Any:
        """Return a client that acts as the person."""
        keys = (self.keys["AccessKeyId"], self.keys["SecretAccessKey"], self.keys["SessionToken"])
        return boto3.Session(*keys, "us-east-1").client(service, endpoint_url=self.sandbox.endpoint)

    def allow(self, action: str, *resources: str, **more: Any) -> None:
        """Give the role a permission."""
        statement = {"Effect": "Allow", "Action": action, "Resource": list(resources), **more}
        self.iam.put_role_policy(RoleName=self.name, PolicyName=uuid.uuid4().hex, PolicyDocument=policy(statement))

    @property
    def session(self) -> str:
        """Return the ARN of the session."""
        return f"arn:aws:sts::{self.account}:assumed-role/{self.name}/test"


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
