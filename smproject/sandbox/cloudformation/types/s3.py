"""S3 buckets and their policies."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import Setting, known, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import spelled


def _as(member: str) -> Any:
    return lambda value: {member: value}


_SETTINGS = {
    "PublicAccessBlockConfiguration": Setting(
        "PutPublicAccessBlock", _as("PublicAccessBlockConfiguration"), "DeletePublicAccessBlock"
    ),
    "VersioningConfiguration": Setting(
        "PutBucketVersioning", _as("VersioningConfiguration"), default={"Status": "Suspended"}
    ),
    "OwnershipControls": Setting(
        "PutBucketOwnershipControls", _as("OwnershipControls"), "DeleteBucketOwnershipControls"
    ),
    "BucketEncryption": Setting(
        "PutBucketEncryption",
        lambda value: {
            "ServerSideEncryptionConfiguration": {
                "Rules": [_encryption(rule) for rule in value["ServerSideEncryptionConfiguration"]]
            }
        },
        "DeleteBucketEncryption",
    ),
    "LifecycleConfiguration": Setting(
        "PutBucketLifecycleConfiguration",
        lambda value: {"LifecycleConfiguration": {"Rules": [_lifecycle(rule) for rule in value["Rules"]]}},
        "DeleteBucketLifecycle",
    ),
    "CorsConfiguration": Setting("PutBucketCors", _as("CORSConfiguration"), "DeleteBucketCors"),
    "Tags": Setting("PutBucketTagging", lambda tags: {"Tagging": {"TagSet": spelled(tags)}}, "DeleteBucketTagging"),
}


@provides
class Bucket(Provider):
    """A bucket with its encryption, versioning, access block, life cycle, CORS and tags."""

    type = "AWS::S3::Bucket"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the bucket, then apply each setting."""
        known(properties, "BucketName", *_SETTINGS)
        s3, name = context.client("s3"), properties.get("BucketName") or context.name(63, lower=True)
        region = context.caller.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
        with undone_on_failure(lambda: s3.delete_bucket(Bucket=name)):
            settle(s3, {"Bucket": name}, _SETTINGS, {}, properties)
        return Made(
            name,
            {
                "Arn": f"arn:aws:s3:::{name}",
                "DomainName": f"{name}.s3.amazonaws.com",
                "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            },
        )

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the settings that differ."""
        updatable(before, after, *_SETTINGS)
        settle(context.client("s3"), {"Bucket": made.ref}, _SETTINGS, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the bucket, which must be empty."""
        context.client("s3").delete_bucket(Bucket=made.ref)


def _encryption(rule: Properties) -> Properties:
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {renamed.get(key, key): value for key, value in rule.items()}


def _lifecycle(rule: Properties) -> Properties:
    """Translate a rule's flat properties into the API's nested ones."""
    plain = {
        "Id": "ID",
        "Status": "Status",
        "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    }
    known(rule, "Prefix", "ExpirationInDays", "ExpiredObjectDeleteMarker", *plain)
    translated: Properties = {plain[key]: value for key, value in rule.items() if key in plain}
    expiration = {
        new: rule[old] for old, new in (("ExpirationInDays", "Days"), ("ExpiredObjectDeleteMarker",) * 2) if old in rule
    }
    if expiration:
        translated["Expiration"] = expiration
    return translated | {"Filter": {"Prefix": rule.get("Prefix", "")}}


@provides
class BucketPolicy(Provider):
    """A bucket's policy."""

    type = "AWS::S3::BucketPolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy on the bucket."""
        known(properties, "Bucket", "PolicyDocument")
        policy = json.dumps(properties["PolicyDocument"])
        context.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
        return Made(properties["Bucket"])

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new policy in the old one's place."""
        updatable(before, after, "PolicyDocument")
        return self.create(context, after)

    def delete(self, context: Context, made: Made) -> None:
        """Remove the policy."""
        context.client("s3").delete_bucket_policy(Bucket=made.ref)
