"""CloudWatch Logs, as people search the logs of a job."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox

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
