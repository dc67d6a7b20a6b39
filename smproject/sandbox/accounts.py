"""The sandbox's accounts: an organization, the roles of people, and the AWS profiles that speak for them."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

from smproject.sandbox import moto_seam
from smproject.sandbox.lifecycle import ACCOUNTS
from smproject.sandbox.world import World

HUB = "shared-services"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"  # what AWS gives the role of a member account
MEMBER_ROLE = "OrganizationAccountAccessRole"


def prepare(world: World) -> None:
    """Create the organization, each account's roles, and the files with the profiles."""
    hub = ACCOUNTS[HUB][0]
    organizations = world.client("organizations", world.service_credentials(hub))
    organizations.create_organization(FeatureSet="ALL")
    organizations.enable_aws_service_access(ServicePrincipal="servicecatalog.amazonaws.com")
    for profile, (account, role) in ACCOUNTS.items():
        iam = world.client("iam", world.service_credentials(account))
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_trust(account))
        iam.attach_role_policy(RoleName=role, PolicyArn=ADMINISTRATOR)
        if account != hub:
            moto_seam.create_member_account(hub, account, profile)
            iam.attach_role_policy(RoleName=MEMBER_ROLE, PolicyArn=ADMINISTRATOR)
    _write_profiles(world)


def renew(world: World) -> None:
    """Write the profiles' file anew, as the endpoint may have moved; credentials that are still there stay."""
    if (world.home / "credentials").is_file():
        _write_config(world)
    else:
        _write_profiles(world)


def _trust(account: str) -> str:
    """Return a trust policy for an account, as JSON."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _write_profiles(world: World) -> None:
    secrets = configparser.ConfigParser()
    for profile, (account, role) in ACCOUNTS.items():
        session = moto_seam.session_credentials(f"arn:aws:iam::{account}:role/{role}", profile, world.region)
        secrets[profile] = {
            "aws_access_key_id": session.access_key,
            "aws_secret_access_key": session.secret_key,
            "aws_session_token": session.token,
        }
    _write_config(world)
    _write(world.home / "credentials", secrets)


def _write_config(world: World) -> None:
    config = configparser.ConfigParser()
    for profile in ACCOUNTS:
        config[f"profile {profile}"] = {"region": world.region, "output": "json", "endpoint_url": world.endpoint}
    _write(world.home / "config", config)


def _write(path: Path, content: configparser.ConfigParser) -> None:
    path.touch(mode=0o600)
    with path.open("w") as file:
        content.write(file)
