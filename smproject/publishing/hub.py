"""The hub account: the organization's bucket for templates and seeds, and the launch roles beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject import catalog, stacks
from smproject.catalog import ROOT
from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.stacks import Stack

# Where an account that uses a catalogue keeps the name of its bucket; see the fragment catalog-location.
LOCATION = "/sagemaker-project-templates/catalog-bucket"


def organization_of(session: Any) -> str:
    """Id of the account's organization; raises DeploymentError when it has none, for whom nothing can be shared."""
    try:
        found = session.client("organizations").describe_organization()["Organization"]["Id"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "AWSOrganizationsNotInUseException":
            raise DeploymentError(
                "This account is in no organization, so its catalogue could be shared with nobody. "
                "Use the credentials of the hub account."
            ) from error
        raise
    return str(found)


def refuse_spoke(session: Any, account: str) -> None:
    """Raise DeploymentError in an account that uses another account's catalogue: it is not the hub."""
    try:
        bucket = session.client("ssm").get_parameter(Name=LOCATION)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return
        raise
    if account not in bucket:
        raise DeploymentError(
            f"Account {account} isn't the hub: it uses the catalogue in s3://{bucket}. Publish with the hub's "
            "credentials (--profile)."
        )


def deploy_bucket(cloudformation: Any, organization: str, progress: Progress, root: Path = ROOT) -> Stack:
    """Deploy the catalogue's bucket for an organization."""
    template = catalog.template("catalog-bucket", root)
    return report(stacks.deploy(cloudformation, template, {"CatalogBucketOrganizationId": organization}), progress)


def deploy_launch_role(
    cloudformation: Any, bucket: Mapping[str, str], hub_account: str, progress: Progress, root: Path = ROOT
) -> Stack:
    """Deploy the launch roles; `bucket` holds the outputs of the catalogue bucket's stack."""
    parameters = launch_role_parameters(bucket, hub_account)
    return report(stacks.deploy(cloudformation, catalog.template("launch-role", root), parameters), progress)


def launch_role_parameters(bucket: Mapping[str, str], hub_account: str) -> dict[str, str]:
    """What the stack of the launch roles is given; `bucket` holds the outputs of the catalogue bucket's stack."""
    return {
        "CatalogLocationBucket": bucket["CatalogBucketName"],
        "CatalogLocationKeyArn": bucket["CatalogBucketKeyArn"],
        "LaunchRoleHubAccountId": hub_account,
    }


def report(stack: Stack, progress: Progress) -> Stack:
    """Tell what became of a stack, and hand it on."""
    progress(f"stack {stack.name}: {stack.result}")
    return stack


def tag_domain(sagemaker: Any, domain: str, bucket: str, progress: Progress) -> bool:
    """Let a Studio domain offer the templates in the bucket; False when it does already."""
    arn, tag = sagemaker.describe_domain(DomainId=domain)["DomainArn"], domain_tag(bucket)
    if has_tag(sagemaker, arn, tag):
        return False
    sagemaker.add_tags(ResourceArn=arn, Tags=[tag])
    progress(f"domain {domain}: offers {tag['Value']}")
    return True


def has_tag(sagemaker: Any, arn: str, tag: Mapping[str, str]) -> bool:
    """Whether a resource of SageMaker has a tag."""
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return tag in [found for page in pages for found in page["Tags"]]


def domain_tag(bucket: str) -> dict[str, str]:
    """Tag of a Studio domain that names where templates of projects lie."""
    return {"Key": "sagemaker:projectS3TemplatesLocation", "Value": f"s3://{bucket}/projects/"}
