"""DynamoDB tables."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import NotUpdatableError, Setting, call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Simple
from smproject.sandbox.cloudformation.tags import Tagging

_SETTINGS = {
    "PointInTimeRecoverySpecification": Setting(
        "UpdateContinuousBackups",
        lambda value: {"PointInTimeRecoverySpecification": value},
        default={"PointInTimeRecoveryEnabled": False},
    ),
    "TimeToLiveSpecification": Setting("UpdateTimeToLive", lambda value: {"TimeToLiveSpecification": value}),
}
_UPDATED = {  # what UpdateTable changes, and what AWS takes where the template says nothing
    "AttributeDefinitions": [],
    "BillingMode": "PROVISIONED",
    "DeletionProtectionEnabled": False,
    "ProvisionedThroughput": {},
    "StreamSpecification": {"StreamEnabled": False},
}
_MADE = ("KeySchema", "LocalSecondaryIndexes", "SSESpecification", "TableName", "Tags", "GlobalSecondaryIndexes")


@provides
class Table(Simple):
    """A table with its indexes, stream, time to live and recovery."""

    type, service = "AWS::DynamoDB::Table", "dynamodb"
    creates, deletes, delete_member, reads = "CreateTable", "DeleteTable", "TableName", "DescribeTable"
    name_property, name_limit, tagging = "TableName", 255, Tagging("ResourceArn", appends=True)
    settings = _SETTINGS

    def translate(self, properties: Properties) -> Properties:
        """Write streams and encryption as the API does; refuse what isn't kept here."""
        known(properties, *_UPDATED, *_MADE, *_SETTINGS)
        translated = super().translate(properties)
        if "StreamSpecification" in translated:
            translated["StreamSpecification"] = _stream(translated["StreamSpecification"])
        if "SSESpecification" in translated:
            kept = {name: item for name, item in translated["SSESpecification"].items() if name != "SSEEnabled"}
            translated["SSESpecification"] = kept | {"Enabled": translated["SSESpecification"]["SSEEnabled"]}
        return translated

    def found(self, sent: Properties, answer: Properties) -> Properties:
        """Return the ARNs, under the API's names."""
        told = answer.get("Table") or answer.get("TableDescription") or {}
        names = {"Arn": "TableArn", "StreamArn": "LatestStreamArn"}
        return {name: told[member] for name, member in names.items() if member in told}

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change billing, stream and protection in one call, the indexes in one call each, as AWS allows."""
        updatable(before, after, "GlobalSecondaryIndexes", "Tags", *_UPDATED, *_SETTINGS)
        client, differ = context.client("dynamodb"), changed(before, after)
        if "StreamSpecification" in set(differ) & set(before) & set(after):
            raise NotUpdatableError(
                "The sandbox can't change the property StreamSpecification: a table's stream stays."
            )
        if names := [name for name in differ if name in _UPDATED]:
            put = {name: after.get(name, _UPDATED[name]) for name in names}
            if "StreamSpecification" in put:
                put["StreamSpecification"] = _stream(put["StreamSpecification"])
            _update(client, made, {name: item for name, item in put.items() if item not in ({}, [])})
        for change in _index_changes(before, after):
            definitions = {"AttributeDefinitions": after.get("AttributeDefinitions", [])}
            _update(client, made, definitions | {"GlobalSecondaryIndexUpdates": [change]})
        ended = _ended_expiry(before, after)
        made = super().update(context, made, _separate(before), _separate(after | ended))
        return made if "StreamSpecification" in after else Made(made.ref, {"Arn": made.attributes["Arn"]})

    def arn(self, made: Made) -> str:
        """Return the ARN, by which tags are put."""
        return str(made.attributes["Arn"])


def _update(client: Any, made: Made, members: Properties) -> None:
    call(client, "UpdateTable", {"TableName": made.ref} | members)


def _separate(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name in (*_SETTINGS, "Tags")}


def _stream(value: Properties) -> Properties:
    return {"StreamEnabled": True} | value


def _ended_expiry(before: Properties, after: Properties) -> Properties:
    """Return the setting that ends a time to live, which the API wants by the attribute's name."""
    old = before.get("TimeToLiveSpecification")
    if old is None or "TimeToLiveSpecification" in after or text(old["Enabled"]).lower() == "false":
        return {}
    return {"TimeToLiveSpecification": old | {"Enabled": False}}


def _index_changes(before: Properties, after: Properties) -> list[Properties]:
    old, new = (
        {index["IndexName"]: index for index in side.get("GlobalSecondaryIndexes", [])} for side in (before, after)
    )
    names = changed(old, new)
    moved = [name for name in names if name in old and name in new]
    redone = [name for name in moved if set(changed(old[name], new[name])) - {"ProvisionedThroughput"}]
    gone = [name for name in names if name in old and (name not in new or name in redone)]
    made = [name for name in names if name in new and (name not in old or name in redone)]
    resized = [name for name in moved if name not in redone and "ProvisionedThroughput" in new[name]]
    return [
        *({"Delete": {"IndexName": name}} for name in gone),
        *({"Update": {"IndexName": n, "ProvisionedThroughput": new[n]["ProvisionedThroughput"]}} for n in resized),
        *({"Create": new[name]} for name in made),
    ]
