"""SageMaker's registry and what Studio shows."""

from __future__ import annotations

import json

from smproject.sandbox.cloudformation.api import Setting, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging

TAGGING = Tagging("ResourceArn", "AddTags", "DeleteTags")
_POLICY = {
    "ModelPackageGroupPolicy": Setting(
        "PutModelPackageGroupPolicy",
        lambda policy: {"ResourcePolicy": policy if isinstance(policy, str) else json.dumps(policy)},
        "DeleteModelPackageGroupPolicy",
    )
}


@provides
class ModelPackageGroup(Simple):
    """A model package group with the policy that says who else may use it."""

    type, service = "AWS::SageMaker::ModelPackageGroup", "sagemaker"
    creates, deletes, delete_member = "CreateModelPackageGroup", "DeleteModelPackageGroup", "ModelPackageGroupName"
    tagging = TAGGING

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group, then put its policy."""
        made = super().create(context, {k: v for k, v in properties.items() if k not in _POLICY})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._settle(context, made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change policy and tags."""
        updatable(before, after, "Tags", *_POLICY)
        self._settle(context, made, before, after)
        TAGGING.update(context.client("sagemaker"), made.ref, before, after)
        return made

    def _settle(self, context: Context, made: Made, before: Properties, after: Properties) -> None:
        settle(context.client("sagemaker"), {"ModelPackageGroupName": _name(made)}, _POLICY, before, after)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        arn = answer["ModelPackageGroupArn"]
        return Made(arn, {"ModelPackageGroupArn": arn})

    def name(self, made: Made) -> str:
        """Return the group's name, the end of its ARN."""
        return _name(made)


def _name(made: Made) -> str:
    return made.ref.rpartition("/")[2]


@provides
class CodeRepository(Simple):
    """The link that shows a repository in Studio."""

    type, service = "AWS::SageMaker::CodeRepository", "sagemaker"
    creates, updates, deletes = "CreateCodeRepository", "UpdateCodeRepository", "DeleteCodeRepository"
    name_property = delete_member = "CodeRepositoryName"
    patches, tagging = True, TAGGING

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        name = sent["CodeRepositoryName"]
        return Made(name, {"CodeRepositoryName": name, "CodeRepositoryArn": answer["CodeRepositoryArn"]})

    def arn(self, made: Made) -> str:
        """Return the link's ARN."""
        return str(made.attributes["CodeRepositoryArn"])
