"""Checks of the catalogue's bucket and key in the hub."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from smproject.doctor import expected
from smproject.doctor.check import HUB, check
from smproject.doctor.findings import ERROR, WARNING, Found
from smproject.doctor.place import Place, aws, quietly
from smproject.publishing import objects, wanted

_S3_TEMPLATES = "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html"
_SHOWN = 3  # keys in one line
# What S3 says where a bucket has no such configuration.
_NONE = {"NoSuchCORSConfiguration", "NoSuchPublicAccessBlockConfiguration", "NoSuchBucketPolicy"}


@check(
    "bucket-versioning",
    "The bucket keeps versions of its objects.",
    ERROR,
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    HUB,
)
def versioning(place: Place) -> Iterator[Found]:
    """Look whether versioning is on."""
    bucket = place.published.bucket
    status = place.client("s3").get_bucket_versioning(Bucket=bucket).get("Status", "off")
    if status != "Enabled":
        words = ["--bucket", bucket, "--versioning-configuration", "Status=Enabled"]
        yield Found(f"versioning of bucket {bucket} is {status}.", aws("s3api", "put-bucket-versioning", *words))


@check(
    "bucket-public-access",
    "The bucket blocks public access in all four ways.",
    ERROR,
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    HUB,
)
def public_access(place: Place) -> Iterator[Found]:
    """Compare the public access block with the template's."""
    bucket, s3 = place.published.bucket, place.client("s3")
    answer = _read(lambda: s3.get_public_access_block(Bucket=bucket)) or {}
    live = answer.get("PublicAccessBlockConfiguration", {})
    block = _expected(place)["CatalogBucket"]["Properties"]["PublicAccessBlockConfiguration"]
    if off := [name for name in block if not live.get(name)]:
        text = ",".join(f"{name}=true" for name in block)
        words = ["--bucket", bucket, "--public-access-block-configuration", text]
        yield Found(f"bucket {bucket} lacks {', '.join(off)}.", aws("s3api", "put-public-access-block", *words))


@check(
    "bucket-cors", "Studio's pages may read the templates from the browser.", WARNING, _S3_TEMPLATES, HUB, fixes=True
)
def cors(place: Place) -> Iterator[Found]:
    """Look for the template's rule; rules beside it are left alone."""
    bucket, s3 = place.published.bucket, place.client("s3")
    answer = _read(lambda: s3.get_bucket_cors(Bucket=bucket)) or {}
    live = answer.get("CORSRules", [])
    ours = [_cors_rule(rule) for rule in _cors_rules(place)]
    if all(any(rule.items() <= _sorted(other).items() for other in live) for rule in map(_sorted, ours)):
        return
    rules = {"CORSRules": [*ours, *live]}
    words = ["--bucket", bucket, "--cors-configuration", json.dumps(rules)]
    yield Found(
        f"bucket {bucket} has no CORS rule for Studio.",
        aws("s3api", "put-bucket-cors", *words),
        partial(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration=rules),
    )


@check(
    "bucket-policy",
    "The bucket's policy is the template's: TLS only, the organization alone reads.",
    ERROR,
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html",
    HUB,
)
def policy(place: Place) -> Iterator[Found]:
    """Compare the statements of the bucket's policy with the template's."""
    bucket, s3 = place.published.bucket, place.client("s3")
    answer = _read(lambda: s3.get_bucket_policy(Bucket=bucket))
    live = json.loads(answer["Policy"]) if answer else {}
    ours = _expected(place)["CatalogBucketPolicy"]["Properties"]["PolicyDocument"]
    words = ["s3api", "put-bucket-policy", "--bucket", bucket, "--policy", json.dumps(ours)]
    yield from _differs(f"the policy of bucket {bucket}", ours, live, place, aws(*words))


@check(
    "key-policy",
    "The policy of the bucket's key is the template's: the organization alone decrypts, by S3.",
    ERROR,
    "https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",
    HUB,
)
def key_policy(place: Place) -> Iterator[Found]:
    """Compare the statements of the key's policy with the template's."""
    key = place.published.outputs["CatalogBucketKeyArn"]
    live = json.loads(place.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    ours = _expected(place)["CatalogBucketKey"]["Properties"]["KeyPolicy"]
    words = ["kms", "put-key-policy", "--key-id", key, "--policy-name", "default", "--policy", json.dumps(ours)]
    yield from _differs(f"the policy of key {key}", ours, live, place, aws(*words))


@check("object-current", "The bucket holds this repository's seeds and templates.", WARNING, _S3_TEMPLATES, HUB)
def object_current(place: Place) -> Iterator[Found]:
    """Compare the bucket's objects with this repository."""
    keys = [each.object.key for each in _missing(place) if not each.only_tags]
    if keys:
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        command = "smproject publish --to s3" if is_offered(place) else place.preparation
        yield Found(f"missing or others: {', '.join(keys[:_SHOWN])}{more}.", command)


@check(
    "object-visibility",
    "The templates for projects from S3 are tagged for Studio.",
    WARNING,
    _S3_TEMPLATES,
    HUB,
    fixes=True,
)
def object_visibility(place: Place) -> Iterator[Found]:
    """Look at the tags of the bucket's objects."""
    bucket = place.published.bucket
    for each in filter(lambda missing: missing.only_tags, _missing(place)):
        tags = [{"Key": key, "Value": value} for key, value in each.object.tags.items()]
        words = ["--bucket", bucket, "--key", each.object.key, "--tagging", json.dumps({"TagSet": tags})]
        yield Found(
            f"{each.object.key} has other tags than Studio looks for.",
            aws("s3api", "put-object-tagging", *words),
            partial(objects.put, place.client("s3"), bucket, each, quietly),
        )


def is_offered(place: Place) -> bool:
    """Whether templates were published to S3 at all."""
    s3, asked = place.hub.client("s3"), {"Bucket": place.published.bucket, "Prefix": "projects/", "MaxKeys": 1}
    return place.once("offered", lambda: bool(s3.list_objects_v2(**asked).get("KeyCount")))


def _missing(place: Place) -> list[objects.Missing]:
    return place.once("objects", lambda: list(_compare(place)))


def _compare(place: Place) -> Iterator[objects.Missing]:
    offered = place.published.offered
    # Templates lie under their own names once they were published to S3.
    names = wanted.by_name(offered) if is_offered(place) else []
    return objects.missing(place.client("s3"), place.published.bucket, wanted.by_content(offered), names)


def _differs(
    subject: str, ours: Mapping[str, Any], live: Mapping[str, Any], place: Place, command: str
) -> Iterator[Found]:
    lacking, strange = expected.differences(ours, live)
    # A stack of another version has another policy: an update brings this one.
    mend = command if place.is_current("catalog-bucket") else place.preparation
    if lacking:
        yield Found(f"{subject} lacks {expected.told(lacking)} as the template has it.", mend)
    elif strange:
        yield Found(f"{subject} has {expected.told(strange)}, which the template has not.", mend)


def _expected(place: Place) -> dict[str, dict[str, Any]]:
    return expected.resources(place, "catalog-bucket")


def _cors_rules(place: Place) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = _expected(place)["CatalogBucket"]["Properties"]["CorsConfiguration"]["CorsRules"]
    return rules


def _cors_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as S3 writes it; CloudFormation calls one of its members otherwise."""
    return {"ExposeHeaders" if name == "ExposedHeaders" else name: value for name, value in rule.items()}


def _sorted(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in rule.items()}


def _read(call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What S3 answers, or None where the bucket has no such configuration."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _NONE:
            return None
        raise


CHECKS = (versioning, public_access, cors, policy, key_policy, object_current, object_visibility)
