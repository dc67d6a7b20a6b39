"""The class of a log group, which moto takes but forgets."""

from __future__ import annotations

from typing import Any

from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

_ATTRIBUTE = "log_group_class"
_create, _describe = LogsResponse.create_log_group, LogGroup.to_describe_dict


def create_log_group(response: LogsResponse) -> str:
    """Create a group and keep its class."""
    answer: str = _create(response)
    group = response.logs_backend.groups[response._get_param("logGroupName")]
    setattr(group, _ATTRIBUTE, response._get_param("logGroupClass") or "STANDARD")
    return answer


def to_describe_dict(group: LogGroup) -> dict[str, Any]:
    """Describe a group with its class."""
    return {**_describe(group), "logGroupClass": getattr(group, _ATTRIBUTE, "STANDARD")}


def mend() -> None:
    """Let CloudWatch Logs do so."""
    LogsResponse.create_log_group = create_log_group
    LogGroup.to_describe_dict = to_describe_dict
