"""What moto's log groups lack: their class, keys that must let the logs in, and the search of streams by prefix."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup
from moto.logs.responses import LogsResponse

_ATTRIBUTE = "log_group_class"
_create, _describe = LogsResponse.create_log_group, LogGroup.to_describe_dict
_filter = LogsResponse.filter_log_events


def create_log_group(response: LogsResponse) -> str:
    """Create a group and keep its class."""
    _demand_key(response)
    answer: str = _create(response)
    group = response.logs_backend.groups[response._get_param("logGroupName")]
    setattr(group, _ATTRIBUTE, response._get_param("logGroupClass") or "STANDARD")
    return answer


def associate_kms_key(response: LogsResponse) -> str:
    """Encrypt what a group gets from now on."""
    _demand_key(response)
    _group(response).kms_key_id = response._get_param("kmsKeyId")
    return ""


def disassociate_kms_key(response: LogsResponse) -> str:
    """Encrypt what a group gets from now on by the key of CloudWatch Logs."""
    _group(response).kms_key_id = None
    return ""


def _group(response: LogsResponse) -> Any:
    group = response.logs_backend.groups.get(response._get_param("logGroupName"))
    if group is None:
        raise ResourceNotFoundException
    return group


def _demand_key(response: LogsResponse) -> None:
    """Refuse a key whose policy does not let CloudWatch Logs encrypt the group.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    # Imported here: permissions read moto by the seam, which mends it by this.
    from smproject.sandbox.moto_seam import PARTITION  # noqa: PLC0415
    from smproject.sandbox.permissions import log_keys  # noqa: PLC0415

    key, name = response._get_param("kmsKeyId"), response._get_param("logGroupName")
    arn = f"arn:{PARTITION}:logs:{response.region}:{response.current_account}:log-group:{name}"
    if key and not log_keys.allow(key, arn):
        message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
        raise JsonRESTError("AccessDeniedException", message)


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
    LogsResponse.associate_kms_key = associate_kms_key  # moto has neither
    LogsResponse.disassociate_kms_key = disassociate_kms_key
    LogsResponse.filter_log_events = filter_log_events
    LogGroup.to_describe_dict = to_describe_dict
