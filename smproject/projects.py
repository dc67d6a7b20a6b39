"""What is behind a SageMaker project as it is described, whichever way it came: from a template in S3, or a product.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProject.html
"""

from collections.abc import Mapping
from typing import Any


def stack_name(project: Mapping[str, Any]) -> str:
    """Name of a described project's stack; empty where none has been begun."""
    if provider := _provider(project):
        return str(provider.get("StackDetail", {}).get("Name", ""))
    product, account = _product(project).get("ProvisionedProductId"), project["ProjectArn"].split(":")[4]
    return f"SC-{account}-{product}" if product else ""  # as Service Catalog names the stacks of provisioned products


def launch_role(project: Mapping[str, Any], servicecatalog: Any) -> str:
    """ARN of the role that makes a described project's resources; empty where that is whoever asked for it."""
    if provider := _provider(project):
        return str(provider.get("RoleARN", ""))
    if product := _product(project).get("ProvisionedProductId"):
        detail = servicecatalog.describe_provisioned_product(Id=product)["ProvisionedProductDetail"]
        return str(detail.get("LaunchRoleArn", ""))
    return ""


def reason(project: Mapping[str, Any]) -> str:
    """What became of a described project's stack, in the words of the service that makes it."""
    if provider := _provider(project):
        return str(provider.get("StackDetail", {}).get("StatusMessage", project["ProjectStatus"]))
    return str(_product(project).get("ProvisionedProductStatusMessage", project["ProjectStatus"]))


def _provider(project: Mapping[str, Any]) -> Mapping[str, Any]:
    """The template in S3 that a project is made from; nothing for one made from a product."""
    details = project.get("TemplateProviderDetails", [])
    return next((each["CfnTemplateProviderDetail"] for each in details if "CfnTemplateProviderDetail" in each), {})


def _product(project: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = project.get("ServiceCatalogProvisionedProductDetails", {})
    return found
