"""Requests that break a service's model are refused by the server, in AWS's words.

boto3's own checks are switched off: the AWS CLI and other clients send such requests too.
"""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from harness import Sandbox

PROJECT_NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}"


def refusal(sandbox: Sandbox, service: str, operation: str, **request: Any) -> tuple[str, str]:
    """Send a request unchecked; return code and message of the refusal."""
    checked = sandbox.client(service)
    keys = checked._request_signer._credentials
    client = boto3.client(
        service,
        endpoint_url=sandbox.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
        config=Config(parameter_validation=False),
    )
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def broken(*constraints: str) -> str:
    """Return AWS's message for some broken constraints."""
    count = "1 validation error" if len(constraints) == 1 else f"{len(constraints)} validation errors"
    return f"{count} detected: " + "; ".join(constraints)


def test_a_pattern_is_demanded(sandbox: Sandbox) -> None:
    wanted = broken(
        "Value 'under_score' at 'projectName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {PROJECT_NAME}"
    )
    answer = refusal(sandbox, "sagemaker", "create_project", ProjectName="under_score")
    assert answer == ("ValidationException", wanted)


def test_an_enum_is_demanded_in_nested_members(sandbox: Sandbox) -> None:
    code, message = refusal(
        sandbox, "sagemaker", "list_model_packages", ModelPackageGroupName="group", ModelApprovalStatus="Maybe"
    )
    assert code == "ValidationException"
    assert message == broken(
        "Value 'Maybe' at 'modelApprovalStatus' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]"
    )


def test_lengths_and_values_are_demanded(sandbox: Sandbox) -> None:
    _, message = refusal(sandbox, "sagemaker", "list_projects", NameContains="a" * 33, MaxResults=0)
    assert message.startswith("3 validation errors detected: ")  # the name's pattern limits its length too
    name = f"Value '{'a' * 33}' at 'nameContains'"
    assert f"{name} failed to satisfy constraint: Member must have length less than or equal to 32" in message
    assert (
        "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"
        in message
    )


def test_missing_members_are_named_all_at_once(sandbox: Sandbox) -> None:
    code, message = refusal(sandbox, "sagemaker", "create_processing_job", ProcessingJobName="job")
    assert code == "ValidationException"
    assert message == broken(
        *(
            f"Value null at '{name}' failed to satisfy constraint: Member must not be null"
            for name in ("processingResources", "appSpecification", "roleArn")
        )
    )


def test_members_of_lists_are_named_by_their_place(sandbox: Sandbox) -> None:
    tags = [{"Key": "good", "Value": "1"}, {"Value": "2"}]
    _, message = refusal(sandbox, "sagemaker", "create_model_package_group", ModelPackageGroupName="group", Tags=tags)
    assert message == broken("Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null")


def test_keys_of_maps_are_checked(sandbox: Sandbox) -> None:
    request: dict[str, Any] = {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:222222222222:model-package/a/1"}
    request |= {"CustomerMetadataProperties": {"k" * 129: "value"}}
    _, message = refusal(sandbox, "sagemaker", "update_model_package", **request)
    assert "at 'customerMetadataProperties' failed to satisfy constraint" in message
    assert "Member must have length less than or equal to 128" in message


def test_services_of_the_query_protocol_say_validation_error(sandbox: Sandbox) -> None:
    code, message = refusal(sandbox, "cloudformation", "create_stack", TemplateBody="{}")
    assert (code, message) == (
        "ValidationError",
        broken("Value null at 'stackName' failed to satisfy constraint: Member must not be null"),
    )


@pytest.mark.parametrize("token", ["nonsense", "-1"])
def test_an_unknown_pagination_token_is_refused(sandbox: Sandbox, token: str) -> None:
    code, message = refusal(sandbox, "sagemaker", "list_pipelines", NextToken=token)
    assert code == "ValidationException"
    assert token in message


def test_a_valid_request_passes(sandbox: Sandbox) -> None:
    assert sandbox.client("sagemaker").list_projects(MaxResults=1, NameContains="none-such")["ProjectSummaryList"] == []
