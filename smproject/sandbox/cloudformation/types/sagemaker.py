"""SageMaker's registry and what Studio shows."""

from __future__ import annotations

import json
from datetime import datetime
from typing import ClassVar

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


class Described(Simple):
    """What the service names in ways of its own: its name is kept beside the attributes, times are told as text."""

    service = "sagemaker"
    tagging: ClassVar[Tagging | None] = TAGGING
    arn_member: ClassVar[str]

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name, unless a subclass says otherwise."""
        made = super().made(sent, answer)
        return Made(made.ref, {f"_{self.name_property}": sent[self.name_property]} if self.name_property else {})

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return the attributes, with times as text."""
        found = super().found(sent, answer) | ({"_arn": answer[self.arn_member]} if self.arn_member in answer else {})
        return {name: item.isoformat() if isinstance(item, datetime) else item for name, item in found.items()}

    def name(self, made: Made) -> str:
        """Return the name that the resource was made with."""
        return str(made.attributes.get(f"_{self.name_property}", made.ref))

    def arn(self, made: Made) -> str:
        """Return the ARN."""
        return str(made.attributes["_arn"])


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


@provides
class ModelPackage(Described):
    """A version of a model package group; the group's approval events come from it."""

    type = "AWS::SageMaker::ModelPackage"
    creates, updates, deletes = "CreateModelPackage", "UpdateModelPackage", "DeleteModelPackage"
    ref = arn_member = "ModelPackageArn"
    reads, delete_member, update_keys, patches = "DescribeModelPackage", "ModelPackageName", ("ModelPackageArn",), True

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the version; the call wants to be told which metadata to take away."""
        had, kept = (properties.get("CustomerMetadataProperties", {}) for properties in (before, after))
        gone = {"CustomerMetadataPropertiesToRemove": removed} if (removed := sorted(set(had) - set(kept))) else {}
        return super().update(context, made, _told(before), _told(after) | gone)


def _told(properties: Properties) -> Properties:
    return {"CustomerMetadataProperties": {}} | properties
