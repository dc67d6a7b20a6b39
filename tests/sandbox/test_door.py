"""The door: who is let in, what the answers look like, and what the call log holds."""

from __future__ import annotations

import http.client
import io
import json
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlparse

import boto3
import pytest
import urllib3
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox

ROLES = {
    "shared-services": "PlatformEngineer",
    "development": "DataScientist",
    "staging": "MLEngineer",
    "production": "MLEngineer",
}
MEGABYTE = 1 << 20


def stranger(sandbox: Sandbox, service: str, **settings: Any) -> Any:
    """Return a client whose key the sandbox has never issued."""
    return boto3.client(
        service,
        endpoint_url=sandbox.endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIAUNKNOWNUNKNOWN00",
        aws_secret_access_key="unknown",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, **settings),
    )


def refusal(call: Any) -> dict[str, Any]:
    """Return code, message, status and number of attempts of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    meta = answer["ResponseMetadata"]
    return {**answer["Error"], "Status": meta["HTTPStatusCode"], "Retries": meta["RetryAttempts"]}


def logged(sandbox: Sandbox, service: str, operation: str) -> dict[str, Any]:
    """Return the latest entry of the call log for an operation."""
    calls = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    return [call for call in calls if (call["service"], call["operation"]) == (service, operation)][-1]


def post(sandbox: Sandbox, service: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Send a body that no AWS client would send, signed as the development account."""
    key = sandbox.client("sts")._request_signer._credentials.access_key
    scope = f"AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/{service}/aws4_request, Signature=0"
    given = {"Authorization": scope, **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = urllib3.request("POST", sandbox.endpoint, body=body, headers=given)
    return answer.status, answer.data


@pytest.mark.parametrize("profile", ACCOUNTS)
def test_each_profile_acts_in_its_account(sandbox: Sandbox, profile: str) -> None:
    identity = sandbox.client("sts", profile).get_caller_identity()
    assert identity["Account"] == ACCOUNTS[profile]
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNTS[profile]}:assumed-role/{ROLES[profile]}/{profile}"


def test_accounts_do_not_see_each_others_resources(sandbox: Sandbox) -> None:
    sandbox.client("ssm", "staging").put_parameter(Name="/door/mine", Value="1", Type="String")
    assert refusal(lambda: sandbox.client("ssm").get_parameter(Name="/door/mine"))["Code"] == "ParameterNotFound"


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sagemaker", "list_projects", "UnrecognizedClientException"),
        ("ecr", "describe_repositories", "UnrecognizedClientException"),
        ("sqs", "list_queues", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("cloudformation", "list_stacks", "InvalidClientTokenId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_unknown_credentials_are_refused_in_each_protocol(
    sandbox: Sandbox, service: str, operation: str, code: str
) -> None:
    refused = refusal(getattr(stranger(sandbox, service), operation))
    assert (refused["Code"], refused["Status"], refused["Retries"]) == (code, 403, 0)
    assert refused["Message"]


def test_a_large_upload_of_a_stranger_hears_the_refusal(sandbox: Sandbox) -> None:
    upload = stranger(sandbox, "s3").put_object
    refused = refusal(lambda: upload(Bucket="anybody", Key="key", Body=b"x" * (8 * MEGABYTE)))
    assert refused["Code"] == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sagemaker", "list_projects", "MissingAuthenticationToken"),
        ("sts", "get_caller_identity", "MissingAuthenticationToken"),
        ("s3", "list_buckets", "AccessDenied"),
    ],
)
def test_unsigned_calls_are_refused(sandbox: Sandbox, service: str, operation: str, code: str) -> None:
    settings = {"endpoint_url": sandbox.endpoint, "region_name": "us-east-1"}
    client = boto3.client(service, **settings, config=Config(signature_version=UNSIGNED))
    assert refusal(getattr(client, operation))["Code"] == code


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("sagemaker", "ListWorkteams", {}),
        ("servicecatalog", "ListServiceActions", {}),
        ("cloudformation", "ListGeneratedTemplates", {}),
        ("cloudformation", "DescribePublisher", {}),
        ("ecr", "DescribePullThroughCacheRules", {}),
        ("iam", "SetSecurityTokenServicePreferences", {"GlobalEndpointTokenVersion": "v2Token"}),
        ("logs", "ListAnomalies", {}),
        ("translate", "ListLanguages", {}),
    ],
)
def test_an_operation_that_is_not_implemented_is_refused_by_name_and_once(
    sandbox: Sandbox, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    refused = refusal(lambda: getattr(sandbox.client(service), xform_name(operation))(**arguments))
    assert (refused["Code"], refused["Status"], refused["Retries"]) == ("NotImplemented", 501, 0)
    assert refused["Message"] == f"The sandbox does not implement {service}:{operation}."


@pytest.mark.parametrize(
    ("service", "operation"), [("efs", "DescribeAccountPreferences"), ("devops-guru", "DescribeAccountHealth")]
)
def test_a_missing_operation_of_a_rest_service_is_refused_by_its_name(
    sandbox: Sandbox, service: str, operation: str
) -> None:
    refused = refusal(getattr(sandbox.client(service), xform_name(operation)))
    assert (refused["Code"], refused["Status"], refused["Retries"]) == ("NotImplemented", 501, 0)
    assert refused["Message"].endswith(f":{operation}.")


def test_a_missing_operation_on_a_bucket_leaves_the_bucket_alone(sandbox: Sandbox) -> None:
    s3, bucket = sandbox.client("s3"), {"Bucket": "door-subresources"}
    s3.create_bucket(**bucket)
    calls = {
        "PUT /door-subresources?requestPayment": lambda: s3.put_bucket_request_payment(
            **bucket, RequestPaymentConfiguration={"Payer": "Requester"}
        ),
        "DELETE /door-subresources?analytics": lambda: s3.delete_bucket_analytics_configuration(**bucket, Id="a"),
        "GET /door-subresources?metrics": lambda: s3.get_bucket_metrics_configuration(**bucket, Id="a"),
    }
    for named, call in calls.items():
        assert refusal(call)["Message"] == f"The sandbox does not implement s3:{named}."
    s3.head_bucket(**bucket)


def test_only_the_loopback_address_serves(sandbox: Sandbox) -> None:
    port = urlparse(sandbox.endpoint).port
    assert port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the address of the outward interface
        except OSError:
            pytest.skip("this machine has no other address")
        address = probe.getsockname()[0]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address, port), timeout=5)


def test_the_call_log_tells_who_did_what_and_how_it_ended(sandbox: Sandbox) -> None:
    person = f"arn:aws:sts::{ACCOUNTS['production']}:assumed-role/MLEngineer/production"
    sandbox.client("ssm", "production").put_parameter(Name="/door/logged", Value="1", Type="String")
    refusal(lambda: sandbox.client("sagemaker", "production").describe_project(ProjectName="absent"))
    refusal(lambda: sandbox.client("s3", "production").head_bucket(Bucket="absent-bucket"))
    refusal(stranger(sandbox, "codebuild").list_projects)
    entries = [
        ("ssm", "PutParameter", person, 200),
        ("sagemaker", "DescribeProject", person, 400),
        ("s3", "HEAD /absent-bucket", person, 404),
        ("codebuild", "ListProjects", "unknown", 403),
    ]
    for service, operation, principal, status in entries:
        entry = logged(sandbox, service, operation)
        assert (entry["principal"], entry["status"]) == (principal, status)
        assert entry["time"].endswith("+00:00")


def test_large_and_multipart_uploads_arrive_whole(sandbox: Sandbox) -> None:
    s3, content = sandbox.client("s3"), bytes(range(256)) * (12 * MEGABYTE // 256)
    s3.create_bucket(Bucket="door-uploads")
    s3.put_object(Bucket="door-uploads", Key="whole", Body=content)
    s3.upload_fileobj(io.BytesIO(content), "door-uploads", "parts")  # above 8 MB boto3 uploads in parts
    assert "-" in s3.head_object(Bucket="door-uploads", Key="parts")["ETag"]
    for key in ("whole", "parts"):
        assert s3.get_object(Bucket="door-uploads", Key=key)["Body"].read() == content


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_read_and_write(sandbox: Sandbox, version: str) -> None:
    s3, place = sandbox.client("s3"), {"Bucket": f"door-presigned-{version}", "Key": "a b/ü.txt"}
    s3.create_bucket(Bucket=place["Bucket"])
    signed = boto3.Session(
        *(getattr(s3._request_signer._credentials, part) for part in ("access_key", "secret_key", "token")), "us-east-1"
    ).client("s3", endpoint_url=sandbox.endpoint, config=Config(signature_version=version))
    written = urllib3.request("PUT", signed.generate_presigned_url("put_object", place), body=b"content")
    assert written.status == 200
    assert urllib3.request("GET", signed.generate_presigned_url("get_object", place)).data == b"content"


def test_an_address_without_a_signature_reads_nothing(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="door-private")
    s3.put_object(Bucket="door-private", Key="key", Body=b"secret")
    answer = urllib3.request("GET", f"{sandbox.endpoint}/door-private/key")
    assert answer.status == 403
    assert b"secret" not in answer.data


def test_a_client_that_reuses_its_connection_is_answered_each_time(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlparse(sandbox.endpoint).port or 0)
    for _ in range(3):
        connection.request("POST", "/", b"x" * MEGABYTE, {"X-Amz-Target": "SageMaker.ListProjects"})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["__type"]) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize("body", [b"{nonsense", b"\xff\xfe", b"[]", b'"text"'])
@pytest.mark.parametrize(
    ("service", "target"), [("sagemaker", "SageMaker.ListProjects"), ("logs", "Logs_20140328.DescribeLogGroups")]
)
def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox, service: str, target: str, body: bytes) -> None:
    status, answer = post(sandbox, service, body, X_Amz_Target=target, Content_Type="application/x-amz-json-1.1")
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")


@pytest.mark.parametrize("value", [5, ["name"], {"a": "b"}])
def test_a_member_of_the_wrong_type_is_refused(sandbox: Sandbox, value: Any) -> None:
    body, kind = json.dumps({"ProjectName": value}).encode(), "application/x-amz-json-1.1"
    status, answer = post(sandbox, "sagemaker", body, X_Amz_Target="SageMaker.DescribeProject", Content_Type=kind)
    assert status == 400
    assert json.loads(answer)["__type"] in {"ValidationException", "SerializationException"}


def test_a_form_that_is_no_text_is_refused(sandbox: Sandbox) -> None:
    kind = "application/x-www-form-urlencoded"
    status, answer = post(sandbox, "cloudformation", b"Action=List\xffStacks", Content_Type=kind)
    assert status == 400
    assert b"<Code>MalformedQueryString</Code>" in answer


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("sagemaker", "list_training_jobs", {"CreationTimeAfter": 0}),
        ("sagemaker", "list_model_packages", {"NameContains": "x"}),
        ("sts", "assume_role", {"RoleArn": "arn:aws:iam::1:role/a", "RoleSessionName": "ab", "SourceIdentity": "ab"}),
    ],
)
def test_a_request_is_refused_rather_than_half_understood(
    sandbox: Sandbox, service: str, operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(sandbox.client(service), operation)(**request_)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert f"does not implement {list(request_)[-1]} of {service}:" in str(refused.value)


def test_policies_are_made_and_attached_at_the_same_time(sandbox: Sandbox) -> None:
    iam, role = sandbox.client("iam"), f"busy-{uuid.uuid4().hex[:6]}"
    sandbox.role(role, "codebuild.amazonaws.com", policies=[])
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def work(number: int) -> int:
        made = iam.create_policy(PolicyName=f"{role}-{number}", PolicyDocument=document)["Policy"]["Arn"]
        attached = iam.attach_role_policy(RoleName=role, PolicyArn=made)
        iam.detach_role_policy(RoleName=role, PolicyArn=made)
        return int(attached["ResponseMetadata"]["RetryAttempts"])

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(80))) == {0}
