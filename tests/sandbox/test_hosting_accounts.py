"""A model of the development account, served in staging: what each side must allow."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox
from hosting_bench import Serving
from persons import Person, policy
from workbench import Item, Workbench

DEVELOPMENT, STAGING = ACCOUNTS["development"], ACCOUNTS["staging"]


@pytest.fixture(scope="module")
def serving(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    return Serving(bench, tmp_path_factory.mktemp("server"))


def to_role(arn: str, action: str | list[str], **resource: str) -> Item:
    """Return a statement that allows one role of staging something."""
    root = {"AWS": f"arn:aws:iam::{STAGING}:root"}
    return {
        "Effect": "Allow",
        "Principal": root,
        "Action": action,
        "Condition": {"ArnEquals": {"aws:PrincipalArn": arn}},
        **resource,
    }


def endpoint_role(sandbox: Sandbox, serving: Serving, source_account: str) -> str:
    """Return a new role of staging that SageMaker may assume for resources of an account."""
    iam, name = sandbox.client("iam", "staging"), f"endpoint-{uuid.uuid4().hex[:8]}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": source_account}},
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    repository = serving.image.partition("/")[2].partition(":")[0]
    reads = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{serving.bench.bucket}/*"}
    pulls = {
        "Effect": "Allow",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": f"arn:aws:ecr:us-east-1:{DEVELOPMENT}:repository/{repository}",
    }
    iam.put_role_policy(RoleName=name, PolicyName="serve", PolicyDocument=policy(reads, pulls))
    return str(role)


def registered(serving: Serving) -> tuple[str, str]:
    """Register a version in a new group of development; return the group's name and the version's ARN."""
    group = f"group-{uuid.uuid4().hex[:8]}"
    serving.api.create_model_package_group(ModelPackageGroupName=group)
    container = {"Image": serving.image, "ModelDataUrl": serving.pack("from development")}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    made = serving.api.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification={"Containers": [container], **types}
    )
    return group, str(made["ModelPackageArn"])


def test_each_side_must_allow_a_model_to_cross(sandbox: Sandbox, serving: Serving) -> None:
    role = endpoint_role(sandbox, serving, STAGING)
    group, package = registered(serving)
    deployer = Person(sandbox, "staging")
    deployer.allow("sagemaker:CreateModel", package, f"arn:aws:sagemaker:us-east-1:{STAGING}:model/*")
    deployer.allow("iam:PassRole", role)
    api, name = deployer.client("sagemaker"), f"model-{uuid.uuid4().hex[:8]}"

    def create() -> str:
        """Create the model; return why it is refused, nothing when it is not."""
        container = {"ModelPackageName": package}
        model: dict[str, Any] = {"PrimaryContainer": container, "ExecutionRoleArn": role}
        try:
            api.create_model(ModelName=name, EnableNetworkIsolation=True, **model)
        except ClientError as error:
            return str(error.response["Error"]["Message"])
        return ""

    assert "sagemaker:CreateModel" in create()
    serving.api.put_model_package_group_policy(
        ModelPackageGroupName=group,
        ResourcePolicy=policy(to_role(deployer.arn, "sagemaker:CreateModel", Resource=package)),
    )
    assert "does not have" in create()
    repository = serving.image.partition("/")[2].partition(":")[0]
    pull = to_role(role, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
    sandbox.client("ecr").set_repository_policy(repositoryName=repository, policyText=policy(pull))
    assert "Could not access model data" in create()
    read = to_role(role, "s3:GetObject", Resource=f"arn:aws:s3:::{serving.bench.bucket}/*")
    serving.bench.s3.put_bucket_policy(Bucket=serving.bench.bucket, Policy=policy(read))
    assert create() == ""
    assert _served(sandbox, name) == "from development"


def _served(sandbox: Sandbox, model: str) -> str:
    """Serve a model in staging; return what it says it is."""
    api = sandbox.client("sagemaker", "staging")
    variant = {"VariantName": "A", "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    api.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[variant])
    api.create_endpoint(EndpointName=model, EndpointConfigName=model)
    api.get_waiter("endpoint_in_service").wait(EndpointName=model, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    runtime = sandbox.client("sagemaker-runtime", "staging")
    answer = runtime.invoke_endpoint(EndpointName=model, Body=b'{"tell": 1}')
    return str(json.loads(answer["Body"].read())["model"])


def test_a_role_that_trusts_sagemaker_for_another_account_is_not_assumed(sandbox: Sandbox, serving: Serving) -> None:
    role = endpoint_role(sandbox, serving, DEVELOPMENT)
    api = sandbox.client("sagemaker", "staging")
    with pytest.raises(ClientError, match=r"The execution role ARN .* is invalid"):
        api.create_model(ModelName="untrusted", PrimaryContainer={"Image": serving.image}, ExecutionRoleArn=role)
