"""Who may do what within an account: one row for each combination that AWS documents.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from harness import ACCOUNTS, Sandbox
from persons import Person, client, denial, policy

ACTION = "sqs:SendMessage"
ALLOW, DENY, OTHER = "allow", "deny", "other"  # what a policy says of the action; `other` allows another one
Statement = dict[str, Any]


@dataclass
class Row:
    """What the policies say, where there are such, and whether the call is allowed: else by what it is denied."""

    behaviour: str
    denied_by: str = ""
    identity: str = ""
    boundary: str = ""
    session: str = ""
    resource: str = ""  # whom the queue's policy allows, or `deny`


ROWS = [
    Row("nobody is allowed by default", "no identity-based policy allows"),
    Row("an identity policy is enough", identity=ALLOW),
    Row("a deny of the identity's policies", "explicit deny in an identity-based policy", identity=DENY),
    Row("the boundary must allow too", "no permissions boundary allows", identity=ALLOW, boundary=OTHER),
    Row("a boundary grants nothing", "no identity-based policy allows", boundary=ALLOW),
    Row("identity and boundary", identity=ALLOW, boundary=ALLOW),
    Row("a deny of the boundary", "explicit deny in a permissions boundary", identity=ALLOW, boundary=DENY),
    Row("the session's policy must allow too", "no session policy allows", identity=ALLOW, session=OTHER),
    Row("a session's policy grants nothing", "no identity-based policy allows", session=ALLOW),
    Row("identity and session", identity=ALLOW, session=ALLOW),
    Row("a deny of the session's policy", "explicit deny in a session policy", identity=ALLOW, session=DENY),
    Row("all three", identity=ALLOW, boundary=ALLOW, session=ALLOW),
    Row("a resource's policy for the role is enough", resource="role"),
    Row("for the role, the boundary limits it", "no permissions boundary allows", resource="role", boundary=OTHER),
    Row("for the role, the session's policy limits it", "no session policy allows", resource="role", session=OTHER),
    Row("a resource's policy for the session is enough", resource="session"),
    Row("for the session, nothing but a deny limits it", resource="session", boundary=OTHER, session=OTHER),
    Row("a deny counts even then", "explicit deny in an identity-based policy", resource="session", identity=DENY),
    Row("a resource's policy for the account leaves it to IAM", "no identity-based policy allows", resource="account"),
    Row("for the account, an identity policy is enough", identity=ALLOW, resource="account"),
    Row("a deny of the resource's policy", "explicit deny in a resource-based policy", identity=ALLOW, resource=DENY),
]


def statement(effect: str, **more: Any) -> Statement:
    """Return a statement that allows or denies the action, or allows another."""
    action = "sqs:PurgeQueue" if effect == OTHER else ACTION
    return {"Effect": "Deny" if effect == DENY else "Allow", "Action": action, "Resource": "*", **more}


@pytest.fixture
def queue(sandbox: Sandbox) -> str:
    return str(sandbox.client("sqs").create_queue(QueueName=f"logic-{uuid.uuid4().hex[:8]}")["QueueUrl"])


def share(sandbox: Sandbox, queue: str, *statements: Statement) -> None:
    """Set the queue's policy."""
    sandbox.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(*statements)})


def bounded(sandbox: Sandbox, effect: str) -> dict[str, str]:
    """Return the member of CreateRole that sets a new boundary; nothing without one."""
    if not effect:
        return {}
    name = f"boundary-{uuid.uuid4().hex[:8]}"
    made = sandbox.client("iam").create_policy(PolicyName=name, PolicyDocument=policy(statement(effect)))
    return {"PermissionsBoundary": made["Policy"]["Arn"]}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_a_session_of_a_role(sandbox: Sandbox, queue: str, row: Row) -> None:
    person = Person(sandbox, "development", path="/team/", **bounded(sandbox, row.boundary))
    if row.identity:
        person.iam.put_role_policy(
            RoleName=person.name, PolicyName="own", PolicyDocument=policy(statement(row.identity))
        )
    named = {"role": person.arn, "session": person.session, "account": ACCOUNTS["development"], DENY: person.arn}
    if row.resource:
        effect = DENY if row.resource == DENY else ALLOW
        share(sandbox, queue, statement(effect, Principal={"AWS": named[row.resource]}))
    session = {"Policy": policy(statement(row.session))} if row.session else {}
    sqs = person.client("sqs", person.assume(**session))
    if not row.denied_by:
        assert sqs.send_message(QueueUrl=queue, MessageBody="text")["MessageId"]
        return
    said = denial(lambda: sqs.send_message(QueueUrl=queue, MessageBody="text"))
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNTS['development']}:{queue.rpartition('/')[2]}"
    assert said.startswith(f"User: {person.session} is not authorized to perform: {ACTION} on resource: {arn} ")
    assert row.denied_by in said


@pytest.mark.parametrize(
    ("identity", "group", "resource", "works"),
    [
        ("", "", "", False),
        (ALLOW, "", "", True),
        ("", ALLOW, "", True),
        (ALLOW, DENY, "", False),
        ("", "", "user", True),
        (DENY, "", "user", False),
    ],
)
def test_a_user(  # noqa: PLR0913, PLR0917 - a table's columns
    sandbox: Sandbox, queue: str, identity: str, group: str, resource: str, works: bool
) -> None:
    iam, name = sandbox.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    user = iam.create_user(UserName=name)["User"]["Arn"]
    if identity:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(statement(identity)))
    if group:
        iam.create_group(GroupName=name)
        iam.add_user_to_group(GroupName=name, UserName=name)
        iam.put_group_policy(GroupName=name, PolicyName="own", PolicyDocument=policy(statement(group)))
    if resource:
        share(sandbox, queue, statement(ALLOW, Principal={"AWS": user}))
    sqs = client(sandbox, "sqs", iam.create_access_key(UserName=name)["AccessKey"])
    if works:
        assert sqs.send_message(QueueUrl=queue, MessageBody="text")["MessageId"]
    else:
        assert f"User: {user} is not authorized" in denial(lambda: sqs.send_message(QueueUrl=queue, MessageBody="t"))


def test_a_change_of_a_policy_counts_at_once(sandbox: Sandbox, queue: str) -> None:
    person = Person(sandbox, "development")
    sqs = person.client("sqs")
    for _ in range(2):
        denial(lambda: sqs.send_message(QueueUrl=queue, MessageBody="text"))
        person.iam.put_role_policy(RoleName=person.name, PolicyName="own", PolicyDocument=policy(statement(ALLOW)))
        assert sqs.send_message(QueueUrl=queue, MessageBody="text")["MessageId"]
        person.iam.delete_role_policy(RoleName=person.name, PolicyName="own")


def test_a_new_version_of_a_managed_policy_counts_at_once(sandbox: Sandbox, queue: str) -> None:
    person = Person(sandbox, "development")
    made = person.iam.create_policy(PolicyName=person.name, PolicyDocument=policy(statement(OTHER)))["Policy"]["Arn"]
    person.iam.attach_role_policy(RoleName=person.name, PolicyArn=made)
    sqs = person.client("sqs")
    denial(lambda: sqs.send_message(QueueUrl=queue, MessageBody="text"))
    person.iam.create_policy_version(PolicyArn=made, PolicyDocument=policy(statement(ALLOW)), SetAsDefault=True)
    assert sqs.send_message(QueueUrl=queue, MessageBody="text")["MessageId"]


def test_a_service_control_policy_limits_an_account(sandbox: Sandbox) -> None:
    """Staging is used for this: it has no other test's calls to SQS's PurgeQueue."""
    organizations = sandbox.client("organizations", "shared-services")
    root = organizations.list_roots()["Roots"][0]
    if not root["PolicyTypes"]:
        organizations.enable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    content = policy({"Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*"})
    name = f"scp-{uuid.uuid4().hex[:8]}"
    kind = {"Type": "SERVICE_CONTROL_POLICY", "Description": "no purges"}
    made = organizations.create_policy(Name=name, Content=content, **kind)["Policy"]["PolicySummary"]["Id"]
    sqs = sandbox.client("sqs", "staging")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    organizations.attach_policy(PolicyId=made, TargetId=ACCOUNTS["staging"])
    try:
        said = denial(lambda: sqs.purge_queue(QueueUrl=url))
    finally:
        organizations.detach_policy(PolicyId=made, TargetId=ACCOUNTS["staging"])
    assert "with an explicit deny in a service control policy" in said
    sqs.purge_queue(QueueUrl=url)


def test_the_command_line_is_told_in_the_words_of_aws(sandbox: Sandbox) -> None:
    person = Person(sandbox, "development")
    role = json.loads(sandbox.run_cli("iam", "get-role", "--role-name", person.name).stdout)
    assert role["Role"]["Arn"] == person.arn
    assert "iam:GetRole" in denial(lambda: person.client("iam").get_role(RoleName=person.name))
