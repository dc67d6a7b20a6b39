"""The policy evaluator against AWS's documents: one row a behaviour, with the page that states it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from smproject.sandbox.permissions.document import MalformedPolicyError, parse
from smproject.sandbox.permissions.policy import Decision, by_identity, by_resource
from smproject.sandbox.permissions.request import AccessRequest, Context, Principal

IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_"
LOGIC = f"{IAM}evaluation-logic_policy-eval-denyallow.html"
PRINCIPAL, ACTION, NOT_ACTION, RESOURCE, NOT_RESOURCE = (
    f"{IAM}elements_{name}.html" for name in ("principal", "action", "notaction", "resource", "notresource")
)
NOT_PRINCIPAL, OPERATORS = f"{IAM}elements_notprincipal.html", f"{IAM}elements_condition_operators.html"
CONDITION, VARIABLES = f"{IAM}elements_condition.html", f"{IAM}variables.html"
SEVERAL = f"{IAM}condition-single-vs-multi-valued-context-keys.html"

ROLE = Principal(
    "AssumedRole",
    "arn:aws:sts::222222222222:assumed-role/Reader/session",
    "222222222222",
    "arn:aws:iam::222222222222:role/team/Reader",
)
USER = Principal("User", "arn:aws:iam::222222222222:user/ann", "222222222222")
SERVICE = Principal.service("codebuild.amazonaws.com")
OBJECT = "arn:aws:s3:::bucket/folder/file.csv"
GET, ALL = {"Action": "s3:GetObject"}, {"Action": "*", "Resource": "*"}
ALLOW, DENY, NOTHING = Decision.ALLOW, Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY
Statement = dict[str, Any]


@dataclass
class Row:
    """A behaviour: what statements decide on reading OBJECT under a context."""

    behaviour: str
    source: str
    statements: list[Statement]
    decision: Decision
    context: dict[str, Any] = field(default_factory=dict)
    principal: Principal = ROLE
    version: str = "2012-10-17"


def allow(**elements: Any) -> list[Statement]:
    """Return one statement that allows."""
    return [{"Effect": "Allow", **elements}]


def deny(**elements: Any) -> list[Statement]:
    """Return one statement that denies."""
    return [{"Effect": "Deny", **elements}]


def when(operator: str, key: str, *values: Any) -> list[Statement]:
    """Return a statement that allows everything under a condition."""
    return allow(**ALL, Condition={operator: {key: values[0] if len(values) == 1 else list(values)}})


BY_IDENTITY = [
    Row("nothing is allowed by default", LOGIC, [], NOTHING),
    Row("a statement allows", LOGIC, allow(**GET, Resource=OBJECT), ALLOW),
    Row("an explicit deny outweighs an allow", LOGIC, allow(**ALL) + deny(**GET, Resource=OBJECT), DENY),
    Row("a deny outweighs whatever the order", LOGIC, deny(**GET, Resource=OBJECT) + allow(**ALL), DENY),
    Row("a deny of something else leaves the allow", LOGIC, allow(**ALL) + deny(Action="s3:Put*", Resource="*"), ALLOW),
    Row("actions ignore case", ACTION, allow(Action="S3:getobject", Resource="*"), ALLOW),
    Row("actions may be wildcards", ACTION, allow(Action="s3:Get*", Resource="*"), ALLOW),
    Row("a question mark is one character", ACTION, allow(Action="s3:?etObject", Resource="*"), ALLOW),
    Row("an action is matched whole", ACTION, allow(Action="s3:Get", Resource="*"), NOTHING),
    Row(
        "one of several actions is enough", ACTION, allow(Action=["s3:PutObject", "s3:GetObject"], Resource="*"), ALLOW
    ),
    Row("NotAction allows all others", NOT_ACTION, allow(NotAction="iam:*", Resource="*"), ALLOW),
    Row("NotAction leaves out what it names", NOT_ACTION, allow(NotAction=["s3:*"], Resource="*"), NOTHING),
    Row(
        "a deny with NotAction denies all others",
        NOT_ACTION,
        allow(**ALL) + deny(NotAction="iam:*", Resource="*"),
        DENY,
    ),
    Row("a resource is matched whole", RESOURCE, allow(**GET, Resource="arn:aws:s3:::bucket"), NOTHING),
    Row("a resource's case counts", RESOURCE, allow(**GET, Resource=OBJECT.upper()), NOTHING),
    Row("a star spans slashes", RESOURCE, allow(**GET, Resource="arn:aws:s3:::buck*.csv"), ALLOW),
    Row("a star stays within its part", RESOURCE, allow(**GET, Resource="arn:aws:*::bucket/folder/file.csv"), NOTHING),
    Row("one of several resources is enough", RESOURCE, allow(**GET, Resource=["arn:aws:s3:::a", OBJECT]), ALLOW),
    Row("NotResource allows all others", NOT_RESOURCE, allow(**GET, NotResource="arn:aws:s3:::other/*"), ALLOW),
    Row("NotResource leaves out what it names", NOT_RESOURCE, allow(**GET, NotResource=[OBJECT]), NOTHING),
    Row(
        "a variable stands for a key's value",
        VARIABLES,
        allow(**GET, Resource="arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*"),
        ALLOW,
        {"aws:PrincipalTag/team": "folder"},
    ),
    Row(
        "wildcards in a variable's value are plain text",
        VARIABLES,
        allow(**GET, Resource="arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*"),
        NOTHING,
        {"aws:PrincipalTag/team": "*"},
    ),
    Row(
        "a variable without a value matches nothing",
        VARIABLES,
        allow(**GET, Resource="arn:aws:s3:::bucket/${aws:username}*"),
        NOTHING,
    ),
    Row(
        "a variable may have a default",
        VARIABLES,
        allow(**GET, Resource="arn:aws:s3:::bucket/${aws:username, 'folder'}/*"),
        ALLOW,
    ),
    Row(
        "an inverted operator matches a variable without value",
        VARIABLES,
        when("StringNotEquals", "a", "${b}"),
        ALLOW,
        {"a": "x"},
    ),
    Row("${*} is a star", VARIABLES, allow(**GET, Resource="arn:aws:s3:::bucket/${*}"), NOTHING),
    Row("${*} matches a star", VARIABLES, when("StringLike", "a", "${*}b"), ALLOW, {"a": "*b"}),
    Row(
        "before 2012-10-17 a variable is plain text",
        VARIABLES,
        when("StringEquals", "a", "${b}"),
        ALLOW,
        {"a": "${b}", "b": "x"},
        version="2008-10-17",
    ),
    Row(
        "a key with several values is no variable",
        SEVERAL,
        when("StringEquals", "a", "${b}"),
        NOTHING,
        {"a": "x", "b": ("x",) * 2},
    ),
    Row(
        "keys ignore case",
        CONDITION,
        when("StringEquals", "AWS:principalorgid", "o-1"),
        ALLOW,
        {"aws:PrincipalOrgID": "o-1"},
    ),
    Row("one of several values is enough", CONDITION, when("StringEquals", "a", "x", "y"), ALLOW, {"a": "y"}),
    Row(
        "a negated operator wants none of the values",
        CONDITION,
        when("StringNotEquals", "a", "x", "y"),
        NOTHING,
        {"a": "y"},
    ),
    Row(
        "all keys of an operator must hold",
        CONDITION,
        allow(**ALL, Condition={"StringEquals": {"a": "x", "b": "y"}}),
        NOTHING,
        {"a": "x", "b": "z"},
    ),
    Row(
        "all operators must hold",
        CONDITION,
        allow(**ALL, Condition={"StringEquals": {"a": "x"}, "Bool": {"b": "true"}}),
        NOTHING,
        {"a": "x", "b": "false"},
    ),
    Row("a missing key does not match", OPERATORS, when("StringEquals", "a", "x"), NOTHING),
    Row("a missing key matches a negated operator", OPERATORS, when("StringNotLike", "a", "x"), ALLOW),
    Row("IfExists accepts a missing key", OPERATORS, when("StringEqualsIfExists", "a", "x"), ALLOW),
    Row("IfExists tests a key that exists", OPERATORS, when("StringEqualsIfExists", "a", "x"), NOTHING, {"a": "y"}),
    Row("Null true wants no key", OPERATORS, when("Null", "a", "true"), ALLOW),
    Row("Null true refuses a key", OPERATORS, when("Null", "a", "true"), NOTHING, {"a": "x"}),
    Row("Null false wants a key", OPERATORS, when("Null", "a", "false"), ALLOW, {"a": "x"}),
    Row("Null may be a boolean", OPERATORS, when("Null", "a", False), NOTHING),
    Row("StringEquals minds case", OPERATORS, when("StringEquals", "a", "X"), NOTHING, {"a": "x"}),
    Row("StringEquals knows no wildcard", OPERATORS, when("StringEquals", "a", "x*"), NOTHING, {"a": "xy"}),
    Row("StringEqualsIgnoreCase", OPERATORS, when("StringEqualsIgnoreCase", "a", "X"), ALLOW, {"a": "x"}),
    Row("StringNotEqualsIgnoreCase", OPERATORS, when("StringNotEqualsIgnoreCase", "a", "X"), NOTHING, {"a": "x"}),
    Row("StringLike knows wildcards", OPERATORS, when("StringLike", "a", "x?*"), ALLOW, {"a": "xyz/:"}),
    Row("StringNotLike", OPERATORS, when("StringNotLike", "a", "x*"), NOTHING, {"a": "xy"}),
    Row("NumericLessThanEquals", OPERATORS, when("NumericLessThanEquals", "a", 10), ALLOW, {"a": "10"}),
    Row("NumericGreaterThan", OPERATORS, when("NumericGreaterThan", "a", "10"), NOTHING, {"a": "9.5"}),
    Row("NumericNotEquals", OPERATORS, when("NumericNotEquals", "a", "10"), NOTHING, {"a": "10.0"}),
    Row("what is no number does not match", OPERATORS, when("NumericEquals", "a", "10"), NOTHING, {"a": "ten"}),
    Row(
        "DateGreaterThan",
        OPERATORS,
        when("DateGreaterThan", "aws:CurrentTime", "2020-04-01T00:00:00Z"),
        ALLOW,
        {"aws:CurrentTime": "2026-01-01T12:00:00Z"},
    ),
    Row(
        "dates may be epoch seconds",
        OPERATORS,
        when("DateLessThan", "aws:EpochTime", "2020-04-01T00:00:00Z"),
        NOTHING,
        {"aws:EpochTime": "1785585600"},
    ),
    Row("Bool", OPERATORS, when("Bool", "aws:SecureTransport", "true"), ALLOW, {"aws:SecureTransport": "true"}),
    Row(
        "Bool may be a boolean",
        OPERATORS,
        when("Bool", "aws:SecureTransport", False),
        NOTHING,
        {"aws:SecureTransport": "true"},
    ),
    Row(
        "IpAddress knows ranges",
        OPERATORS,
        when("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
        ALLOW,
        {"aws:SourceIp": "203.0.113.9"},
    ),
    Row(
        "IpAddress knows IPv6",
        OPERATORS,
        when("IpAddress", "aws:SourceIp", "2001:db8::/32"),
        ALLOW,
        {"aws:SourceIp": "2001:db8::1"},
    ),
    Row(
        "NotIpAddress",
        OPERATORS,
        when("NotIpAddress", "aws:SourceIp", "203.0.113.0/24"),
        NOTHING,
        {"aws:SourceIp": "203.0.113.9"},
    ),
    Row(
        "ArnLike matches part by part",
        OPERATORS,
        when("ArnLike", "aws:SourceArn", "arn:aws:codebuild:*:222222222222:project/*"),
        ALLOW,
        {"aws:SourceArn": "arn:aws:codebuild:us-east-1:222222222222:project/p"},
    ),
    Row(
        "ArnLike's star stays within its part",
        OPERATORS,
        when("ArnLike", "aws:SourceArn", "arn:aws:codebuild:*:project/p"),
        NOTHING,
        {"aws:SourceArn": "arn:aws:codebuild:us-east-1:222222222222:project/p"},
    ),
    Row(
        "ArnEquals behaves as ArnLike",
        OPERATORS,
        when("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::222222222222:role/*"),
        ALLOW,
        {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/team/Reader"},
    ),
    Row("ArnNotLike", OPERATORS, when("ArnNotLike", "a", "arn:aws:s3:::*"), NOTHING, {"a": OBJECT}),
    Row("what is no ARN does not match", OPERATORS, when("ArnLike", "a", "arn:aws:s3:::*"), NOTHING, {"a": "bucket"}),
    Row("an unknown operator is false", OPERATORS, when("StringResembles", "a", "x"), NOTHING, {"a": "x"}),
    Row(
        "ForAllValues wants every value",
        SEVERAL,
        when("ForAllValues:StringEquals", "a", "x", "y"),
        NOTHING,
        {"a": ("x", "z")},
    ),
    Row(
        "ForAllValues accepts a subset", SEVERAL, when("ForAllValues:StringEquals", "a", "x", "y"), ALLOW, {"a": ("x",)}
    ),
    Row("ForAllValues accepts a missing key", SEVERAL, when("ForAllValues:StringEquals", "a", "x"), ALLOW),
    Row("ForAnyValue wants one value", SEVERAL, when("ForAnyValue:StringLike", "a", "x*"), ALLOW, {"a": ("z", "xy")}),
    Row(
        "ForAnyValue refuses when none fits",
        SEVERAL,
        when("ForAnyValue:StringEquals", "a", "x"),
        NOTHING,
        {"a": ("y", "z")},
    ),
    Row("ForAnyValue refuses a missing key", SEVERAL, when("ForAnyValue:StringNotEquals", "a", "x"), NOTHING),
]

NAMED = {"Action": "s3:GetObject", "Resource": OBJECT}
BY_RESOURCE = [
    Row("a statement without a principal names nobody", PRINCIPAL, allow(**NAMED), NOTHING),
    Row("a star is everyone", PRINCIPAL, allow(**NAMED, Principal="*"), ALLOW),
    Row("a star is every account", PRINCIPAL, allow(**NAMED, Principal={"AWS": "*"}), ALLOW),
    Row(
        "an account's root is all of the account",
        PRINCIPAL,
        allow(**NAMED, Principal={"AWS": f"arn:aws:iam::{ROLE.account}:root"}),
        ALLOW,
    ),
    Row("an account's number is the same", PRINCIPAL, allow(**NAMED, Principal={"AWS": ROLE.account}), ALLOW),
    Row("another account is not", PRINCIPAL, allow(**NAMED, Principal={"AWS": "333333333333"}), NOTHING),
    Row("a role means its sessions", PRINCIPAL, allow(**NAMED, Principal={"AWS": [ROLE.role]}), ALLOW),
    Row("another role is not", PRINCIPAL, allow(**NAMED, Principal={"AWS": f"{ROLE.role}2"}), NOTHING),
    Row("a session may be named", PRINCIPAL, allow(**NAMED, Principal={"AWS": ROLE.arn}), ALLOW),
    Row(
        "a name may not be a pattern",
        PRINCIPAL,
        allow(**NAMED, Principal={"AWS": "arn:aws:iam::222222222222:role/*"}),
        NOTHING,
    ),
    Row("a user may be named", PRINCIPAL, allow(**NAMED, Principal={"AWS": USER.arn}), ALLOW, principal=USER),
    Row(
        "a service may be named",
        PRINCIPAL,
        allow(**NAMED, Principal={"Service": SERVICE.arn}),
        ALLOW,
        principal=SERVICE,
    ),
    Row(
        "another service is not",
        PRINCIPAL,
        allow(**NAMED, Principal={"Service": "events.amazonaws.com"}),
        NOTHING,
        principal=SERVICE,
    ),
    Row(
        "a service is no account",
        PRINCIPAL,
        allow(**NAMED, Principal={"AWS": ROLE.account}),
        NOTHING,
        principal=SERVICE,
    ),
    Row(
        "a denied role's sessions are denied",
        PRINCIPAL,
        allow(**ALL, Principal="*") + deny(**ALL, Principal={"AWS": ROLE.role}),
        DENY,
    ),
    Row("NotPrincipal means all others", NOT_PRINCIPAL, deny(**ALL, NotPrincipal={"AWS": USER.arn}), DENY),
    Row("NotPrincipal leaves out whom it names", NOT_PRINCIPAL, deny(**ALL, NotPrincipal={"AWS": ROLE.role}), NOTHING),
    Row("a resource's policy may leave the resource out", PRINCIPAL, allow(**GET, Principal="*"), ALLOW),
]


def request(row: Row) -> AccessRequest:
    """Return the reading of OBJECT that a row is about."""
    return AccessRequest(row.principal, "s3:GetObject", (OBJECT,), "111111111111", Context(row.context))


def document(row: Row) -> dict[str, Any]:
    """Return a row's policy, read from JSON."""
    return json.loads(json.dumps({"Version": row.version, "Statement": row.statements}))  # type: ignore[no-any-return]


def behaviours(rows: list[Row]) -> Any:
    """Run a test once a row, named by the behaviour."""
    assert all(row.source.startswith(IAM) for row in rows)
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.behaviour) for row in rows])


@behaviours(BY_IDENTITY)
def test_identity_policies_decide_as_aws_documents(row: Row) -> None:
    assert by_identity([document(row)], request(row)) is row.decision


@behaviours(BY_RESOURCE)
def test_resource_policies_decide_as_aws_documents(row: Row) -> None:
    assert by_resource(document(row), request(row)) is row.decision


def test_several_policies_count_together() -> None:
    policies: list[Statement] = [{"Statement": allow(**GET, Resource="*")}, {"Statement": {"Effect": "Deny", **ALL}}]
    row = Row("", "", [], DENY)
    assert by_identity(policies[:1], request(row)) is ALLOW
    assert by_identity(policies, request(row)) is DENY


def test_an_unknown_operator_is_logged_with_its_key(caplog: pytest.LogCaptureFixture) -> None:
    row = Row("", "", when("StringResembles", "aws:username", "x"), NOTHING)
    with caplog.at_level(logging.WARNING):
        by_identity([document(row)], request(row))
    assert "does not know the condition operator StringResembles (of aws:username)" in caplog.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ('"text"', "not a JSON object"),
        ('{"Version": "2020-01-01", "Statement": []}', "Version is '2020-01-01'"),
        ('{"Statement": [{"Effect": "Allow"}]}', "statement 1 needs either Action or NotAction"),
        ('{"Statement": {"Effect": "Allow", "Action": 5}}', "other than text"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": "true"}}}', "has a Condition"),
    ],
)
def test_what_is_no_policy_is_refused(text: str, problem: str) -> None:
    with pytest.raises(MalformedPolicyError, match=problem):
        parse(text)
