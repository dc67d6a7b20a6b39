"""S3 buckets and their policies."""

from __future__ import annotations

import json
from typing import Any

from botocore import xform_name

from smproject.sandbox.cloudformation.provider import (
    Context,
    Made,
    Properties,
    Provider,
    known,
    provides,
    request,
    undone_on_failure,
)

_DIRECT = {  # property -> (operation, the request member that takes it)
    "PublicAccessBlockConfiguration": ("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration"),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls"),
}


@provides
class Bucket(Provider):
    """A bucket with its encryption, versioning, access block, life cycle, CORS and tags."""

    type = "AWS::S3::Bucket"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the bucket, then apply each setting."""
        known(
            properties,
            "BucketName",
            "BucketEncryption",
            "LifecycleConfiguration",
            "CorsConfiguration",
            "Tags",
            "NotificationConfiguration",
            "LoggingConfiguration",
            *_DIRECT,
        )
        s3, name = context.client("s3"), properties.get("BucketName") or context.name(63, lower=True)
        region = context.caller.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
        with undone_on_failure(lambda: s3.delete_bucket(Bucket=name)):
            _configure(s3, name, properties, context)
        domain = f"{name}.s3.amazonaws.com"
        return Made(
            name,
            {
                "Arn": f"arn:aws:s3:::{name}",
                "DomainName": domain,
                "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            },
        )

    def delete(self, context: Context, made: Made) -> None:
        """Delete the bucket, which must be empty."""
        context.client("s3").delete_bucket(Bucket=made.ref)


def _configure(s3: Any, name: str, properties: Properties, context: Context) -> None:
    for key, (operation, member) in _DIRECT.items():
        if key in properties:
            _put(s3, operation, name, {member: properties[key]})
    if rules := properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration"):
        _put(
            s3,
            "PutBucketEncryption",
            name,
            {"ServerSideEncryptionConfiguration": {"Rules": [_encryption(r) for r in rules]}},
        )
    if lifecycle := properties.get("LifecycleConfiguration"):
        rules = [_lifecycle(rule) for rule in lifecycle["Rules"]]
        _put(s3, "PutBucketLifecycleConfiguration", name, {"LifecycleConfiguration": {"Rules": rules}})
    if cors := properties.get("CorsConfiguration"):
        s3.put_bucket_cors(Bucket=name, CORSConfiguration=cors)
    if tags := context.tag_list(properties.get("Tags")):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


def _put(s3: Any, operation: str, name: str, properties: Properties) -> None:
    getattr(s3, xform_name(operation))(**request(s3, operation, {"Bucket": name, **properties}))


def _encryption(rule: Properties) -> Properties:
    renamed = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
    return {renamed.get(key, key): value for key, value in rule.items()}


def _lifecycle(rule: Properties) -> Properties:
    """Translate a rule's flat properties into the API's nested ones."""
    known(
        rule,
        "Id",
        "Status",
        "Prefix",
        "ExpirationInDays",
        "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload",
        "ExpiredObjectDeleteMarker",
    )
    plain = {
        "Id": "ID",
        "Status": "Status",
        "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
        "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    }
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

    def delete(self, context: Context, made: Made) -> None:
        """Remove the policy."""
        context.client("s3").delete_bucket_policy(Bucket=made.ref)
