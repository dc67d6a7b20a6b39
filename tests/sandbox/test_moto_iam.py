"""IAM where moto would answer otherwise: policies without versions, and who holds a policy."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox

STATEMENT = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
POLICY = json.dumps({"Statement": STATEMENT})


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_an_inline_policy_needs_no_version(sandbox: Sandbox, kind: str) -> None:
    iam, name = sandbox.client("iam"), f"{kind}-{uuid.uuid4().hex[:8]}"
    target = {f"{kind.capitalize()}Name": name}
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    also = {"AssumeRolePolicyDocument": json.dumps({"Statement": trust})} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**target, **also)
    getattr(iam, f"put_{kind}_policy")(**target, PolicyName="one", PolicyDocument=POLICY)
    found = getattr(iam, f"get_{kind}_policy")(**target, PolicyName="one")
    assert found["PolicyDocument"]["Statement"] == STATEMENT
    with pytest.raises(ClientError, match="must contain resources"):
        bad = json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets"}})
        getattr(iam, f"put_{kind}_policy")(**target, PolicyName="two", PolicyDocument=bad)


def test_a_managed_policy_needs_its_version(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="must be version 2012-10-17 or greater"):
        sandbox.client("iam").create_policy(PolicyName=f"managed-{uuid.uuid4().hex[:8]}", PolicyDocument=POLICY)


def test_whoever_holds_a_policy_is_found_among_many(sandbox: Sandbox) -> None:
    iam, mark = sandbox.client("iam"), uuid.uuid4().hex[:8]
    document = json.dumps({"Version": "2012-10-17", "Statement": STATEMENT})
    arn = iam.create_policy(PolicyName=mark, PolicyDocument=document)["Policy"]["Arn"]
    roles = {f"many-{mark}-{number}" for number in range(101)}
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    for role in roles:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.create_group(GroupName=mark)
    iam.attach_group_policy(GroupName=mark, PolicyArn=arn)
    found = iam.list_entities_for_policy(PolicyArn=arn)
    assert {each["RoleName"] for each in found["PolicyRoles"]} == roles
    assert [each["GroupName"] for each in found["PolicyGroups"]] == [mark]
    found = iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="Group")
    assert (found["PolicyRoles"], len(found["PolicyGroups"])) == ([], 1)
