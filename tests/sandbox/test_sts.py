"""Roles are assumed only where they exist and trust whoever asks."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox

MEMBERS = sorted(set(ACCOUNTS) - {"shared-services"})


@pytest.mark.parametrize("member", MEMBERS)
def test_the_hub_may_act_in_the_accounts_of_its_organization(sandbox: Sandbox, member: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNTS[member]}:role/OrganizationAccountAccessRole"
    given = sandbox.client("sts", "shared-services").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
    identity = session.client("sts", endpoint_url=sandbox.endpoint).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNTS[member]}:assumed-role/OrganizationAccountAccessRole/test"


@pytest.mark.parametrize(
    ("profile", "role"),
    [
        ("development", f"arn:aws:iam::{ACCOUNTS['production']}:role/OrganizationAccountAccessRole"),
        ("shared-services", f"arn:aws:iam::{ACCOUNTS['development']}:role/NobodyMadeThisRole"),
        ("shared-services", "arn:aws:iam::999999999999:role/OrganizationAccountAccessRole"),
    ],
    ids=["not trusted", "no such role", "no such account"],
)
def test_other_roles_are_refused_in_the_words_of_aws(sandbox: Sandbox, profile: str, role: str) -> None:
    with pytest.raises(ClientError) as refused:
        sandbox.client("sts", profile).assume_role(RoleArn=role, RoleSessionName="test")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert f"is not authorized to perform: sts:AssumeRole on resource: {role}" in str(refused.value)


def test_a_role_that_names_another_role_trusts_its_sessions(sandbox: Sandbox) -> None:
    scientist = f"arn:aws:iam::{ACCOUNTS['development']}:role/DataScientist"
    role = sandbox.role("trusts-the-scientist", scientist)
    assumed = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["AssumedRoleUser"]["Arn"]
    assert assumed == f"arn:aws:sts::{ACCOUNTS['development']}:assumed-role/trusts-the-scientist/test"
