"""What the sandbox relies on inside moto: one test for each seam, so that a new version of moto shows what it moved."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import boto3
import botocore.session
import moto.s3.responses
import pytest
from harness import ACCOUNTS, Sandbox
from moto.iam.models import iam_backends

from smproject.sandbox import moto_seam

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
    policy = moto_seam.trust_policy(make_role("sagemaker.amazonaws.com"))
    assert policy
    assert policy["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert moto_seam.trust_policy(f"arn:aws:iam::{ACCOUNT}:role/absent") is None


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
