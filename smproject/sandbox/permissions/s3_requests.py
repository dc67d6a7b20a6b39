"""What an HTTP request to S3 asks for, in IAM's terms.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from werkzeug.wrappers import Request

from smproject.sandbox import calls, moto_policies
from smproject.sandbox.moto_seam import PARTITION


@dataclass(frozen=True)
class Use:
    """One thing that a request does, to an object or, without a key, to a bucket.

    `reads` tells whether the object must exist; `kms` are the actions that it takes on the KMS key, where there is one.
    """

    action: str
    bucket: str
    key: str = ""
    version: str | None = None
    reads: bool = False
    kms: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        """Return the ARN of the bucket or object."""
        return f"arn:{PARTITION}:s3:::{self.bucket}" + (f"/{self.key}" if self.key else "")


class UnnamedError(Exception):
    """A request of which the sandbox does not know what permission it needs."""


def uses(request: Request) -> list[Use]:
    """Return what a request to a bucket does; raises UnnamedError."""
    bucket, key = moto_policies.s3_address(request)
    known = _OF_OBJECTS if key else _OF_BUCKETS
    named = known & set(request.args)
    if len(named) > 1:
        raise UnnamedError
    subresource = next(iter(named), "")
    return list(_of_object(request, bucket, key, subresource) if key else _of_bucket(request, bucket, subresource))


_OF_OBJECTS = {
    *("acl", "attributes", "encryption", "legal-hold", "restore", "retention", "select", "tagging"),
    *("uploadId", "uploads"),
}
_OBJECT_ACTIONS = {
    "GET acl": "GetObjectAcl",
    "PUT acl": "PutObjectAcl",
    "GET legal-hold": "GetObjectLegalHold",
    "PUT legal-hold": "PutObjectLegalHold",
    "POST restore": "RestoreObject",
    "GET retention": "GetObjectRetention",
    "PUT retention": "PutObjectRetention",
    "GET tagging": "GetObjectTagging",
    "PUT tagging": "PutObjectTagging",
    "DELETE tagging": "DeleteObjectTagging",
    "GET uploadId": "ListMultipartUploadParts",
    "PUT uploadId": "PutObject",
    "POST uploadId": "PutObject",
    "DELETE uploadId": "AbortMultipartUpload",
    "DELETE ": "DeleteObject",
}
_READS = {
    "GET ": ("GetObject",),
    "HEAD ": ("GetObject",),
    "GET attributes": ("GetObject", "GetObjectAttributes"),
    "POST select": ("GetObject",),
}
CREATE_BUCKET = "s3:CreateBucket"
DECRYPT, ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"
# The parts of an upload are decrypted again when they are put together.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
_WRITES = {"PUT ": (ENCRYPT,), "POST uploads": (ENCRYPT, DECRYPT)}
# Headers of a write that ask for a further action.
_EXTRAS = {"x-amz-tagging": "PutObjectTagging", "x-amz-acl": "PutObjectAcl"}
# Of these, a request that names a version needs the action of versions.
_VERSIONED = {
    *("GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging"),
    *("PutObjectAcl", "PutObjectTagging", "DeleteObject", "DeleteObjectTagging"),
}


def _of_object(request: Request, bucket: str, key: str, subresource: str) -> Iterator[Use]:
    operation, version = f"{request.method} {subresource}", request.args.get("versionId")
    source = _copied(request) if request.method == "PUT" and subresource in ("", "uploadId") else None
    if source:
        yield source
    if operation in _READS:
        # HEAD decrypts for a checksum only.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
        kms = (DECRYPT,) if request.method != "HEAD" or "x-amz-checksum-mode" in request.headers else ()
        for action in _READS[operation]:
            yield Use(_named(action, version), bucket, key, version, reads=True, kms=kms)
    elif operation in _WRITES:
        yield Use("s3:PutObject", bucket, key, kms=_WRITES[operation])
        yield from (Use(f"s3:{action}", bucket, key) for header, action in _EXTRAS.items() if header in request.headers)
    elif operation in _OBJECT_ACTIONS:
        yield Use(_named(_OBJECT_ACTIONS[operation], version), bucket, key, version)
    else:
        raise UnnamedError


def _copied(request: Request) -> Use | None:
    """Return the reading of a copy's source."""
    source = request.headers.get("x-amz-copy-source", "")
    path, _, query = source.partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    version = parse_qs(query).get("versionId", [None])[0]
    return Use(_named("GetObject", version), bucket, key, version, reads=True, kms=(DECRYPT,)) if source else None


# Subresources of buckets, by the noun of their actions.
_NOUNS = {
    "accelerate": "AccelerateConfiguration",
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "inventory": "InventoryConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "location": "BucketLocation",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}
_BUCKET_ACTIONS = {
    "GET ": "ListBucket",
    "HEAD ": "ListBucket",
    "DELETE ": "DeleteBucket",
    "GET uploads": "ListBucketMultipartUploads",
    "GET versions": "ListBucketVersions",
    "DELETE policy": "DeleteBucketPolicy",
    "DELETE website": "DeleteBucketWebsite",
}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Put"}  # removing a setting is putting none
_OF_BUCKETS = {*_NOUNS, "delete", "uploads", "versions"}


def _of_bucket(request: Request, bucket: str, subresource: str) -> Iterator[Use]:
    operation = f"{request.method} {subresource}"
    if operation == "PUT ":
        if moto_policies.bucket_owner(bucket):  # whose it is already is no question of permissions
            return
        yield Use(CREATE_BUCKET, bucket)
    elif operation == "POST delete":
        yield from _deleted(request, bucket)
    elif operation in _BUCKET_ACTIONS:
        yield Use(f"s3:{_BUCKET_ACTIONS[operation]}", bucket)
    elif subresource in _NOUNS and request.method in _VERBS:
        yield Use(f"s3:{_VERBS[request.method]}{_NOUNS[subresource]}", bucket)
    else:
        raise UnnamedError


def _deleted(request: Request, bucket: str) -> Iterator[Use]:
    """Yield the deletions that a DeleteObjects lists."""
    try:
        listed = ET.fromstring(calls.body(request.environ))  # noqa: S314 - expat expands no entities without bound
    except ET.ParseError as error:
        raise UnnamedError from error
    for item in (element for element in listed if element.tag.endswith("Object")):
        found = {child.tag.rpartition("}")[2]: child.text or "" for child in item}
        version = found.get("VersionId")
        yield Use(_named("DeleteObject", version), bucket, found.get("Key", ""), version)


def _named(action: str, version: str | None) -> str:
    return "s3:" + (action.replace("Object", "ObjectVersion") if version and action in _VERSIONED else action)
