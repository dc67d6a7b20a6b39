"""The accounts that a sandbox begins with: an organization, its people's roles, and their profiles."""

from __future__ import annotations

import configparser
import json

import pytest
from harness import ACCOUNTS, Sandbox

HUB = "shared-services"


def test_the_shared_services_account_leads_an_organization_that_shares_the_catalogue(sandbox: Sandbox) -> None:
    organizations = sandbox.client("organizations", HUB)
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == ACCOUNTS[HUB]
    enabled = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert "servicecatalog.amazonaws.com" in {item["ServicePrincipal"] for item in enabled}


@pytest.mark.parametrize("profile", ACCOUNTS)
def test_a_persons_role_exists_and_trusts_its_own_account_only(sandbox: Sandbox, profile: str) -> None:
    name = sandbox.client("sts", profile).get_caller_identity()["Arn"].split("/")[1]
    trust = sandbox.client("iam", profile).get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    [statement] = trust["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNTS[profile]}:root"}
    assert json.dumps(trust).count("*") == 0


def test_the_profiles_hold_temporary_credentials_that_only_their_owner_can_read(sandbox: Sandbox) -> None:
    secrets = configparser.ConfigParser()
    secrets.read(sandbox.home / "credentials")
    assert secrets.sections() == list(ACCOUNTS)
    assert all(secrets[profile]["aws_session_token"] for profile in ACCOUNTS)
    assert len({secrets[profile]["aws_access_key_id"] for profile in ACCOUNTS}) == len(ACCOUNTS)
    assert (sandbox.home / "credentials").stat().st_mode & 0o077 == 0


def test_the_aws_cli_uses_the_profiles_as_they_are(sandbox: Sandbox) -> None:
    asked = sandbox.run_cli("sts", "get-caller-identity", profile="production")
    assert json.loads(asked.stdout)["Account"] == ACCOUNTS["production"], asked.stderr
