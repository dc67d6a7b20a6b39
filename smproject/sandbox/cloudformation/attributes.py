"""The attributes of a resource beside its properties: conditions, dependencies and policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-product-attribute-reference.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.provider import provider_of
from smproject.sandbox.cloudformation.schemas import is_custom
from smproject.sandbox.cloudformation.syntax import call_of, invalid, malformed

_MEMBERS = {
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
}
_POLICIES = {
    "DeletionPolicy": {"Delete", "Retain", "RetainExceptOnCreate", "Snapshot"},
    "UpdateReplacePolicy": {"Delete", "Retain", "Snapshot"},
}
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
_SNAPSHOTS = {
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
}
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
_OBEYED = {
    "CreationPolicy": {
        "AWS::AppStream::Fleet",
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::CloudFormation::WaitCondition",
        "AWS::EC2::Instance",
    },
    "UpdatePolicy": {
        "AWS::AppStream::Fleet",
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::ElastiCache::ReplicationGroup",
        "AWS::Elasticsearch::Domain",
        "AWS::Lambda::Alias",
        "AWS::OpenSearchService::Domain",
    },
}


def check(name: str, item: Any) -> None:
    """Refuse a resource whose attributes are not what they must be, or would be ignored."""
    if not isinstance(item, dict):
        raise malformed("Any Resources member must be an object.")
    if not isinstance(item.get("Type"), str):
        raise malformed(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    if unknown := sorted(set(item) - _MEMBERS - ({"Version"} if is_custom(item["Type"]) else set())):
        raise invalid(f"Invalid template resource property '{unknown[0]}'")
    for member in ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy"):
        if not isinstance(item.get(member, {}), dict):
            raise malformed(f"[/Resources/{name}/{member}] Every {member} member must be an object.")
    depends = item.get("DependsOn", [])
    if not all(isinstance(each, str) for each in ([depends] if isinstance(depends, str) else _listed(depends))):
        raise malformed("DependsOn must be a string or list of strings.")
    check_condition(item)
    _check_policies(name, item)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [None]


def check_condition(item: dict[str, Any]) -> None:
    """Refuse a resource or output whose condition is not a name."""
    if not isinstance(item.get("Condition", ""), str):
        raise malformed("Every Condition member must be a string.")


def _check_policies(name: str, item: dict[str, Any]) -> None:
    type_ = item["Type"]
    for attribute, known in _POLICIES.items():
        policy = item.get(attribute, "Delete")
        if call_of(policy) or not isinstance(policy, str):
            raise malformed(f"Every {attribute} member must be a string.")
        if policy not in known:
            raise malformed(f"Unrecognized {attribute} {policy} for resource {name}")
        if policy == "Snapshot" and type_ not in _SNAPSHOTS:
            raise invalid(f"Template error: resource type {type_} does not support deletion policy Snapshot")
        if policy == "Snapshot":
            raise invalid(f"The sandbox does not execute the {attribute} Snapshot of {type_}.")
    for attribute, types in _OBEYED.items():
        obeyed: frozenset[str] = getattr(provider_of(type_), "obeys", frozenset())
        if attribute in item and type_ in types and attribute not in obeyed:
            raise invalid(f"The sandbox does not execute the {attribute} of {type_}.")
