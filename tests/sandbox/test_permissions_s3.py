"""S3 between accounts: the bucket's policy, the key's policy and the caller's own must all allow."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox
from persons import Person, policy

SSE, SSE_KEY = "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id"
Item = dict[str, Any]


class Store:
    """A bucket of the development account whose objects a key of its own encrypts."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.name = sandbox, f"store-{uuid.uuid4().hex[:8]}"
        self.arn = f"arn:aws:s3:::{self.name}"
        self.s3, self.kms = sandbox.client("s3"), sandbox.client("kms")
        self.key = str(self.kms.create_key()["KeyMetadata"]["Arn"])
        self.s3.create_bucket(Bucket=self.name)
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": self.key}
        rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        self.s3.put_bucket_encryption(Bucket=self.name, ServerSideEncryptionConfiguration={"Rules": rules})
        self.s3.put_object(Bucket=self.name, Key="models/model.tar.gz", Body=b"model", Tagging="stage=approved")

    def share(self, *statements: Item) -> None:
        """Set the bucket's policy."""
        self.s3.put_bucket_policy(Bucket=self.name, Policy=policy(*statements))

    def share_key(self, *statements: Item) -> None:
        """Set the key's policy: its account decides by IAM, and what is added."""
        own = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNTS['development']}:root"}, "Action": "kms:*"}
        self.kms.put_key_policy(
            KeyId=self.key,
            PolicyName="default",
            Policy=policy({"Effect": "Allow", **own, "Resource": "*"}, *statements),
        )


def to(person: Person, action: str | list[str], resource: str, **more: Any) -> Item:
    """Return a statement that allows a person's account something, narrowed to the person's role."""
    root = {"AWS": f"arn:aws:iam::{person.account}:root"}
    condition = {"ArnEquals": {"aws:PrincipalArn": person.arn}, **more}
    return {"Effect": "Allow", "Principal": root, "Action": action, "Resource": resource, "Condition": condition}


def read(store: Store, person: Person) -> bytes:
    """Return the store's object as the person gets it."""
    return bytes(person.client("s3").get_object(Bucket=store.name, Key="models/model.tar.gz")["Body"].read())


def status(url: str, host: str) -> int:
    """Return the status of a GET, to the sandbox whatever host the URL names."""
    parts = urlsplit(url)
    connection = HTTPConnection("127.0.0.1", parts.port or 80)
    try:
        headers = {"Host": f"{host}:{parts.port}"} if host else {}
        connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def denial(call: Callable[[], Any]) -> str:
    """Return the message of an AccessDenied."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403)
    return str(error["Error"]["Message"])


@pytest.fixture
def store(sandbox: Sandbox) -> Store:
    return Store(sandbox)


@pytest.fixture
def person(sandbox: Sandbox) -> Person:
    return Person(sandbox, "staging", path="/deployers/")


def open_all(store: Store, person: Person, leave_out: str = "") -> None:
    """Give all three permissions to read the store's objects, or all but one."""
    if leave_out != "bucket":
        store.share(to(person, ["s3:GetObject", "s3:ListBucket"], f"{store.arn}*"))
    if leave_out != "key":
        store.share_key(to(person, "kms:Decrypt", "*"))
    if leave_out != "identity for S3":
        person.allow("s3:Get*", f"{store.arn}/models/*")
    if leave_out != "identity for KMS":
        person.allow("kms:Decrypt", store.key)


@pytest.mark.parametrize(
    ("missing", "action", "side"),
    [
        ("bucket", "s3:GetObject", "resource-based"),
        ("identity for S3", "s3:GetObject", "identity-based"),
        ("key", "kms:Decrypt", "resource-based"),
        ("identity for KMS", "kms:Decrypt", "identity-based"),
    ],
)
def test_reading_another_accounts_object_needs_every_permission(
    store: Store, person: Person, missing: str, action: str, side: str
) -> None:
    open_all(store, person, leave_out=missing)
    resource = store.key if action.startswith("kms") else f"{store.arn}/models/model.tar.gz"
    said = denial(lambda: read(store, person))
    assert f"User: {person.session} is not authorized to perform: {action} on resource: {resource}" in said
    assert f"because no {side} policy allows the {action} action" in said


def test_reading_another_accounts_object_works_with_every_permission(store: Store, person: Person) -> None:
    open_all(store, person)
    assert read(store, person) == b"model"


def test_looking_at_an_object_needs_no_key(store: Store, person: Person) -> None:
    open_all(store, person, leave_out="key")
    assert person.client("s3").head_object(Bucket=store.name, Key="models/model.tar.gz")["ContentLength"] == 5


def test_a_refused_look_has_no_body(store: Store, person: Person) -> None:
    with pytest.raises(ClientError) as refused:
        person.client("s3").head_object(Bucket=store.name, Key="models/model.tar.gz")
    assert refused.value.response["Error"]["Code"] == "403"


def test_a_missing_object_is_told_only_to_who_may_list(store: Store, person: Person) -> None:
    open_all(store, person)
    get = person.client("s3").get_object
    assert "s3:ListBucket" in denial(lambda: get(Bucket=store.name, Key="models/absent"))
    person.allow("s3:ListBucket", store.arn)
    with pytest.raises(ClientError, match="NoSuchKey"):
        get(Bucket=store.name, Key="models/absent")


def test_an_explicit_deny_of_the_bucket_outweighs_its_allow(store: Store, person: Person) -> None:
    open_all(store, person)
    allowed = to(person, ["s3:GetObject"], f"{store.arn}/*")
    store.share(allowed, {**allowed, "Effect": "Deny", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}})
    said = denial(lambda: read(store, person))
    assert "with an explicit deny in a resource-based policy" in said


def test_the_organization_may_be_the_condition(store: Store, person: Person) -> None:
    open_all(store, person)
    organization = store.sandbox.client("organizations", "shared-services").describe_organization()["Organization"]
    everyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": f"{store.arn}/*"}
    for wanted, works in ((organization["Id"], True), ("o-another000", False)):
        store.share({**everyone, "Condition": {"StringEquals": {"aws:PrincipalOrgID": wanted}}})
        assert read(store, person) == b"model" if works else denial(lambda: read(store, person))


def test_a_permissions_boundary_limits_what_a_role_may(sandbox: Sandbox, store: Store) -> None:
    limit = policy({"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"})
    iam = sandbox.client("iam", "staging")
    arn = iam.create_policy(PolicyName=f"limit-{store.name}", PolicyDocument=limit)["Policy"]["Arn"]
    person = Person(sandbox, "staging", PermissionsBoundary=arn)
    open_all(store, person)
    said = denial(lambda: read(store, person))
    assert "because no permissions boundary allows the s3:GetObject action" in said


def test_managed_policies_count_as_inline_ones_do(store: Store, person: Person) -> None:
    open_all(store, person, leave_out="identity for S3")
    person.iam.attach_role_policy(RoleName=person.name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert read(store, person) == b"model"


def test_an_objects_tag_may_be_the_condition(store: Store, person: Person) -> None:
    open_all(store, person)
    for value, works in (("approved", True), ("rejected", False)):
        tag = {"StringEquals": {"s3:ExistingObjectTag/stage": value}}
        store.share(to(person, "s3:GetObject", f"{store.arn}/*", **tag))
        assert read(store, person) == b"model" if works else denial(lambda: read(store, person))


def test_writing_needs_the_key_too_and_may_demand_it(store: Store, person: Person) -> None:
    demanded = {"StringEquals": {SSE: "aws:kms", SSE_KEY: store.key}}
    store.share(to(person, "s3:PutObject", f"{store.arn}/in/*", **demanded))
    person.allow("s3:PutObject", f"{store.arn}/in/*")
    write = {"Bucket": store.name, "Key": "in/data.csv", "Body": b"1,2"}
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": store.key}
    s3 = person.client("s3")
    assert "s3:PutObject" in denial(lambda: s3.put_object(**write))
    assert f"kms:GenerateDataKey on resource: {store.key}" in denial(lambda: s3.put_object(**write, **encrypted))
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": person.account}}
    store.share_key(to(person, "kms:GenerateDataKey", "*", **via))
    person.allow("kms:GenerateDataKey", store.key)
    s3.put_object(**write, **encrypted)
    assert store.s3.get_object(Bucket=store.name, Key="in/data.csv")["Body"].read() == b"1,2"


def test_an_upload_in_parts_needs_to_decrypt_them(store: Store, person: Person) -> None:
    store.share(to(person, "s3:PutObject", f"{store.arn}/*"))
    store.share_key(to(person, ["kms:GenerateDataKey", "kms:Decrypt"], "*"))
    person.allow("s3:PutObject", f"{store.arn}/*")
    person.allow("kms:GenerateDataKey", store.key)
    s3, named = person.client("s3"), {"Bucket": store.name, "Key": "large"}
    assert "kms:Decrypt" in denial(lambda: s3.create_multipart_upload(**named))
    person.allow("kms:Decrypt", store.key)
    upload = {**named, "UploadId": s3.create_multipart_upload(**named)["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]})
    assert store.s3.get_object(**named)["Body"].read() == b"part"


def test_an_object_under_the_accounts_own_key_cannot_be_shared(store: Store, person: Person) -> None:
    open_all(store, person)
    store.s3.delete_bucket_encryption(Bucket=store.name)
    store.s3.put_object(Bucket=store.name, Key="models/own", Body=b"own", ServerSideEncryption="aws:kms")
    said = denial(lambda: person.client("s3").get_object(Bucket=store.name, Key="models/own"))
    assert f"kms:Decrypt on resource: arn:aws:kms:us-east-1:{ACCOUNTS['development']}:alias/aws/s3" in said


def test_listing_is_a_permission_of_the_bucket_and_may_be_narrowed_by_prefix(store: Store, person: Person) -> None:
    store.share(to(person, "s3:ListBucket", store.arn, StringLike={"s3:prefix": "models/*"}))
    person.allow("s3:ListBucket", store.arn)
    s3 = person.client("s3")
    listed = s3.list_objects_v2(Bucket=store.name, Prefix="models/")["Contents"]
    assert [item["Key"] for item in listed] == ["models/model.tar.gz"]
    assert "s3:ListBucket" in denial(lambda: s3.list_objects_v2(Bucket=store.name))


def test_copying_reads_the_source(store: Store, person: Person) -> None:
    s3 = person.client("s3")
    own = store.sandbox.client("s3", "staging")
    own.create_bucket(Bucket=f"{store.name}-copy")
    copy = {"Bucket": f"{store.name}-copy", "Key": "copy", "CopySource": f"{store.name}/models/model.tar.gz"}
    person.allow("s3:PutObject", f"arn:aws:s3:::{store.name}-copy/*")
    assert "s3:GetObject" in denial(lambda: s3.copy_object(**copy))
    open_all(store, person)
    s3.copy_object(**copy)
    assert own.get_object(Bucket=copy["Bucket"], Key="copy")["Body"].read() == b"model"


OTHERS: dict[str, Callable[[Any, str], Any]] = {
    "s3:DeleteObject": lambda s3, name: s3.delete_object(Bucket=name, Key="models/model.tar.gz"),
    "s3:GetBucketLocation": lambda s3, name: s3.get_bucket_location(Bucket=name),
    "s3:GetBucketPolicy": lambda s3, name: s3.get_bucket_policy(Bucket=name),
    "s3:PutBucketPolicy": lambda s3, name: s3.put_bucket_policy(Bucket=name, Policy="{}"),
    "s3:GetBucketVersioning": lambda s3, name: s3.get_bucket_versioning(Bucket=name),
    "s3:GetEncryptionConfiguration": lambda s3, name: s3.get_bucket_encryption(Bucket=name),
    "s3:ListBucketVersions": lambda s3, name: s3.list_object_versions(Bucket=name),
    "s3:GetObjectTagging": lambda s3, name: s3.get_object_tagging(Bucket=name, Key="models/model.tar.gz"),
    "s3:PutObjectAcl": lambda s3, name: s3.put_object_acl(Bucket=name, Key="models/model.tar.gz", ACL="private"),
    "s3:DeleteBucket": lambda s3, name: s3.delete_bucket(Bucket=name),
}


@pytest.mark.parametrize("action", OTHERS)
def test_other_operations_need_their_own_permission(store: Store, sandbox: Sandbox, action: str) -> None:
    said = denial(lambda: OTHERS[action](sandbox.client("s3", "staging"), store.name))
    assert f"because no resource-based policy allows the {action} action" in said
    assert store.s3.head_object(Bucket=store.name, Key="models/model.tar.gz")["ContentLength"] == 5


def test_deleting_several_objects_needs_the_permission_for_each(store: Store, person: Person) -> None:
    store.share(to(person, "s3:DeleteObject", f"{store.arn}/in/*"))
    person.allow("s3:DeleteObject", f"{store.arn}/*")
    store.s3.put_object(Bucket=store.name, Key="in/data", Body=b"")
    listed = [{"Key": "in/data"}, {"Key": "models/model.tar.gz"}]
    s3 = person.client("s3")
    said = denial(lambda: s3.delete_objects(Bucket=store.name, Delete={"Objects": listed}))
    assert f"s3:DeleteObject on resource: {store.arn}/models/model.tar.gz" in said
    s3.delete_objects(Bucket=store.name, Delete={"Objects": listed[:1]})
    assert [item["Key"] for item in store.s3.list_objects_v2(Bucket=store.name)["Contents"]] == ["models/model.tar.gz"]


def test_a_bucket_named_by_the_host_is_checked_too(store: Store, person: Person) -> None:
    signed = person.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": store.name, "Key": "models/model.tar.gz"}
    )
    keys = (person.keys["AccessKeyId"], person.keys["SecretAccessKey"], person.keys["SessionToken"])
    endpoint = store.sandbox.endpoint.replace("127.0.0.1", "localhost")
    s3 = boto3.Session(*keys, "us-east-1").client(
        "s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "virtual"})
    )
    hosted = s3.generate_presigned_url("get_object", Params={"Bucket": store.name, "Key": "models/model.tar.gz"})
    assert f"{store.name}.localhost" in hosted
    for url, host in ((signed, ""), (hosted, f"{store.name}.localhost")):
        assert status(url, host) == 403
    open_all(store, person)
    for url, host in ((signed, ""), (hosted, f"{store.name}.localhost")):
        assert status(url, host) == 200


def test_the_command_line_is_told_who_may_not_do_what(store: Store, tmp_path: Path) -> None:
    target = str(tmp_path / "copy")
    asked = store.sandbox.run_cli(
        *("s3api", "get-object", "--bucket", store.name, "--key", "models/model.tar.gz", target), profile="staging"
    )
    assert asked.returncode != 0
    assert f"arn:aws:sts::{ACCOUNTS['staging']}:assumed-role/MLEngineer/staging is not authorized" in asked.stderr
    assert f"s3:GetObject on resource: {store.arn}/models/model.tar.gz" in asked.stderr


def test_a_refusal_is_in_the_call_log(store: Store, person: Person) -> None:
    denial(lambda: read(store, person))
    lines = [json.loads(line) for line in (store.sandbox.home / "calls.jsonl").read_text().splitlines()]
    [found] = [line for line in lines if line["principal"] == person.session and line["service"] == "s3"]
    assert (found["status"], found["operation"]) == (403, f"GET /{store.name}/models/model.tar.gz")
