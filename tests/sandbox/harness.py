"""The AWS tools of a test, set up for the sandbox that the fixture `sandbox` (conftest.py) runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import botocore.session
from botocore.loaders import Loader

Found = TypeVar("Found")
PATIENCE = 600  # seconds: what is awaited does come, on a busy machine later
LOADER = Loader(include_default_search_paths=True)  # reading each service's model once makes clients cheap
ACCOUNTS = {
    "shared-services": "111111111111",
    "development": "222222222222",
    "staging": "333333333333",
    "production": "444444444444",
}


@dataclass(frozen=True)
class Sandbox:
    """A server that runs until the tests end; `home` holds its files, the profiles' among them."""

    endpoint: str
    home: Path

    def client(self, service: str, profile: str = "development") -> Any:
        """Return a boto3 client that acts as a profile."""
        session = botocore.session.Session(profile=profile)
        session.register_component("data_loader", LOADER)
        session.set_config_variable("config_file", str(self.home / "config"))
        session.set_config_variable("credentials_file", str(self.home / "credentials"))
        # The tests' own environment may name another region or endpoint, which would come before the profile's.
        return boto3.Session(botocore_session=session, region_name="us-east-1").client(
            service, endpoint_url=self.endpoint
        )

    def environment(self, profile: str = "development") -> dict[str, str]:
        """Return the environment of a program that acts as a profile."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GIT_"))}
        files = {"AWS_CONFIG_FILE": self.home / "config", "AWS_SHARED_CREDENTIALS_FILE": self.home / "credentials"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return {**kept, **{name: str(file) for name, file in files.items()}, "AWS_PROFILE": profile, "PATH": path}

    def run_cli(self, *arguments: str, profile: str = "development") -> subprocess.CompletedProcess[str]:
        """Run the AWS CLI as a profile."""
        environment = self.environment(profile)
        return subprocess.run(["aws", *arguments], env=environment, capture_output=True, text=True, check=False)

    def role(
        self, name: str, *principals: str, profile: str = "development", policies: Iterable[str] | None = None
    ) -> str:
        """Return the ARN of a role, made when missing, that services (`codebuild.amazonaws.com`) or ARNs may assume.

        It may do everything, unless a test says what it may: `policies` are texts, and none allow nothing.
        """
        iam = self.client("iam", profile)
        trusted: dict[str, list[str]] = {}
        for principal in principals:
            trusted.setdefault("AWS" if principal.startswith("arn:") else "Service", []).append(principal)
        statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        try:
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        except iam.exceptions.EntityAlreadyExistsException:
            made = iam.get_role(RoleName=name)
        if policies is None:
            iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        for number, text in enumerate(policies or ()):
            iam.put_role_policy(RoleName=name, PolicyName=f"test-{number}", PolicyDocument=text)
        return str(made["Role"]["Arn"])


def eventually(look: Callable[[], Found]) -> Found:
    """Return what `look` finds as soon as it is truthy; fail with the last look when it isn't, within PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, f"Not within {PATIENCE} s; the last look gave {found!r}."
        time.sleep(0.05)
    return found


def settled(sagemaker: Any, project: str) -> dict[str, Any]:
    """Wait until nothing is done to a SageMaker project; return its description."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_project(ProjectName=project)
        return None if found["ProjectStatus"].endswith(("Pending", "InProgress")) else found

    return eventually(look)
