"""The class of a log group, which moto takes but forgets, and the search of streams by prefix, which it ignores."""

from __future__ import annotations

import json
from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

_ATTRIBUTE = "log_group_class"
_create, _describe = LogsResponse.create_log_group, LogGroup.to_describe_dict
_filter = LogsResponse.filter_log_events


def create_log_group(response: LogsResponse) -> str:
    """Create a group and keep its class."""
    answer: str = _create(response)
    group = response.logs_backend.groups[response._get_param("logGroupName")]
    setattr(group, _ATTRIBUTE, response._get_param("logGroupClass") or "STANDARD")
    return answer


def to_describe_dict(group: LogGroup) -> dict[str, Any]:
    """Describe a group with its class."""
    return {**_describe(group), "logGroupClass": getattr(group, _ATTRIBUTE, "STANDARD")}


def filter_log_events(response: LogsResponse) -> str:
    """Search the streams that were asked for; all are interleaved.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    asked = json.loads(response.body) | {"interleaved": True}
    prefix, group = asked.pop("logStreamNamePrefix", None), response.logs_backend.groups.get(asked["logGroupName"])
    if prefix and asked.get("logStreamNames"):
        raise InvalidParameterException("Choose logStreamNamePrefix or logStreamNames, not both.")
    if prefix and group:
        asked["logStreamNames"] = [name for name in group.streams if name.startswith(prefix)]
        if not asked["logStreamNames"]:
            return json.dumps({"events": [], "searchedLogStreams": []})
    response.body = json.dumps(asked)
    answer: str = _filter(response)
    return answer


def mend() -> None:
    """Let CloudWatch Logs do so."""
    LogsResponse.create_log_group = create_log_group
    LogsResponse.filter_log_events = filter_log_events
    LogGroup.to_describe_dict = to_describe_dict
