"""How each of the things breaks that the doctor looks at: one function a check."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from doctoring import DEVELOPMENT, LAUNCH, LAUNCH_STACK, LOCATION, ROLE, Clinic
from publishing import BUCKET

from smproject import stacks
from smproject.errors import DeploymentError

Act = Callable[[Clinic], None]
BREAKS: dict[str, Act] = {}
# What a person does in a console, where there is no command.
MENDS: dict[str, Act] = {}


def breaks(check: str) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        BREAKS[check] = act
        return act

    return keep


@breaks("account-access")
def _(clinic: Clinic) -> None:
    iam = clinic.client("iam", "development")
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]

    def restore(_: Clinic) -> None:
        iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))

    MENDS["account-access"] = restore
    mine = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DEVELOPMENT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [mine]})
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=document)


@breaks("stack-state")
def _(clinic: Clinic) -> None:
    cloudformation = clinic.client("cloudformation", "development")
    cloudformation.delete_stack(StackName=LAUNCH_STACK)
    stacks.settled(cloudformation, LAUNCH_STACK)


@breaks("stack-version")
def _(clinic: Clinic) -> None:
    cloudformation = clinic.client("cloudformation", "development")
    stack = stacks.find(cloudformation, LAUNCH_STACK)
    assert stack
    text = cloudformation.get_template(StackName=LAUNCH_STACK)["TemplateBody"]
    cloudformation.update_stack(
        StackName=LAUNCH_STACK,
        TemplateBody=text.replace('Value: "1.0.0"', 'Value: "0.9.0"'),
        Parameters=stack["Parameters"],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    stacks.settled(cloudformation, LAUNCH_STACK)


@breaks("catalogue-location")
def _(clinic: Clinic) -> None:
    clinic.client("ssm", "development").put_parameter(Name=LOCATION, Value="elsewhere", Overwrite=True)


@breaks("launch-role")
def _(clinic: Clinic) -> None:
    iam = clinic.client("iam", "development")
    for name in iam.list_role_policies(RoleName=LAUNCH)["PolicyNames"]:
        iam.delete_role_policy(RoleName=LAUNCH, PolicyName=name)
    for attached in iam.list_attached_role_policies(RoleName=LAUNCH)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=LAUNCH, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=LAUNCH)


@breaks("launch-role-trust")
def _(clinic: Clinic) -> None:
    document = {"Effect": "Allow", "Principal": {"Service": "servicecatalog.amazonaws.com"}, "Action": "sts:AssumeRole"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [document]})
    clinic.client("iam", "development").update_assume_role_policy(RoleName=LAUNCH, PolicyDocument=text)


@breaks("launch-role-permissions")
def _(clinic: Clinic) -> None:
    clinic.client("iam", "development").delete_role_policy(RoleName=LAUNCH, PolicyName="project")


@breaks("portfolio-share")
def _(clinic: Clinic) -> None:
    # Withdrawn and offered anew, a share waits to be accepted.
    client, portfolio = clinic.client("servicecatalog"), clinic.hub.portfolios()["ML Admin"]
    client.delete_portfolio_share(PortfolioId=portfolio, AccountId=DEVELOPMENT)
    client.create_portfolio_share(PortfolioId=portfolio, AccountId=DEVELOPMENT, ShareTagOptions=True)


@breaks("portfolio-principal")
def _(clinic: Clinic) -> None:
    client, portfolio = clinic.client("servicecatalog", "development"), clinic.hub.portfolios()["ML Admin"]
    pattern = "arn:aws:iam:::role/PlatformEngineer"
    client.disassociate_principal_from_portfolio(
        PortfolioId=portfolio, PrincipalARN=pattern, PrincipalType="IAM_PATTERN"
    )


@breaks("launch-constraint")
def _(clinic: Clinic) -> None:
    client, portfolio = clinic.client("servicecatalog"), clinic.hub.portfolios()["ML Admin"]
    product = clinic.hub.products("ML Admin")["setting"]
    (found,) = client.list_constraints_for_portfolio(PortfolioId=portfolio, ProductId=product)["ConstraintDetails"]
    client.delete_constraint(Id=found["ConstraintId"])


@breaks("product-visibility")
def _(clinic: Clinic) -> None:
    product = clinic.hub.products("SageMaker Projects")["example"]
    clinic.client("servicecatalog").update_product(Id=product, RemoveTags=["sagemaker:studio-visibility"])


@breaks("product-version")
def _(clinic: Clinic) -> None:
    clinic.repository.change("changed")


@breaks("bucket-versioning")
def _(clinic: Clinic) -> None:
    clinic.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})


@breaks("bucket-public-access")
def _(clinic: Clinic) -> None:
    clinic.client("s3").delete_public_access_block(Bucket=BUCKET)


@breaks("bucket-cors")
def _(clinic: Clinic) -> None:
    clinic.client("s3").delete_bucket_cors(Bucket=BUCKET)


@breaks("bucket-policy")
def _(clinic: Clinic) -> None:
    s3 = clinic.client("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    for statement in policy["Statement"]:
        if statement["Sid"] == "OrganizationReads":
            del statement["Condition"]  # so that everybody reads
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=BUCKET)  # it would refuse such a policy
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)


@breaks("key-policy")
def _(clinic: Clinic) -> None:
    kms = clinic.client("kms")
    key = stacks.outputs(clinic.client("cloudformation"), "sagemaker-project-templates-catalog-bucket")
    policy = json.loads(kms.get_key_policy(KeyId=key["CatalogBucketKeyArn"], PolicyName="default")["Policy"])
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "OrganizationReadsByS3"]
    kms.put_key_policy(KeyId=key["CatalogBucketKeyArn"], PolicyName="default", Policy=json.dumps(policy))


@breaks("object-current")
def _(clinic: Clinic) -> None:
    clinic.client("s3").delete_object(Bucket=BUCKET, Key="admin/setting.yaml")


@breaks("object-visibility")
def _(clinic: Clinic) -> None:
    clinic.client("s3").delete_object_tagging(Bucket=BUCKET, Key="projects/example.yaml")


@breaks("domain-templates")
def _(clinic: Clinic) -> None:
    sagemaker = clinic.client("sagemaker", "development")
    (domain,) = sagemaker.list_domains()["Domains"]
    sagemaker.delete_tags(ResourceArn=domain["DomainArn"], TagKeys=["sagemaker:projectS3TemplatesLocation"])


@breaks("service-catalog-enabled")
def _(clinic: Clinic) -> None:
    clinic.client("sagemaker", "development").disable_sagemaker_servicecatalog_portfolio()


@breaks("connection-pending")
def _(clinic: Clinic) -> None:
    connect(clinic, "connection-pending", [{"Key": "sagemaker", "Value": "true"}])


@breaks("connection-tag")
def _(clinic: Clinic) -> None:
    connect(clinic, "connection-tag", [])


def connect(clinic: Clinic, check: str, tags: list[dict[str, str]]) -> None:
    """Make a connection; in the sandbox, which has no handshake, the way on is to delete it."""
    client = clinic.client("codeconnections", "development")
    made = client.create_connection(ProviderType="GitHub", ConnectionName="forge", Tags=tags)["ConnectionArn"]
    MENDS[check] = lambda _: client.delete_connection(ConnectionArn=made)


@breaks("project-stack")
def _(clinic: Clinic) -> None:
    """Fail an update, and forbid that it is rolled back."""
    cloudformation = clinic.client("cloudformation", "development")
    project = clinic.client("sagemaker", "development").describe_project(ProjectName=clinic.project)
    product = project["ServiceCatalogProvisionedProductDetails"]["ProvisionedProductId"]
    stack = cloudformation.describe_stacks(StackName=f"SC-{DEVELOPMENT}-{product}")["Stacks"][0]
    text = cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]
    twin = text.split("  ExampleGroup:")[0].split("Resources:")[1].replace("ExampleParameter:", "Twin:")
    cloudformation.update_stack(
        StackName=stack["StackName"],
        TemplateBody=text.replace("\n  ExampleGroup:", f"{twin}\n  ExampleGroup:"),
        Parameters=[{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in stack["Parameters"]],
        DisableRollback=True,
    )
    with pytest.raises(DeploymentError, match="UPDATE_FAILED"):
        stacks.settled(cloudformation, stack["StackName"])


@breaks("project-version")
def _(clinic: Clinic) -> None:
    clinic.repository.release("1.1.0")
    clinic.publish()
    clinic.share()


@breaks("project-tags")
def _(clinic: Clinic) -> None:
    sagemaker = clinic.client("sagemaker", "development")
    (group,) = sagemaker.list_model_package_groups(NameContains=clinic.project)["ModelPackageGroupSummaryList"]
    sagemaker.delete_tags(ResourceArn=group["ModelPackageGroupArn"], TagKeys=["sagemaker:project-id"])


@breaks("quotas")
def _(clinic: Clinic) -> None:
    """Let Service Quotas answer, which in the sandbox it doesn't, as AWS words it: by a small quota, then a large."""
    quota = {"QuotaName": "Portfolios per Region", "QuotaCode": "L-1", "Value": 2.0}
    others = {"QuotaName": "Products per Region", "QuotaCode": "L-2", "Value": 100.0}

    def answer(**_: Any) -> tuple[Any, dict[str, Any]]:
        return SimpleNamespace(status_code=200), {"Quotas": [quota, others]}

    def raised(_: Clinic) -> None:
        quota["Value"] = 100.0

    clinic.session.events.register("before-call.service-quotas.ListServiceQuotas", answer)
    MENDS["quotas"] = raised
