"""The attributes of a resource beside its properties: conditions, dependencies and policies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-product-attribute-reference.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.constraints import violations
from smproject.sandbox.cloudformation.keywords import Schema
from smproject.sandbox.cloudformation.provider import Provider, provider_of
from smproject.sandbox.cloudformation.schemas import is_custom
from smproject.sandbox.cloudformation.stacks import default_policy
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
_WITH_EFFECT = {
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
_NOT_EXECUTED = {"AutoScalingInstanceRefresh"}


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
    type_, provider = item["Type"], provider_of(item["Type"])
    for attribute, known in _POLICIES.items():
        policy = item.get(attribute, default_policy(attribute, item))
        if call_of(policy) or not isinstance(policy, str):
            raise malformed(f"Every {attribute} member must be a string.")
        if policy not in known:
            raise malformed(f"Unrecognized {attribute} {policy} for resource {name}")
        if (attribute, policy) == ("DeletionPolicy", "Snapshot") and type_ not in _SNAPSHOTS:
            raise invalid(f"Template error: resource type {type_} does not support deletion policy Snapshot")
        is_taken = provider is None or type(provider).snapshot is not Provider.snapshot
        if policy == "Snapshot" and type_ in _SNAPSHOTS and not is_taken:
            raise invalid(f"The sandbox does not execute the {attribute} Snapshot of {type_}.")
    for attribute in sorted(item.keys() & {each for each, types in _WITH_EFFECT.items() if type_ in types}):
        _check_effect(name, item, attribute, provider.obeys.get(attribute) if provider else None)


def _check_effect(name: str, item: dict[str, Any], attribute: str, schema: Schema | None) -> None:
    """Refuse a policy that would be ignored here, and one that says what AWS does not know."""
    if schema is None:
        raise invalid(f"The sandbox does not execute the {attribute} of {item['Type']}.")
    if unknown := sorted(_NOT_EXECUTED & set(item[attribute])):
        raise invalid(f"The sandbox does not execute the {unknown[0]} of {item['Type']}.")
    check_obeyed(name, attribute, schema, item[attribute])


def check_obeyed(name: str, attribute: str, schema: Schema, value: Any) -> None:
    """Refuse a policy that is not as its schema says; a function's result is not yet known, and passes."""
    if told := violations(schema, value):
        raise invalid(
            f"Properties validation failed for resource {name} with message:\n[{attribute}] {', '.join(told)}"
        )
