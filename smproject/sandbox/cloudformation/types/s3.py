"""S3 buckets and their policies."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import known, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import document
from smproject.sandbox.cloudformation.types.s3_settings import SETTINGS


@provides
class Bucket(Provider):
    """A bucket with its settings."""

    type = "AWS::S3::Bucket"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the bucket, then apply each setting."""
        known(properties, "BucketName", "ObjectLockEnabled", *SETTINGS)
        s3, name = context.client("s3"), properties.get("BucketName") or context.name(63, lower=True)
        region = context.caller.region
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        locked = text(properties.get("ObjectLockEnabled", False)).lower() == "true"
        s3.create_bucket(Bucket=name, **place, **({"ObjectLockEnabledForBucket": True} if locked else {}))
        with undone_on_failure(lambda: s3.delete_bucket(Bucket=name)):
            _settle(s3, name, {}, properties)
        return Made(
            name,
            {
                "Arn": f"arn:aws:s3:::{name}",
                "DomainName": f"{name}.s3.amazonaws.com",
                "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
                "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
                "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
            },
        )

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the settings that differ."""
        updatable(before, after, *SETTINGS)
        _settle(context.client("s3"), made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the bucket, which must be empty."""
        context.client("s3").delete_bucket(Bucket=made.ref)


def _settle(s3: Any, bucket: str, before: Properties, after: Properties) -> None:
    """Put the settings that differ; replication needs versions, so it is put after them, and taken away before."""
    versions = {name: setting for name, setting in SETTINGS.items() if name == "VersioningConfiguration"}
    steps = [versions, {name: setting for name, setting in SETTINGS.items() if name not in versions}]
    for settings in steps if "ReplicationConfiguration" in after else reversed(steps):
        settle(s3, {"Bucket": bucket}, settings, before, after)


@provides
class BucketPolicy(Provider):
    """A bucket's policy."""

    type = "AWS::S3::BucketPolicy"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the policy on the bucket."""
        known(properties, "Bucket", "PolicyDocument")
        policy = document(properties["PolicyDocument"])
        context.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
        return Made(properties["Bucket"])

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new policy in the old one's place."""
        updatable(before, after, "PolicyDocument")
        return self.create(context, after)

    def delete(self, context: Context, made: Made) -> None:
        """Remove the policy."""
        context.client("s3").delete_bucket_policy(Bucket=made.ref)
