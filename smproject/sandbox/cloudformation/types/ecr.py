"""ECR repositories."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import Setting, call, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import document
from smproject.sandbox.cloudformation.tags import Tagging

_POLICIES = {
    "LifecyclePolicy": Setting(
        "PutLifecyclePolicy",
        lambda policy: {"LifecyclePolicyText": policy["LifecyclePolicyText"]},
        "DeleteLifecyclePolicy",
    ),
    "RepositoryPolicyText": Setting(
        "SetRepositoryPolicy", lambda policy: {"PolicyText": document(policy)}, "DeleteRepositoryPolicy"
    ),
}
_SETTINGS = _POLICIES | {
    "ImageScanningConfiguration": Setting(
        "PutImageScanningConfiguration",
        lambda value: {"ImageScanningConfiguration": value},
        default={"ScanOnPush": False},
    ),
    "ImageTagMutability": Setting(
        "PutImageTagMutability", lambda value: {"ImageTagMutability": value}, default="MUTABLE"
    ),
}
_TAGS = Tagging("resourceArn")


@provides
class Repository(Provider):
    """An ECR repository."""

    type = "AWS::ECR::Repository"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the repository, then put its life-cycle and access policies."""
        ecr, rest = context.client("ecr"), ("EmptyOnDelete", *_POLICIES)
        wanted = {"RepositoryName": context.name(256, lower=True)}
        wanted |= {name: value for name, value in properties.items() if name not in rest}
        found = call(ecr, "CreateRepository", wanted)["repository"]
        attributes = {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]}
        made = Made(found["repositoryName"], attributes | _force(properties))
        with undone_on_failure(lambda: self.delete(context, made)):
            settle(ecr, {"repositoryName": made.ref}, _POLICIES, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change policies, scanning, mutability and tags."""
        updatable(before, after, "EmptyOnDelete", "Tags", *_SETTINGS)
        ecr = context.client("ecr")
        settle(ecr, {"repositoryName": made.ref}, _SETTINGS, before, after)
        _TAGS.update(ecr, made.attributes["Arn"], before, after)
        return Made(made.ref, made.attributes | _force(after))

    def delete(self, context: Context, made: Made) -> None:
        """Delete the repository; one with images only when the template says EmptyOnDelete."""
        context.client("ecr").delete_repository(repositoryName=made.ref, force=made.attributes["_force"])


def _force(properties: Properties) -> Properties:
    return {"_force": str(properties.get("EmptyOnDelete", False)).lower() == "true"}
