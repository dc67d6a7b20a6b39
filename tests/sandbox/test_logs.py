"""CloudWatch Logs, as people search the logs of a job."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox

GROUP = "/jobs"


@pytest.fixture(scope="module")
def logs(sandbox: Sandbox) -> Any:
    """A client, and a group whose streams have an event each."""
    client = sandbox.client("logs")
    client.create_log_group(logGroupName=GROUP)
    start = int(time.time() * 1000)
    for moment, stream in ((3, "spot/algo-1"), (1, "spot/algo-2"), (2, "spotless/algo-1")):
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        event = {"timestamp": start + moment, "message": f"{stream} starts"}
        client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[event])
    return client


def test_a_search_by_prefix_finds_those_streams_alone_by_time(logs: Any) -> None:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP, logStreamNamePrefix="spot/", PaginationConfig={"PageSize": 1}
    )
    found = [event["message"] for page in pages for event in page["events"]]
    assert found == ["spot/algo-2 starts", "spot/algo-1 starts"]


def test_a_prefix_of_no_stream_finds_nothing(logs: Any) -> None:
    assert logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="other/")["events"] == []


def test_a_search_is_by_prefix_or_by_names(logs: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="spot/", logStreamNames=["spot/algo-1"])


def test_a_search_of_a_group_that_is_not_there_is_refused(logs: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.filter_log_events(logGroupName="/none", logStreamNamePrefix="spot/")


def test_a_key_encrypts_a_group_only_when_its_policy_lets_the_logs_in(sandbox: Sandbox) -> None:
    kms, logs = sandbox.client("kms"), sandbox.client("logs")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    arn = f"arn:aws:logs:us-east-1:{ACCOUNTS['development']}:log-group:kept-secret"
    refused = f"not allowed to be used with Arn '{arn}'"
    with pytest.raises(ClientError, match=f"AccessDeniedException.*{refused}"):
        logs.create_log_group(logGroupName="kept-secret", kmsKeyId=key)
    assert logs.describe_log_groups(logGroupNamePrefix="kept-secret")["logGroups"] == []

    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    lets_in = {
        "Effect": "Allow",
        "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arn}},
    }
    policy["Statement"].append(lets_in)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    logs.create_log_group(logGroupName="kept-secret", kmsKeyId=key)
    logs.create_log_group(logGroupName="kept-other")
    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.associate_kms_key(logGroupName="kept-other", kmsKeyId=key)
    logs.disassociate_kms_key(logGroupName="kept-secret")
    logs.associate_kms_key(logGroupName="kept-secret", kmsKeyId=key)
    [group] = logs.describe_log_groups(logGroupNamePrefix="kept-secret")["logGroups"]
    assert group["kmsKeyId"] == key
