"""Roles are assumed only where they exist and trust whoever asks, under the conditions that they set."""

from __future__ import annotations

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox
from persons import Person, policy

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


def trusting(sandbox: Sandbox, profile: str, principal: dict[str, str], **condition: Any) -> str:
    """Return the ARN of a new role that trusts a principal under a condition."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = policy({**statement, "Condition": condition} if condition else statement)
    iam, name = sandbox.client("iam", profile), f"trusting-{uuid.uuid4().hex[:8]}"
    return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"])


def refusal(call: Any) -> str:
    """Return the message of an AccessDenied."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    return str(refused.value.response["Error"]["Message"])


def test_across_accounts_the_caller_needs_the_permission_too(sandbox: Sandbox) -> None:
    person = Person(sandbox, "development", path="/pipelines/")
    role, sts = trusting(sandbox, "staging", {"AWS": person.arn}), person.client("sts")
    ask = {"RoleArn": role, "RoleSessionName": "test"}
    said = refusal(lambda: sts.assume_role(**ask))
    assert said.endswith("because no identity-based policy allows the sts:AssumeRole action")
    person.allow("sts:AssumeRole", role)
    assert sts.assume_role(**ask)["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{ACCOUNTS['staging']}:")


def test_a_permission_does_not_replace_the_trust(sandbox: Sandbox) -> None:
    person, other = Person(sandbox, "development"), Person(sandbox, "development")
    role = trusting(sandbox, "staging", {"AWS": other.arn})
    person.allow("sts:AssumeRole", role)
    said = refusal(lambda: person.client("sts").assume_role(RoleArn=role, RoleSessionName="test"))
    assert said.endswith("because no role trust policy allows the sts:AssumeRole action")


@pytest.mark.parametrize("given", [{}, {"ExternalId": "another"}, {"ExternalId": "agreed"}])
def test_a_trusts_external_id_must_be_given(sandbox: Sandbox, given: dict[str, str]) -> None:
    root = {"AWS": f"arn:aws:iam::{ACCOUNTS['development']}:root"}
    role = trusting(sandbox, "staging", root, StringEquals={"sts:ExternalId": "agreed"})
    sts, ask = sandbox.client("sts"), {"RoleArn": role, "RoleSessionName": "test", **given}
    if given == {"ExternalId": "agreed"}:
        assert sts.assume_role(**ask)["Credentials"]
    else:
        assert "no role trust policy" in refusal(lambda: sts.assume_role(**ask))


def test_a_trust_may_name_an_account_and_narrow_it_to_a_role(sandbox: Sandbox) -> None:
    person = Person(sandbox, "development", path="/pipelines/")
    root = {"AWS": f"arn:aws:iam::{ACCOUNTS['development']}:root"}
    role = trusting(sandbox, "development", root, ArnEquals={"aws:PrincipalArn": person.arn})
    ask, sts = {"RoleArn": role, "RoleSessionName": "test"}, person.client("sts")
    said = refusal(lambda: sts.assume_role(**ask))  # the trust leaves it to the account's own policies
    assert said.endswith("because no identity-based policy allows the sts:AssumeRole action")
    person.allow("sts:AssumeRole", role)
    assert sts.assume_role(**ask)["Credentials"]
    assert "no role trust policy" in refusal(lambda: sandbox.client("sts").assume_role(**ask))


def test_a_trust_that_names_a_role_itself_needs_nothing_else_in_its_account(sandbox: Sandbox) -> None:
    person = Person(sandbox, "development")
    role = trusting(sandbox, "development", {"AWS": person.arn})
    assert person.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]


SOURCES = {
    "its own project": ("project/PROJECT", True),
    "another project": ("project/another", False),
    "a pattern": ("project/P*", True),
}


@pytest.mark.parametrize("case", SOURCES)
def test_a_service_assumes_a_role_only_for_the_source_that_the_trust_names(sandbox: Sandbox, case: str) -> None:
    source, works = SOURCES[case]
    name, account = f"P-{uuid.uuid4().hex[:8]}", ACCOUNTS["development"]
    role = trusting(
        sandbox,
        "development",
        {"Service": "codebuild.amazonaws.com"},
        StringEquals={"aws:SourceAccount": account},
        ArnLike={"aws:SourceArn": f"arn:aws:codebuild:us-east-1:{account}:{source.replace('PROJECT', name)}"},
    )
    builds = sandbox.client("codebuild")
    project = {
        "name": name,
        "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        "serviceRole": role,
    }
    if works:
        assert builds.create_project(**project)["project"]["serviceRole"] == role
        return
    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole") as refused:
        builds.create_project(**project)
    assert f"aws:SourceArn arn:aws:codebuild:us-east-1:{account}:project/{name}" in str(refused.value)


def test_what_a_session_would_not_respect_is_refused(sandbox: Sandbox) -> None:
    person = Person(sandbox, "development")
    with pytest.raises(ClientError, match="does not implement SourceIdentity of sts:AssumeRole"):
        sandbox.client("sts").assume_role(RoleArn=person.arn, RoleSessionName="test", SourceIdentity="ann")


def test_a_role_is_not_assumed_with_a_token_that_nobody_checks(sandbox: Sandbox) -> None:
    role = f"arn:aws:iam::{ACCOUNTS['production']}:role/OrganizationAccountAccessRole"
    asked = sandbox.run_cli(
        *("sts", "assume-role-with-web-identity", "--role-arn", role, "--role-session-name", "test"),
        *("--web-identity-token", "token"),
    )
    assert asked.returncode != 0
