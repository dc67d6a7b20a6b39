"""CloudWatch Logs: permission is asked for a group's streams; only tags belong to the group itself.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
"""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each, first

_OF_GROUPS = (
    *("AssociateKmsKey", "CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "DeleteLogStream"),
    *("DeleteMetricFilter", "DeleteRetentionPolicy", "DeleteSubscriptionFilter", "DescribeLogGroups"),
    *("DescribeLogStreams", "DescribeMetricFilters", "DescribeSubscriptionFilters", "DisassociateKmsKey"),
    *("FilterLogEvents", "GetLogEvents", "GetLogGroupFields", "PutLogEvents", "PutMetricFilter"),
    *("PutRetentionPolicy", "PutSubscriptionFilter", "StartLiveTail", "StartQuery"),
)
_OF_TAGS = ("ListTagsForResource", "ListTagsLogGroup", "TagLogGroup", "TagResource", "UntagLogGroup", "UntagResource")
_NAMED = ("{logGroupName}", "{logGroupIdentifier}", "{logGroupNames[]}", "{logGroupIdentifiers[]}")


def _groups(asked: Asked) -> Items:
    """Return the streams of the groups that a call names; a search is for those of no group in particular."""
    named = next((found for template in _NAMED if (found := asked.values(template))), [""])
    stream = first(asked, "{logStreamName}")
    return [(f"{_group(asked, name)}:log-stream:{stream}",) for name in named]


def _tagged(asked: Asked) -> Items:
    return [(_group(asked, first(asked, "{resourceArn}", "{logGroupName}")),)]


def _group(asked: Asked, named: str) -> str:
    return named.removesuffix(":*") if named.startswith("arn:") else arn(asked, f"log-group:{named}")


RULES: dict[tuple[str, str], Rule] = {**each("logs", _groups, _OF_GROUPS), **each("logs", _tagged, _OF_TAGS)}
NAMES: dict[tuple[str, str], Name] = {}
