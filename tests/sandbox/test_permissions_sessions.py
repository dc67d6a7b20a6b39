"""What AssumeRole may give a session: policies that limit it, and tags that policies compare.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from durable import Durable
from harness import ACCOUNTS, Sandbox
from persons import Person, client, denial, policy


@pytest.fixture
def parameter(sandbox: Sandbox) -> str:
    name = f"/sessions/{uuid.uuid4().hex[:8]}"
    sandbox.client("ssm").put_parameter(Name=name, Value="value", Type="String")
    return name


@pytest.fixture
def person(sandbox: Sandbox) -> Person:
    person = Person(sandbox, "development")
    trusted = {"AWS": f"arn:aws:iam::{ACCOUNTS['development']}:root"}
    trust = {"Effect": "Allow", "Principal": trusted, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    person.iam.update_assume_role_policy(RoleName=person.name, PolicyDocument=policy(trust))
    return person


def test_managed_policies_limit_a_session_together(sandbox: Sandbox, person: Person, parameter: str) -> None:
    person.allow("*", "*")
    arns = [f"arn:aws:iam::aws:policy/{name}" for name in ("AmazonSQSReadOnlyAccess", "AmazonSSMReadOnlyAccess")]
    both = person.assume(PolicyArns=[{"arn": arn} for arn in arns])
    assert person.client("ssm", both).get_parameter(Name=parameter)["Parameter"]["Value"] == "value"
    assert "no session policy allows" in denial(lambda: person.client("iam", both).list_users())
    one = person.assume(PolicyArns=[{"arn": arns[0]}])
    assert "no session policy" in denial(lambda: person.client("ssm", one).get_parameter(Name=parameter))
    assert person.client("iam").list_users()["Users"] is not None


@pytest.mark.parametrize("text", ["{", "{}", policy(), policy({"Effect": "Perhaps", "Action": "*", "Resource": "*"})])
def test_what_is_no_policy_is_refused(sandbox: Sandbox, person: Person, text: str) -> None:
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        person.assume(Policy=text)


def test_a_policy_that_does_not_exist_is_refused(sandbox: Sandbox, person: Person) -> None:
    with pytest.raises(ClientError, match="nobody-made-this does not exist"):
        person.assume(PolicyArns=[{"arn": f"arn:aws:iam::{person.account}:policy/nobody-made-this"}])


def test_a_sessions_tags_are_compared(sandbox: Sandbox, person: Person, parameter: str) -> None:
    wanted = {"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}}
    person.allow("ssm:GetParameter", "*", Condition=wanted)
    sandbox.client("ssm").add_tags_to_resource(
        ResourceType="Parameter", ResourceId=parameter, Tags=[{"Key": "team", "Value": "blue"}]
    )
    for team, works in (("blue", True), ("red", False)):
        ssm = person.client("ssm", person.assume(Tags=[{"Key": "team", "Value": team}]))
        if works:
            assert ssm.get_parameter(Name=parameter)["Parameter"]["Value"] == "value"
        else:
            assert "no identity-based policy" in denial(lambda client=ssm: client.get_parameter(Name=parameter))


def test_a_roles_own_tags_are_compared_and_a_sessions_outweigh_them(
    sandbox: Sandbox, person: Person, parameter: str
) -> None:
    person.allow("ssm:GetParameter", "*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    denial(lambda: person.client("ssm").get_parameter(Name=parameter))
    person.iam.tag_role(RoleName=person.name, Tags=[{"Key": "team", "Value": "blue"}])
    assert person.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"] == "value"
    red = person.assume(Tags=[{"Key": "team", "Value": "red"}])
    denial(lambda: person.client("ssm", red).get_parameter(Name=parameter))


def test_who_gives_tags_must_be_trusted_to(sandbox: Sandbox) -> None:
    untagged = Person(sandbox, "development")
    tags: list[dict[str, Any]] = [{"Key": "team", "Value": "blue"}]
    said = denial(lambda: untagged.assume(Tags=tags))
    assert "no role trust policy allows the sts:TagSession action" in said


def test_transitive_tags_go_on_to_the_next_role(sandbox: Sandbox, person: Person, parameter: str) -> None:
    other = Person(sandbox, "development")
    trust = {"Effect": "Allow", "Principal": {"AWS": person.arn}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    other.iam.update_assume_role_policy(RoleName=other.name, PolicyDocument=policy(trust))
    other.allow("ssm:GetParameter", "*", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    tags = [{"Key": "team", "Value": "blue"}]
    for transitive, works in (([], False), (["team"], True)):
        first = person.assume(Tags=tags, TransitiveTagKeys=transitive)
        sts = client(sandbox, "sts", first)
        second = sts.assume_role(RoleArn=other.arn, RoleSessionName="next")["Credentials"]
        ssm = client(sandbox, "ssm", second)
        if works:
            assert ssm.get_parameter(Name=parameter)["Parameter"]["Value"] == "value"
        else:
            denial(lambda client=ssm: client.get_parameter(Name=parameter))


def test_a_session_is_limited_after_the_sandbox_was_killed(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    person = Person(durable.up(), "development")
    person.allow("*", "*")
    narrow = {"Effect": "Deny", "Action": "ssm:DescribeParameters", "Resource": "*"}
    keys = person.assume(Policy=policy(narrow, {"Effect": "Allow", "Action": "*", "Resource": "*"}))
    durable.saved()
    durable.kill()
    durable.up()
    try:
        said = denial(lambda: person.client("ssm", keys).describe_parameters())
        assert "with an explicit deny in a session policy" in said
        assert person.client("ssm").describe_parameters()["ResponseMetadata"]["HTTPStatusCode"] == 200
    finally:
        durable.kill()
