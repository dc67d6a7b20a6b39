"""The sandbox's accounts: an organization, a role for the people of each account, and their AWS profiles."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

from smproject.sandbox import moto_seam
from smproject.sandbox.world import ACCOUNTS, World

HUB = "shared-services"
ORGANIZATION_ROLE = "OrganizationAccountAccessRole"


def prepare(world: World) -> None:
    """Create the organization, the accounts' roles and the profiles' files."""
    world.background("accounts", lambda: None).join()
    _write_profiles(world)


def _write_profiles(world: World) -> None:
    config, secrets = configparser.ConfigParser(), configparser.ConfigParser()
    for profile, (account, role) in ACCOUNTS.items():
        arn = f"arn:aws:iam::{account}:role/{role}"
        session = moto_seam.session_credentials(arn, profile, world.region)
        config[f"profile {profile}"] = {"region": world.region, "output": "json", "endpoint_url": world.endpoint}
        secrets[profile] = {
            "aws_access_key_id": session.access_key,
            "aws_secret_access_key": session.secret_key,
            "aws_session_token": session.token,
        }
    _write(world.home / "config", config)
    _write(world.home / "credentials", secrets)


def _write(path: Path, content: configparser.ConfigParser) -> None:
    path.touch(mode=0o600)
    with path.open("w") as file:
        content.write(file)


def trust(principal: dict[str, str]) -> str:
    """Return a trust policy for one principal, as JSON."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
