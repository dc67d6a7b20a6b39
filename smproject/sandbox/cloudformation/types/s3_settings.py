"""What a bucket's properties mean in S3's calls."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from smproject.sandbox.cloudformation.api import Setting, UnsupportedPropertyError, known
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.tags import spelled

_PLAIN_RULE = {
    "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "Id": "ID",
    "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "Status": "Status",
}
_EXPIRATION = {
    "ExpirationDate": "Date",
    "ExpirationInDays": "Days",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}
_LOCK = {"ObjectLockEnabled": "Enabled"}
_NOTIFIED = {  # by property: what it calls the target, and what the API calls both
    "LambdaConfigurations": ("Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    "QueueConfigurations": ("Queue", "QueueConfigurations", "QueueArn"),
    "TopicConfigurations": ("Topic", "TopicConfigurations", "TopicArn"),
}
_REPLICATION = (
    *("DeleteMarkerReplication", "Destination", "Filter", "Id", "Prefix", "Priority", "SourceSelectionCriteria"),
    "Status",
)
_FILTERS = {"ObjectSizeGreaterThan": int, "ObjectSizeLessThan": int, "Prefix": str}


def _as(member: str) -> Callable[[Any], Properties]:
    return lambda value: {member: value}


def _canned(name: str) -> Properties:
    """Write `BucketOwnerFullControl` as the API does: `bucket-owner-full-control`."""
    return {"ACL": re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()}


def _encryption(value: Properties) -> Properties:
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    rules = [{renamed.get(key, key): item for key, item in rule.items()} for rule in _encryption_rules(value)]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _encryption_rules(value: Properties) -> list[Properties]:
    return list(value["ServerSideEncryptionConfiguration"])


def _cors(value: Properties) -> Properties:
    renamed = {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
    rules = [{renamed.get(key, key): item for key, item in rule.items()} for rule in value["CorsRules"]]
    return {"CORSConfiguration": {"CORSRules": rules}}


def _lifecycle(rule: Properties) -> Properties:
    """Translate a rule's flat properties into the API's nested ones."""
    rule = _modern(rule)
    moves = ("Transitions", "NoncurrentVersionTransitions")
    known(rule, "TagFilters", *_FILTERS, *_EXPIRATION, *moves, *_PLAIN_RULE)
    translated: Properties = {_PLAIN_RULE[key]: value for key, value in rule.items() if key in _PLAIN_RULE}
    if expiration := {member: rule[name] for name, member in _EXPIRATION.items() if name in rule}:
        translated["Expiration"] = expiration
    if "Transitions" in rule:
        renamed = {"TransitionDate": "Date", "TransitionInDays": "Days"}
        translated["Transitions"] = [{renamed.get(k, k): v for k, v in each.items()} for each in rule["Transitions"]]
    if "NoncurrentVersionTransitions" in rule:
        renamed = {"TransitionInDays": "NoncurrentDays"}
        given = rule["NoncurrentVersionTransitions"]
        translated["NoncurrentVersionTransitions"] = [{renamed.get(k, k): v for k, v in each.items()} for each in given]
    return translated | {"Filter": _filter(rule)}


def _modern(rule: Properties) -> Properties:
    """Return a rule with lists in place of the single transitions, and a map in place of the days, of old templates."""
    written = dict(rule)
    for name in ("Transition", "NoncurrentVersionTransition"):
        if name in written:
            written[f"{name}s"] = [*written.get(f"{name}s", []), written.pop(name)]
    if "NoncurrentVersionExpirationInDays" in written:
        days = written.pop("NoncurrentVersionExpirationInDays")
        written["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    return written


def _filter(rule: Properties) -> Properties:
    """Write what a rule is for: one condition by itself, several under `And`."""
    single: Properties = {name: kind(rule[name]) for name, kind in _FILTERS.items() if name in rule}
    tags = spelled(rule.get("TagFilters"))
    if len(single) + len(tags) <= 1:
        return ({"Tag": tags[0]} if tags else single) or {"Prefix": ""}
    return {"And": single | ({"Tags": tags} if tags else {})}


def _logging(value: Properties) -> Properties:
    known(value, "DestinationBucketName", "LogFilePrefix")
    target = {"TargetBucket": value.get("DestinationBucketName"), "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"BucketLoggingStatus": {"LoggingEnabled": target} if value else {}}


def _notifications(value: Properties) -> Properties:
    """Translate notifications to functions, queues, topics and EventBridge, which is told all or nothing."""
    known(value, *_NOTIFIED, "EventBridgeConfiguration")
    written = {
        member: [{arn: each[name], "Events": [each["Event"]]} | _key_filter(each) for each in value.get(kind, [])]
        for kind, (name, member, arn) in _NOTIFIED.items()
    }
    bridge = value.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled") in (True, "true")
    told: Properties = {"EventBridgeConfiguration": {}} if bridge else {}
    return {"NotificationConfiguration": told | {kind: items for kind, items in written.items() if items}}


def _key_filter(notification: Properties) -> Properties:
    found = notification.get("Filter")
    rules = [rule | {"Name": str(rule["Name"]).lower()} for rule in found["S3Key"]["Rules"]] if found else []
    return {"Filter": {"Key": {"FilterRules": rules}}} if found else {}


def _website(value: Properties) -> Properties:
    renamed = {"IndexDocument": "Suffix", "ErrorDocument": "Key"}
    written = {name: {renamed[name]: item} if name in renamed else item for name, item in value.items()}
    if "RoutingRules" in written:
        names = {"RedirectRule": "Redirect", "RoutingRuleCondition": "Condition"}
        written["RoutingRules"] = [{names.get(k, k): v for k, v in rule.items()} for rule in value["RoutingRules"]]
    return {"WebsiteConfiguration": written}


def _replication(value: Properties) -> Properties:
    for rule in value["Rules"]:
        known(rule, *_REPLICATION)
        if "Filter" in rule and set(rule["Filter"]) - {"Prefix"}:
            raise UnsupportedPropertyError("The sandbox does not execute a replication Filter beyond Prefix.")
    renamed = {"Id": "ID"}
    rules = [{renamed.get(name, name): item for name, item in rule.items()} for rule in value["Rules"]]
    return {"ReplicationConfiguration": {"Role": value["Role"], "Rules": rules}}


SETTINGS = {
    "PublicAccessBlockConfiguration": Setting(
        "PutPublicAccessBlock", _as("PublicAccessBlockConfiguration"), "DeletePublicAccessBlock"
    ),
    "OwnershipControls": Setting(
        "PutBucketOwnershipControls", _as("OwnershipControls"), "DeleteBucketOwnershipControls"
    ),
    "AccessControl": Setting("PutBucketAcl", _canned, default="Private"),
    "AccelerateConfiguration": Setting(
        "PutBucketAccelerateConfiguration",
        lambda value: {"AccelerateConfiguration": {"Status": value["AccelerationStatus"]}},
        default={"AccelerationStatus": "Suspended"},
    ),
    "VersioningConfiguration": Setting(
        "PutBucketVersioning", _as("VersioningConfiguration"), default={"Status": "Suspended"}
    ),
    "BucketEncryption": Setting("PutBucketEncryption", _encryption, "DeleteBucketEncryption"),
    "LifecycleConfiguration": Setting(
        "PutBucketLifecycleConfiguration",
        lambda value: {"LifecycleConfiguration": {"Rules": [_lifecycle(rule) for rule in value["Rules"]]}},
        "DeleteBucketLifecycle",
    ),
    "CorsConfiguration": Setting("PutBucketCors", _cors, "DeleteBucketCors"),
    "LoggingConfiguration": Setting("PutBucketLogging", _logging, default={}),
    "NotificationConfiguration": Setting("PutBucketNotificationConfiguration", _notifications, default={}),
    "WebsiteConfiguration": Setting("PutBucketWebsite", _website, "DeleteBucketWebsite"),
    "ObjectLockConfiguration": Setting("PutObjectLockConfiguration", _as("ObjectLockConfiguration"), default=_LOCK),
    "ReplicationConfiguration": Setting("PutBucketReplication", _replication, "DeleteBucketReplication"),
    "Tags": Setting("PutBucketTagging", lambda tags: {"Tagging": {"TagSet": spelled(tags)}}, "DeleteBucketTagging"),
}
