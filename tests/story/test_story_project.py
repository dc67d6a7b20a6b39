"""What the demonstration's project is made of: each thing looked at through its own service."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from harness import ACCOUNTS
from visitor import Visitor

from smproject.catalog import templates

# What each type of resource looks like through its own API; a type that the template gains belongs here.
LOOKS: dict[str, Callable[[Visitor, str], object]] = {
    "AWS::CodeBuild::Project": lambda v, name: v.client("codebuild").batch_get_projects(names=[name])["projects"][0],
    "AWS::CodeCommit::Repository": lambda v, _: v.client("codecommit").get_repository(repositoryName=v.name),
    "AWS::CodePipeline::Pipeline": lambda v, name: v.client("codepipeline").get_pipeline(name=name),
    "AWS::ECR::Repository": lambda v, name: v.client("ecr").describe_repositories(repositoryNames=[name]),
    "AWS::Events::Rule": lambda v, name: v.client("events").describe_rule(Name=name),
    "AWS::IAM::ManagedPolicy": lambda v, arn: v.client("iam").get_policy(PolicyArn=arn),
    "AWS::IAM::Policy": lambda v, name: any(name in policies(v, role(v, kind)) for kind in ("build", "execution")),
    "AWS::IAM::Role": lambda v, name: v.client("iam").get_role(RoleName=name),
    "AWS::KMS::Alias": lambda v, name: v.client("kms").describe_key(KeyId=name),
    "AWS::KMS::Key": lambda v, name: v.client("kms").describe_key(KeyId=name),
    "AWS::Logs::LogGroup": lambda v, name: v.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"],
    "AWS::S3::Bucket": lambda v, name: v.client("s3").head_bucket(Bucket=name),
    "AWS::S3::BucketPolicy": lambda v, name: v.client("s3").get_bucket_policy(Bucket=name),
    "AWS::SSM::Parameter": lambda v, name: v.client("ssm").get_parameter(Name=name),
    "AWS::SageMaker::CodeRepository": lambda v, name: v.client("sagemaker").describe_code_repository(
        CodeRepositoryName=name
    ),
    "AWS::SageMaker::ModelPackageGroup": lambda v, name: v.client("sagemaker").describe_model_package_group(
        ModelPackageGroupName=name
    ),
}


def role(visitor: Visitor, kind: str) -> str:
    return f"sagemaker-{visitor.project['ProjectId']}-{kind}"


def policies(visitor: Visitor, name: str) -> list[str]:
    """Names of the policies that lie in a role."""
    found: list[str] = visitor.client("iam").list_role_policies(RoleName=name)["PolicyNames"]
    return found


@pytest.fixture
def bucket(visitor: Visitor) -> str:
    return visitor.outputs["ArtifactBucketName"]


def test_the_data_scientist_sees_the_product_in_a_portfolio_that_the_hub_shares(visitor: Visitor) -> None:
    catalog = visitor.client("servicecatalog")
    shared = catalog.list_accepted_portfolio_shares(PortfolioShareType="IMPORTED")["PortfolioDetails"]
    # She is no administrator, whose portfolio is shared with the account too.
    (portfolio,) = [each for each in shared if each["DisplayName"] == "SageMaker Projects"]
    products = catalog.search_products()["ProductViewSummaries"]
    assert {product["Name"] for product in products} == {each.id for each in templates() if each.is_product}
    for product in products:
        (path,) = catalog.list_launch_paths(ProductId=product["ProductId"])["LaunchPathSummaries"]
        assert path["Name"] == portfolio["DisplayName"]
    assert portfolio["ARN"].split(":")[4] == ACCOUNTS["shared-services"]


def test_studio_shows_the_products_by_their_tag(visitor: Visitor) -> None:
    hub = visitor.client("servicecatalog", "shared-services")
    for product in visitor.client("servicecatalog").search_products()["ProductViewSummaries"]:
        tags = hub.describe_product_as_admin(Id=product["ProductId"])["Tags"]
        assert {"Key": "sagemaker:studio-visibility", "Value": "true"} in tags


def test_the_project_is_complete_and_every_resource_answers_through_its_own_service(visitor: Visitor) -> None:
    assert visitor.project["ProjectStatus"] == "CreateCompleted"
    resources = visitor.client("cloudformation").describe_stack_resources(StackName=visitor.stack)["StackResources"]
    assert {item["ResourceStatus"] for item in resources} == {"CREATE_COMPLETE"}
    for item in resources:
        assert LOOKS[item["ResourceType"]](visitor, item["PhysicalResourceId"]), item


def test_the_stack_says_which_template_it_came_from(visitor: Visitor) -> None:
    assert visitor.outputs["TemplateId"] == "model-build-deploy"


def test_the_bucket_encrypts_with_the_project_s_key_by_default(visitor: Visitor, bucket: str) -> None:
    encryption = visitor.client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": visitor.outputs["ArtifactsKeyArn"]}


def test_every_object_in_the_bucket_is_encrypted_with_the_project_s_key(visitor: Visitor, bucket: str) -> None:
    s3 = visitor.client("s3")
    found = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for page in found for item in page["Contents"]]
    used = {key: s3.head_object(Bucket=bucket, Key=key).get("SSEKMSKeyId") for key in keys}
    assert {key for key, name in used.items() if name != visitor.outputs["ArtifactsKeyArn"]} == set()
    assert any(key.endswith("model.tar.gz") for key in used)


def test_the_bucket_keeps_versions_and_lets_nobody_in_from_outside(visitor: Visitor, bucket: str) -> None:
    s3 = visitor.client("s3")
    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert list(access.values()) == [True] * 4


def test_the_bucket_refuses_connections_without_tls(visitor: Visitor, bucket: str) -> None:
    policy = json.loads(visitor.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    (deny,) = [item for item in policy["Statement"] if "Bool" in item.get("Condition", {})]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
    assert str(deny["Condition"]["Bool"]["aws:SecureTransport"]).lower() == "false"
    assert deny["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


def test_the_key_rotates(visitor: Visitor) -> None:
    assert visitor.client("kms").get_key_rotation_status(KeyId=visitor.outputs["ArtifactsKeyArn"])["KeyRotationEnabled"]


def test_each_role_trusts_one_service(visitor: Visitor) -> None:
    services = {"execution": "sagemaker", "build": "codebuild", "model-build": "codepipeline"}
    services |= {"deploy-render": "codebuild", "deploy-test": "codebuild", "model-deploy": "codepipeline"}
    services |= {"model-build-trigger": "events", "model-deploy-trigger": "events"}
    for kind, service in services.items():
        trust = visitor.client("iam").get_role(RoleName=role(visitor, kind))["Role"]["AssumeRolePolicyDocument"]
        assert [s["Principal"] for s in trust["Statement"]] == [{"Service": f"{service}.amazonaws.com"}], kind


def test_a_pipeline_of_the_second_type_carries_the_source_to_the_build(visitor: Visitor) -> None:
    name = visitor.outputs["ModelBuildPipelineName"]
    pipeline = visitor.client("codepipeline").get_pipeline(name=name)["pipeline"]
    providers = [action["actionTypeId"]["provider"] for stage in pipeline["stages"] for action in stage["actions"]]
    assert (pipeline["pipelineType"], providers) == ("V2", ["CodeCommit", "CodeBuild"])
    assert pipeline["artifactStore"]["encryptionKey"]["id"] == visitor.outputs["ArtifactsKeyArn"]


def test_an_enabled_rule_starts_the_pipeline_for_the_main_branch(visitor: Visitor) -> None:
    events, name = visitor.client("events"), role(visitor, "model-build")
    rule = events.describe_rule(Name=name)
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    assert rule["State"] == "ENABLED"
    assert json.loads(rule["EventPattern"])["detail"]["referenceName"] == ["main"]
    assert target["Arn"].rpartition(":")[2] == visitor.outputs["ModelBuildPipelineName"]
