"""What Systems Manager, CloudWatch Logs and KMS tell of parameters, log groups and keys."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.drift.reader import READERS, Item, Read, Reader, member, tags
from smproject.sandbox.cloudformation.provider import Made


def _parameter(client: Any, made: Made) -> Item:
    return dict(client.get_parameter(Name=made.ref)["Parameter"])


def _metadata(name: str) -> Read:
    def read(client: Any, made: Made, found: Item) -> Any:
        chosen = [{"Key": "Name", "Option": "Equals", "Values": [made.ref]}]
        listed = client.describe_parameters(ParameterFilters=chosen)["Parameters"]
        return listed[0].get(name) if listed else None

    return read


def _parameter_tags(client: Any, made: Made, found: Item) -> Any:
    listed = client.list_tags_for_resource(ResourceType="Parameter", ResourceId=made.ref)["TagList"]
    return {tag["Key"]: tag["Value"] for tag in tags(listed)}  # a map, for once


def _log_group(client: Any, made: Made) -> Item:
    listed = client.describe_log_groups(logGroupNamePrefix=made.ref)["logGroups"]
    return next((dict(group) for group in listed if group["logGroupName"] == made.ref), {})


def _log_tags(client: Any, made: Made, found: Item) -> Any:
    return tags(client.list_tags_for_resource(resourceArn=found["arn"].removesuffix(":*"))["tags"])


def _key(client: Any, made: Made) -> Item:
    found = dict(client.describe_key(KeyId=made.ref)["KeyMetadata"])
    return {} if found["KeyState"] == "PendingDeletion" else found


def _key_policy(client: Any, made: Made, found: Item) -> Any:
    return json.loads(client.get_key_policy(KeyId=made.ref, PolicyName="default")["Policy"])


READERS["AWS::SSM::Parameter"] = Reader(
    "ssm",
    _parameter,
    {name: member(name) for name in ("DataType", "Name", "Type", "Value")}
    | {name: _metadata(name) for name in ("AllowedPattern", "Description", "Tier")}
    | {"Tags": _parameter_tags},
)
READERS["AWS::Logs::LogGroup"] = Reader(
    "logs",
    _log_group,
    {
        "KmsKeyId": member("kmsKeyId"),
        "LogGroupClass": member("logGroupClass"),
        "LogGroupName": member("logGroupName"),
        "RetentionInDays": member("retentionInDays"),
        "Tags": _log_tags,
    },
)
READERS["AWS::KMS::Key"] = Reader(
    "kms",
    _key,
    {name: member(name) for name in ("Description", "Enabled", "KeySpec", "KeyUsage", "MultiRegion")}
    | {
        "EnableKeyRotation": lambda client, made, found: client.get_key_rotation_status(KeyId=made.ref)[
            "KeyRotationEnabled"
        ],
        "KeyPolicy": _key_policy,
        "Tags": lambda client, made, found: tags(
            client.list_resource_tags(KeyId=made.ref)["Tags"], "TagKey", "TagValue"
        ),
    },
)
