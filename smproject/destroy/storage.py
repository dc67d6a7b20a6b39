"""Find and delete what holds a project's data: images, code, logs, objects and keys."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from smproject.destroy.items import Item, pages
from smproject.destroy.owner import ID_TAG, Owner, tagged, tags_of

# The longest that KMS knows: until then the deletion can be cancelled.
KEY_DAYS = 30


def images(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the owner's repositories of images."""
    client = session.client("ecr")
    for each in pages(client, "describe_repositories", "repositories"):
        name = each["repositoryName"]
        if owner.is_in(name):
            tags = client.list_tags_for_resource(resourceArn=each["repositoryArn"])["tags"]
            if owner.owns(name, tags_of(tags)):
                count = sum(1 for _ in pages(client, "list_images", "imageIds", repositoryName=name))
                delete = partial(client.delete_repository, repositoryName=name, force=True)
                yield Item("image repository", name, f"{count} images", delete)


def code(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the owner's repositories of code."""
    client = session.client("codecommit")
    for each in pages(client, "list_repositories", "repositories"):
        name = each["repositoryName"]
        if owner.is_in(name):
            arn = client.get_repository(repositoryName=name)["repositoryMetadata"]["Arn"]
            if owner.owns(name, client.list_tags_for_resource(resourceArn=arn).get("tags", {})):
                yield Item("code repository", name, "", partial(client.delete_repository, repositoryName=name))


def logs(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the owner's log groups."""
    client = session.client("logs")
    for each in pages(client, "describe_log_groups", "logGroups"):
        name = each["logGroupName"]
        if owner.is_in(name):
            tags = client.list_tags_for_resource(resourceArn=each["arn"].removesuffix(":*")).get("tags", {})
            if owner.owns(name, tags):
                yield Item("log group", name, "", partial(client.delete_log_group, logGroupName=name))


def buckets(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the owner's buckets."""
    client = session.client("s3")
    for each in client.list_buckets()["Buckets"]:
        name = each["Name"]
        if owner.is_in(name) and owner.owns(name, _bucket_tags(client, name)):
            yield Item("bucket", name, "with every version of its objects", partial(_delete_bucket, client, name))


def keys(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield the owner's keys that are not about to be deleted."""
    client = session.client("kms")
    for arn, _ in tagged(session, ID_TAG, owner.id):
        if ":kms:" in arn and client.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] != "PendingDeletion":
            delete = partial(client.schedule_key_deletion, KeyId=arn, PendingWindowInDays=KEY_DAYS)
            yield Item("key", arn.rpartition("/")[2], f"after {KEY_DAYS} days", delete)


def _bucket_tags(client: Any, name: str) -> dict[str, str]:
    try:
        return tags_of(client.get_bucket_tagging(Bucket=name)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return {}
        raise


def _delete_bucket(client: Any, name: str) -> None:
    """Empty a bucket, versions, markers and unfinished uploads included, and delete it."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            done = client.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
            for refused in done.get("Errors", [])[:1]:
                raise ClientError({"Error": refused}, "DeleteObjects")
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for each in page.get("Uploads", []):
            client.abort_multipart_upload(Bucket=name, Key=each["Key"], UploadId=each["UploadId"])
    client.delete_bucket(Bucket=name)
