"""SageMaker: versions of models are named by their group."""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, first


def _versions(asked: Asked) -> Items:
    """Return a group, or the versions in it: a policy may name either.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html
    """
    named = first(asked, "{ModelPackageGroupName}")
    group, owner = named.rpartition("/")[2], named.split(":")[4] if named.startswith("arn:") else asked.account
    kinds = (f"model-package-group/{group}", f"model-package/{group}/*")
    return [tuple(arn(asked, kind, owner) for kind in kinds)] if group else []


def _model(asked: Asked) -> Items:
    """Return a new model, and the versions of other accounts that it is made of.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html
    """
    named = [*asked.values("{PrimaryContainer.ModelPackageName}"), *asked.values("{Containers[].ModelPackageName}")]
    versions = [name for name in named if name.startswith("arn:") and name.split(":")[4] != asked.account]
    return [(arn(asked, f"model/{first(asked, '{ModelName}')}"),), *((found,) for found in versions)]


RULES: dict[tuple[str, str], Rule] = {
    ("sagemaker", "CreateModel"): _model,
    ("sagemaker", "CreateModelPackage"): _versions,
    ("sagemaker", "ListModelPackages"): _versions,
}
NAMES: dict[tuple[str, str], Name] = {}
