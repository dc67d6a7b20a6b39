"""EC2: rules belong to their group, a new group is in its network, and tags go to whatever an id says it is."""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each, first

# The kinds of resource by the beginning of their ids.
_KINDS = {
    "acl": "network-acl",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
_OF_GROUPS = (
    *("AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "DeleteSecurityGroup"),
    *("RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"),
    *("UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress"),
)


def _group(asked: Asked) -> Items:
    named = first(asked, "{GroupId}")
    return [(arn(asked, f"security-group/{named}"),)] if named else []


def _new_group(asked: Asked) -> Items:
    network = first(asked, "{VpcId}")
    return [(arn(asked, "security-group/*"),), *([(arn(asked, f"vpc/{network}"),)] if network else [])]


def _tagged(asked: Asked) -> Items:
    """Return what gets tags or loses them; nothing when an id is of a kind that is not known here."""
    found = [
        (_KINDS.get(named.partition("-")[0]), named)
        for named in (asked.values("{ResourceId[]}") or asked.values("{Resources[]}"))
    ]
    return [(arn(asked, f"{kind}/{named}"),) for kind, named in found] if all(kind for kind, _ in found) else []


RULES: dict[tuple[str, str], Rule] = {
    **each("ec2", _group, _OF_GROUPS),
    **each("ec2", _tagged, ("CreateTags", "DeleteTags")),
    ("ec2", "CreateSecurityGroup"): _new_group,
}
NAMES: dict[tuple[str, str], Name] = {}
