"""EventBridge: rules of the default bus have no bus in their ARN."""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each, first

_OF_RULES = (
    *("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTagsForResource", "ListTargetsByRule", "PutRule"),
    *("PutTargets", "RemoveTargets", "TagResource", "UntagResource"),
)


def _rule(asked: Asked) -> Items:
    name, bus = first(asked, "{Rule}", "{Name}"), first(asked, "{EventBusName}").rpartition("/")[2]
    own = name if bus in {"", "default"} else f"{bus}/{name}"
    return [(first(asked, "{ResourceARN}") or arn(asked, f"rule/{own}"),)]


def _buses(asked: Asked) -> Items:
    """Return the buses to which events are put: the default one where an entry names none."""
    entries = asked.members.get("Entries")
    found = [str(entry.get("EventBusName") or "default") for entry in entries] if isinstance(entries, list) else []
    return [(name if name.startswith("arn:") else arn(asked, f"event-bus/{name}"),) for name in dict.fromkeys(found)]


def _bus(asked: Asked) -> Items:
    name = first(asked, "{EventBusName}", "{Name}") or "default"
    return [(name if name.startswith("arn:") else arn(asked, f"event-bus/{name}"),)]


RULES: dict[tuple[str, str], Rule] = {
    **each("events", _rule, _OF_RULES),
    **each("events", _bus, ("CreateEventBus", "DeleteEventBus", "DescribeEventBus", "UpdateEventBus")),
    ("events", "PutEvents"): _buses,
}
NAMES: dict[tuple[str, str], Name] = {}
