"""SageMaker resources."""

from __future__ import annotations

from smproject.sandbox.cloudformation.provider import Made, Properties, provides
from smproject.sandbox.cloudformation.types.operations import Answer, Simple


@provides
class ModelPackageGroup(Simple):
    """A model package group."""

    type, service = "AWS::SageMaker::ModelPackageGroup", "sagemaker"
    creates, deletes, delete_member = "CreateModelPackageGroup", "DeleteModelPackageGroup", "ModelPackageGroupName"
    tags_as = ("Tags", "Key", "Value")

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN, which the delete call takes as a name too."""
        arn = answer["ModelPackageGroupArn"]
        return Made(arn, {"ModelPackageGroupArn": arn})


@provides
class CodeRepository(Simple):
    """The link that shows a repository in Studio."""

    type, service = "AWS::SageMaker::CodeRepository", "sagemaker"
    creates, deletes, delete_member = "CreateCodeRepository", "DeleteCodeRepository", "CodeRepositoryName"
    name_property, tags_as = "CodeRepositoryName", ("Tags", "Key", "Value")

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        name = sent["CodeRepositoryName"]
        return Made(name, {"CodeRepositoryName": name, "CodeRepositoryArn": answer["CodeRepositoryArn"]})
