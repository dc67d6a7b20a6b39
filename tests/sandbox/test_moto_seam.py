"""What the sandbox relies on inside moto: one test for each seam, so that a new version of moto shows what it moved."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import moto.s3.responses
import pytest
from harness import ACCOUNTS, Sandbox
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.organizations.models import organizations_backends
from moto.s3.models import s3_backends
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from smproject.sandbox import moto_organizations, moto_policies, moto_seam
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.policy import Policy

ACCOUNT = "555555555555"  # the seams called here act on this process's moto, not on the server's


def make_role(principal: str = "codebuild.amazonaws.com") -> str:
    """Make a role in this process's moto; return its ARN."""
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}]}
    made = iam_backends[ACCOUNT]["aws"].create_role(
        f"role-{uuid.uuid4()}", json.dumps(trust), "/path/", None, "", {}, 3600
    )
    return str(made.arn)


def test_session_credentials_speak_for_the_role() -> None:
    role = make_role()
    made = moto_seam.session_credentials(role, "session", "us-east-1")
    assert made.account == ACCOUNT
    assert made.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/session"
    assert all((made.access_key, made.secret_key, made.token))


def test_identify_finds_sessions_users_and_nobody() -> None:
    session = moto_seam.session_credentials(make_role(), "session", "us-east-1")
    assert moto_seam.identify(session.access_key) == session
    iam = iam_backends[ACCOUNT]["aws"]
    iam.create_user("us-east-1", "person")
    key = iam.create_access_key("person")
    found = moto_seam.identify(key.access_key_id)
    assert found
    assert (found.account, found.arn, found.token) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/person", "")
    assert moto_seam.identify("AKIAUNKNOWN") is None


def test_a_roles_trust_policy_is_read() -> None:
    policy = moto_policies.trust_policy(make_role("sagemaker.amazonaws.com"))
    assert policy
    assert policy.statements[0].principals == {"Service": "sagemaker.amazonaws.com"}
    assert moto_policies.trust_policy(f"arn:aws:iam::{ACCOUNT}:role/absent") is None


def test_credentials_name_the_role_with_its_path() -> None:
    role = make_role()
    assert moto_seam.session_credentials(role, "session", "us-east-1").role == role
    assert ":role/path/role-" in role


def allowing(action: str) -> str:
    """Return a policy that allows an action, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def actions(policies: moto_policies.IdentityPolicies) -> set[str]:
    """Return which of a few actions policies allow."""
    asked = [f"s3:{name}" for name in ("GetObject", "PutObject", "DeleteObject")]
    return {
        action for action in asked for policy in policies.attached if policy.statements[0].actions.fullmatch(action)
    }


def test_a_roles_policies_are_its_inline_and_managed_ones_in_their_default_version() -> None:
    iam, role = iam_backends[ACCOUNT]["aws"], make_role()
    name = role.rpartition("/")[2]
    iam.put_role_policy(name, "inline", allowing("s3:GetObject"))
    managed = iam.create_policy(None, "/", allowing("s3:PutObject"), f"managed-{name}", {})
    iam.attach_role_policy(managed.arn, name)
    iam.create_policy_version(managed.arn, allowing("s3:DeleteObject"), "true")
    found = moto_policies.identity_policies(role)
    assert actions(found) == {"s3:GetObject", "s3:DeleteObject"}
    assert found.boundary is None
    assert moto_policies.identity_policies(f"arn:aws:iam::{ACCOUNT}:role/absent").attached == []


def test_a_permissions_boundary_is_read_and_allows_nothing_when_it_is_gone() -> None:
    iam, role = iam_backends[ACCOUNT]["aws"], make_role()
    name = role.rpartition("/")[2]
    limit = iam.create_policy(None, "/", allowing("s3:*"), f"limit-{name}", {})
    iam.put_role_permissions_boundary(name, limit.arn)
    assert moto_policies.identity_policies(role).boundary == kept(allowing("s3:*"), limit.arn)
    iam.put_role_permissions_boundary(name, f"{limit.arn}-gone")
    assert moto_policies.identity_policies(role).boundary == Policy()


def test_a_users_policies_include_its_groups() -> None:
    iam = iam_backends[ACCOUNT]["aws"]
    user = iam.create_user("us-east-1", f"user-{uuid.uuid4()}")
    group = iam.create_group(f"group-{uuid.uuid4()}")
    iam.add_user_to_group(group.name, user.name)
    iam.put_user_policy(user.name, "own", allowing("s3:GetObject"))
    iam.put_group_policy(group.name, "shared", allowing("s3:PutObject"))
    assert actions(moto_policies.identity_policies(user.arn)) == {"s3:GetObject", "s3:PutObject"}


def test_accounts_have_awss_managed_policies(sandbox: Sandbox) -> None:
    policy = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert sandbox.client("iam", "staging").get_policy(PolicyArn=policy)["Policy"]["Arn"] == policy


def test_an_accounts_organization_is_known(sandbox: Sandbox) -> None:
    hub = "666666666666"
    organization = organizations_backends[hub]["aws"].create_organization("us-east-1", FeatureSet="ALL")
    moto_seam.create_member_account(hub, "777777777777", "member")
    root = organizations_backends[hub]["aws"].list_roots()["Roots"][0]["Id"]
    place = f"{organization['Organization']['Id']}/{root}/"
    for account in (hub, "777777777777"):
        found = moto_organizations.membership(account)
        assert found
        assert (found.organization, found.path) == (organization["Organization"]["Id"], place)
    assert moto_organizations.membership("888888888888") is None


def test_a_buckets_owner_policy_and_objects_are_known() -> None:
    s3, bucket = s3_backends[ACCOUNT]["aws"], f"seam-{uuid.uuid4()}"
    assert moto_policies.bucket_owner(bucket) == ""
    s3.create_bucket(bucket, "us-east-1")
    assert moto_policies.bucket_owner(bucket) == ACCOUNT
    assert moto_policies.bucket_policy(bucket) == ""
    s3.put_bucket_policy(bucket, allowing("s3:*").encode())
    assert moto_policies.bucket_policy(bucket) == allowing("s3:*")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "the-key"}
    assert moto_policies.bucket_encryption(bucket) is None
    s3.put_bucket_encryption(
        bucket, {"Rule": {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": "true"}}
    )
    expected = moto_policies.Encryption("aws:kms", "the-key", bucket_key=True)
    assert moto_policies.bucket_encryption(bucket) == expected
    made = s3.put_object(bucket, "key", b"content")
    s3.put_object_tagging(made, {"stage": "approved"})
    assert moto_policies.object_encryption(bucket, "key") == expected
    assert moto_policies.object_tags(bucket, "key") == {"stage": "approved"}
    assert moto_policies.object_encryption(bucket, "absent") is None


def test_kms_keys_are_found_by_arn_id_and_alias_and_tell_their_policy() -> None:
    kms = kms_backends[ACCOUNT]["us-east-1"]
    key = kms.create_key(allowing("kms:*"), "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
    kms.create_alias(key.id, "alias/seam")
    alias = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/seam"
    for name in (key.arn, key.id, "alias/seam", alias):
        assert moto_policies.key_arn(name, ACCOUNT, "us-east-1") == key.arn
    assert moto_policies.key_policy(key.arn) == allowing("kms:*")
    missing = moto_policies.key_arn("missing", ACCOUNT, "us-east-1")
    assert missing == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/missing"
    assert moto_policies.key_policy(missing) == moto_policies.key_policy("arn:aws:kms:mars-1:1:key/missing") == ""


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("127.0.0.1:4566", "/bucket/folder/key", ("bucket", "folder/key")),
        ("127.0.0.1:4566", "/bucket", ("bucket", "")),
        ("localhost:4566", "/bucket/", ("bucket", "")),
        ("127.0.0.1:4566", "/", ("", "")),
        ("bucket.localhost:4566", "/folder/key", ("bucket", "folder/key")),
        ("bucket.s3.us-east-1.amazonaws.com", "/key", ("bucket", "key")),
    ],
)
def test_an_s3_request_names_its_bucket_in_the_path_or_the_host(
    host: str, path: str, expected: tuple[str, str]
) -> None:
    environ = EnvironBuilder(path=path, headers={"Host": host}).get_environ()
    assert moto_policies.s3_address(Request(environ)) == expected


def test_what_moto_lacks_is_not_implemented() -> None:
    application = moto_seam.application()
    scope = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/translate/aws4_request, Signature=0"
    environ = {"PATH_INFO": "/", "HTTP_AUTHORIZATION": scope, "HTTP_HOST": "localhost", "REQUEST_METHOD": "POST"}
    with pytest.raises(NotImplementedError):
        application(environ, lambda *_: None)


def test_every_subresource_of_s3_is_motos_or_refused() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    addresses = [model.operation_model(name).http["requestUri"] for name in model.operation_names]
    queries = {re.split("[&=]", address.partition("?")[2])[0] for address in addresses} - {""}
    known = {name for name in queries if f'"{name}"' in Path(moto.s3.responses.__file__).read_text()}
    assert queries - known <= moto_seam.S3_LACKS
    assert not known & moto_seam.S3_LACKS


def test_a_policy_that_demands_tls_denies_nobody(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="seam-tls")
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": insecure}
    s3.put_bucket_policy(Bucket="seam-tls", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    s3.put_object(Bucket="seam-tls", Key="key", Body=b"content")
    assert s3.get_object(Bucket="seam-tls", Key="key")["Body"].read() == b"content"
    assert json.loads(s3.get_bucket_policy(Bucket="seam-tls")["Policy"])["Statement"] == [deny]


def test_member_accounts_have_the_ids_and_roles_that_the_profiles_need(sandbox: Sandbox) -> None:
    found = sandbox.client("organizations", "shared-services").list_accounts()["Accounts"]
    named = {account["Name"]: account["Id"] for account in found}
    assert {name: named.get(name) for name in ACCOUNTS if name != "shared-services"} == {
        name: number for name, number in ACCOUNTS.items() if name != "shared-services"
    }
    role = sandbox.client("iam").get_role(RoleName="OrganizationAccountAccessRole")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNTS['development']}:role/OrganizationAccountAccessRole"


def test_new_accounts_get_ids_of_their_own_after_the_members_are_made(sandbox: Sandbox) -> None:
    organizations = sandbox.client("organizations", "shared-services")
    status = organizations.create_account(AccountName="further", Email="further@example.com")["CreateAccountStatus"]
    assert status["AccountId"] not in ACCOUNTS.values()


@pytest.mark.parametrize(
    ("detail", "expected"), [({"n": 2, "s": "abc"}, True), ({"n": 1, "s": "abc"}, False), ({"n": 2, "s": "b"}, False)]
)
def test_event_patterns_match(detail: dict[str, object], expected: bool) -> None:
    pattern = {"source": ["test"], "detail": {"n": [{"numeric": [">", 1]}], "s": [{"prefix": "a"}]}}
    assert moto_seam.event_matches(json.dumps(pattern), {"source": "test", "detail": detail}) is expected


def test_requests_are_parsed_in_both_protocols() -> None:
    body = json.dumps({"ProjectName": "name", "Tags": [{"Key": "a", "Value": "b"}]}).encode()
    wanted = {"ProjectName": "name", "Tags": [{"Key": "a", "Value": "b"}]}
    assert moto_seam.parse("sagemaker", "CreateProject", body, {}) == wanted
    form = {"Action": "CreateStack", "StackName": "name", "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}
    wanted = {"StackName": "name", "Tags": [{"Key": "a", "Value": "b"}]}
    assert moto_seam.parse("cloudformation", "CreateStack", b"", form) == wanted
    with pytest.raises(ValueError, match="type"):
        moto_seam.parse("sagemaker", "CreateProject", b'{"Tags": 5}', {})


def test_answers_are_written_in_both_protocols() -> None:
    status, _, body = moto_seam.serialize("sagemaker", "CreateProject", {"ProjectArn": "arn", "ProjectId": "p-1"})
    assert (status, json.loads(body)) == (200, {"ProjectArn": "arn", "ProjectId": "p-1"})
    _, headers, body = moto_seam.serialize("cloudformation", "CreateStack", {"StackId": "a<b"})
    assert b"<StackId>a&lt;b</StackId>" in body
    assert headers["Content-Type"] == "text/xml"


def test_the_models_tell_shapes_and_error_codes() -> None:
    assert moto_seam.input_shape("sagemaker", "CreateProject").required_members == ["ProjectName"]
    assert moto_seam.validation_code("sagemaker") == "ValidationException"
    assert moto_seam.validation_code("cloudformation") == "ValidationError"


def test_a_role_session_of_another_accounts_person_is_identified_at_the_door(sandbox: Sandbox) -> None:
    role = f"arn:aws:iam::{ACCOUNTS['development']}:role/OrganizationAccountAccessRole"
    given = sandbox.client("sts", "shared-services").assume_role(RoleArn=role, RoleSessionName="person")["Credentials"]
    keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    sagemaker = boto3.Session(*keys, "us-east-1").client("sagemaker", endpoint_url=sandbox.endpoint)
    made = f"group-{uuid.uuid4()}"
    sagemaker.create_model_package_group(ModelPackageGroupName=made)
    creator = sagemaker.describe_model_package_group(ModelPackageGroupName=made)["CreatedBy"]["IamIdentity"]["Arn"]
    session = f"assumed-role/{role.rpartition('/')[2]}/person"
    assert creator == f"arn:aws:sts::{ACCOUNTS['development']}:{session}"


def test_an_operation_on_a_key_takes_its_arn_and_no_alias_and_refuses_a_key_that_is_not_there(sandbox: Sandbox) -> None:
    kms = sandbox.client("kms")
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]
    kms.create_alias(AliasName="alias/seam", TargetKeyId=key["KeyId"])
    arn, grantee = key["Arn"], {"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": ["Decrypt"]}
    operations: list[Callable[[str], Any]] = [
        lambda named: kms.replicate_key(KeyId=named, ReplicaRegion="us-west-2"),
        lambda named: kms.rotate_key_on_demand(KeyId=named),
        lambda named: kms.list_key_rotations(KeyId=named),
        lambda named: kms.revoke_grant(KeyId=named, GrantId=kms.create_grant(KeyId=named, **grantee)["GrantId"]),
        lambda named: kms.list_grants(KeyId=named),
        lambda named: kms.disable_key(KeyId=named),
        lambda named: kms.enable_key(KeyId=named),
        lambda named: kms.schedule_key_deletion(KeyId=named, PendingWindowInDays=7),
        lambda named: kms.cancel_key_deletion(KeyId=named),
    ]
    for operate in operations:
        for named in ("alias/seam", arn.replace(key["KeyId"], str(uuid.uuid4()))):
            with pytest.raises(kms.exceptions.NotFoundException):
                operate(named)
        operate(arn)
    for state in ("schedule_key_deletion", "cancel_key_deletion"):
        assert getattr(kms, state)(KeyId=arn)["KeyId"] == arn
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Disabled"
