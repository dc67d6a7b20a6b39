"""The model registry: versions, what they hold, who sees them."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox
from persons import Person, policy
from workbench import Workbench

Item = dict[str, Any]


class Group:
    """A model package group of its own for each test."""

    def __init__(self, bench: Workbench) -> None:
        self.bench, self.api = bench, bench.api
        self.name = f"group-{uuid.uuid4().hex[:8]}"
        made = self.api.create_model_package_group(ModelPackageGroupName=self.name, ModelPackageGroupDescription="told")
        self.arn = made["ModelPackageGroupArn"]
        self.model = bench.put(f"{self.name}/model.tar.gz", "model")

    def register(self, **request: Any) -> str:
        """Register a version; return its ARN."""
        container = {"Image": self.bench.image, "ModelDataUrl": self.model, **request.pop("Container", {})}
        spec = {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        made = self.api.create_model_package(ModelPackageGroupName=self.name, InferenceSpecification=spec, **request)
        return str(made["ModelPackageArn"])

    def describe(self, arn: str) -> Item:
        return dict(self.api.describe_model_package(ModelPackageName=arn))

    def versions(self, **filters: Any) -> list[int]:
        pages = self.api.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.name, **filters)
        return [item["ModelPackageVersion"] for page in pages for item in page["ModelPackageSummaryList"]]


@pytest.fixture
def group(bench: Workbench) -> Group:
    return Group(bench)


def refusal(call: Any) -> str:
    """Return the message of a ValidationException."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


def test_versions_increase_and_are_never_used_again(group: Group) -> None:
    first, second = group.register(), group.register()
    assert first == f"arn:aws:sagemaker:us-east-1:222222222222:model-package/{group.name}/1"
    group.api.delete_model_package(ModelPackageName=second)
    assert refusal(lambda: group.describe(second)) == f"ModelPackage {second} does not exist."
    assert group.register().endswith("/3")
    assert group.versions() == [1, 3]


def test_a_version_holds_what_it_was_registered_with(group: Group) -> None:
    found = group.describe(group.register(ModelPackageDescription="good", CustomerMetadataProperties={"a": "b"}))
    assert (found["ModelPackageVersion"], found["ModelPackageGroupName"]) == (1, group.name)
    assert (found["ModelPackageDescription"], found["CustomerMetadataProperties"]) == ("good", {"a": "b"})
    assert (found["ModelPackageStatus"], found["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    [container] = found["InferenceSpecification"]["Containers"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", container["ImageDigest"])
    assert container["ModelDataETag"] == group.bench.s3.head_object(
        Bucket=group.bench.bucket, Key=f"{group.name}/model.tar.gz"
    )["ETag"].strip('"')
    assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith(":assumed-role/DataScientist/development")


def test_a_missing_image_or_model_is_refused_and_uses_no_version(group: Group) -> None:
    image = group.bench.image.replace(":v1", ":absent")
    assert f"Requested image {image} not found." in refusal(lambda: group.register(Container={"Image": image}))
    absent = group.bench.uri("absent/model.tar.gz")
    told = refusal(lambda: group.register(Container={"ModelDataUrl": absent}))
    assert told == f"Could not find model data at {absent}: Not Found"
    assert "Invalid S3 URI" in refusal(lambda: group.register(Container={"ModelDataUrl": "https://a/b"}))
    assert group.versions() == []
    assert group.register().endswith("/1")


def test_approval_is_updated(group: Group) -> None:
    arn = group.register()
    group.api.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="it passed")
    found = group.describe(arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "it passed")
    assert found["LastModifiedTime"] >= found["CreationTime"]
    assert "Maybe" in refusal(lambda: group.api.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Maybe"))


def test_metadata_is_updated_and_removed(group: Group) -> None:
    arn = group.register(CustomerMetadataProperties={"a": "1", "b": "2"})
    group.api.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"b": "3", "c": "4"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    assert group.describe(arn)["CustomerMetadataProperties"] == {"b": "3", "c": "4"}


def test_what_cannot_be_updated_is_refused(group: Group) -> None:
    arn = group.register()
    more = [{"Name": "more", "Containers": [{"Image": group.bench.image}]}]
    assert "does not update AdditionalInferenceSpecificationsToAdd" in refusal(
        lambda: group.api.update_model_package(ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=more)
    )


def test_versions_are_listed_in_order_by_approval_and_in_pages(group: Group) -> None:
    arns = [group.register() for _ in range(3)]
    group.api.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")
    assert group.versions() == [1, 2, 3]
    assert group.versions(SortOrder="Descending", SortBy="CreationTime", PaginationConfig={"PageSize": 2}) == [3, 2, 1]
    assert group.versions(ModelApprovalStatus="Approved") == [2]
    assert group.versions(ModelApprovalStatus="Rejected") == []


def test_a_group_is_deleted_only_when_it_is_empty(group: Group) -> None:
    arn = group.register()
    with pytest.raises(group.api.exceptions.ConflictException, match="holds model packages"):
        group.api.delete_model_package_group(ModelPackageGroupName=group.name)
    group.api.delete_model_package(ModelPackageName=arn)
    group.api.delete_model_package_group(ModelPackageGroupName=group.name)
    assert "does not exist" in refusal(lambda: group.api.describe_model_package_group(ModelPackageGroupName=group.name))


def test_groups_are_described_by_name_and_arn_and_listed(group: Group) -> None:
    for name in (group.name, group.arn):
        found = group.api.describe_model_package_group(ModelPackageGroupName=name)
        assert (found["ModelPackageGroupArn"], found["ModelPackageGroupDescription"]) == (group.arn, "told")
    listed = group.api.list_model_package_groups(NameContains=group.name)["ModelPackageGroupSummaryList"]
    assert [item["ModelPackageGroupName"] for item in listed] == [group.name]
    again = {"ModelPackageGroupName": group.name}
    assert "already exists" in refusal(lambda: group.api.create_model_package_group(**again))


def denial(call: Any) -> str:
    """Return the message of an AccessDeniedException."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(refused.value.response["Error"]["Message"])


def test_another_account_sees_and_changes_nothing(group: Group, sandbox: Sandbox) -> None:
    arn, other = group.register(), sandbox.client("sagemaker", "staging")
    looks = {
        "DescribeModelPackage": lambda: other.describe_model_package(ModelPackageName=arn),
        "DescribeModelPackageGroup": lambda: other.describe_model_package_group(ModelPackageGroupName=group.arn),
        "ListModelPackages": lambda: other.list_model_packages(ModelPackageGroupName=group.arn),
    }
    for action, call in looks.items():
        reason = f"because no resource-based policy allows the sagemaker:{action} action"
        assert denial(call).endswith(reason)
    assert "UpdateModelPackage" in denial(
        lambda: other.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    )
    assert "DeleteModelPackage" in denial(lambda: other.delete_model_package(ModelPackageName=arn))
    assert "does not exist" in refusal(lambda: other.delete_model_package_group(ModelPackageGroupName=group.name))
    assert other.list_model_package_groups(NameContains=group.name)["ModelPackageGroupSummaryList"] == []
    assert group.describe(arn)["ModelApprovalStatus"] == "PendingManualApproval"


def statement(actions: list[str], *resources: str, profile: str = "staging", **more: Any) -> Item:
    """Return a statement that lets an account use versions."""
    principal = {"AWS": f"arn:aws:iam::{ACCOUNTS[profile]}:root"}
    named = [f"sagemaker:{action}" for action in actions]
    return {"Effect": "Allow", "Principal": principal, "Action": named, "Resource": list(resources), **more}


def test_a_groups_policy_lets_another_account_read_its_versions(group: Group, sandbox: Sandbox) -> None:
    arn, other = group.register(), sandbox.client("sagemaker", "staging")
    group.register()
    versions = f"{arn.rpartition('/')[0]}/*"
    group.api.put_model_package_group_policy(
        ModelPackageGroupName=group.name,
        ResourcePolicy=policy(
            statement(["DescribeModelPackageGroup"], group.arn),
            statement(["DescribeModelPackage", "ListModelPackages"], versions),
        ),
    )
    assert other.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn
    assert other.describe_model_package_group(ModelPackageGroupName=group.arn)["ModelPackageGroupName"] == group.name
    listed = other.list_model_packages(ModelPackageGroupName=group.arn)["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in listed] == [1, 2]
    third = sandbox.client("sagemaker", "production")
    assert "no resource-based policy" in denial(lambda: third.describe_model_package(ModelPackageName=arn))


def test_a_groups_policy_is_not_enough_for_a_role_without_permission(group: Group, sandbox: Sandbox) -> None:
    arn = group.register()
    allowed = policy(statement(["DescribeModelPackage"], arn))
    group.api.put_model_package_group_policy(ModelPackageGroupName=group.name, ResourcePolicy=allowed)
    person = Person(sandbox, "staging")
    reason = "because no identity-based policy allows the sagemaker:DescribeModelPackage action"
    look = person.client("sagemaker").describe_model_package
    assert denial(lambda: look(ModelPackageName=arn)).endswith(reason)
    person.allow("sagemaker:DescribeModelPackage", arn)
    assert look(ModelPackageName=arn)["ModelPackageArn"] == arn


def test_a_groups_policy_is_read_and_removed(group: Group, sandbox: Sandbox) -> None:
    named = {"ModelPackageGroupName": group.name}
    allowed = policy(statement(["DescribeModelPackageGroup"], group.arn))
    made = group.api.put_model_package_group_policy(**named, ResourcePolicy=allowed)
    assert made["ModelPackageGroupArn"] == group.arn
    assert group.api.get_model_package_group_policy(**named)["ResourcePolicy"] == allowed
    group.api.delete_model_package_group_policy(**named)
    assert "has no resource policy" in refusal(lambda: group.api.get_model_package_group_policy(**named))
    other = sandbox.client("sagemaker", "staging")
    denial(lambda: other.describe_model_package_group(ModelPackageGroupName=group.arn))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        (json.dumps({"Version": "2012-10-17"}), "it has no Statement"),
        (policy({"Effect": "Maybe", "Principal": "*", "Action": "*"}), "Effect is Allow or Deny"),
        (policy({"Effect": "Allow", "Action": "*", "Resource": "*"}), "needs either Principal or NotPrincipal"),
        (policy({"Effect": "Allow", "Principal": "me", "Action": "*"}), "names a principal otherwise"),
    ],
)
def test_a_malformed_policy_is_refused_and_changes_nothing(group: Group, text: str, problem: str) -> None:
    named = {"ModelPackageGroupName": group.name}
    told = refusal(lambda: group.api.put_model_package_group_policy(**named, ResourcePolicy=text))
    assert f"The resource policy of {group.name} is malformed" in told
    assert problem in told
    assert "has no resource policy" in refusal(lambda: group.api.get_model_package_group_policy(**named))
