"""Versions of policies: an inline one needs none."""

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
