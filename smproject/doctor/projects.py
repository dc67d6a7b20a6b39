"""Checks of the projects that were made from this catalogue's templates."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from smproject import origin, stacks
from smproject.destroy.owner import ID_TAG, NAME_TAG
from smproject.doctor.check import check
from smproject.doctor.findings import ERROR, WARNING, Found
from smproject.doctor.place import Place, aws
from smproject.publishing.wanted import version_name
from smproject.seeds import version

# As SageMaker and Service Catalog name the stacks of projects.
_FROM_S3, _FROM_PRODUCT = "SP-", "SC-"
# Types of what SageMaker tags, as their ARNs call them.
_KINDS = {
    "AWS::SageMaker::ModelPackageGroup": "model-package-group",
    "AWS::SageMaker::CodeRepository": "code-repository",
}
_THERE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True)
class Project:
    """A project of this catalogue: its stack, and the id of the template that it says it was made from."""

    name: str
    id: str
    stack: Mapping[str, Any]
    template: str


@check(
    "project-stack",
    "The stacks of projects can be updated.",
    ERROR,
    "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-update.html",
)
def project_stack(place: Place) -> Iterator[Found]:
    """Look for stacks that failed."""
    for project in projects(place):
        name, status = project.stack["StackName"], project.stack["StackStatus"]
        if status.endswith("_FAILED") or status == "ROLLBACK_COMPLETE":
            words = [stacks.MENDS.get(status, "describe-stack-events"), "--stack-name", name]
            yield Found(f"stack {name} of project {project.name} is {status}.", aws("cloudformation", *words))


@check(
    "project-version",
    "No update to this repository's template would change a project.",
    WARNING,
    "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-update.html",
)
def project_version(place: Place) -> Iterator[Found]:
    """Compare the templates of the stacks with this repository's."""
    for project in projects(place):
        made = origin.of_stack(place.client("cloudformation"), project.stack)
        template = place.published.template(project.template)
        if made and made.is_outdated(template.path.read_text()):
            has = version_name(version(template.root), template.path.read_bytes())
            told = f"project {project.name} is made from {project.template} {made.name}, this repository has {has}."
            yield Found(told, shlex.join(["smproject", "status", "--update", project.name]))


@check(
    "project-tags",
    "What a project has made in SageMaker carries the project's tags.",
    WARNING,
    "https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-resources.html",
    fixes=True,
)
def project_tags(place: Place) -> Iterator[Found]:
    """Look at the tags of the model package groups and code repositories in the stacks of projects."""
    sagemaker = place.client("sagemaker")
    for project in projects(place):
        for arn in _resources(place, project):
            pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
            has = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
            lacking = {key: value for key, value in _tags(project).items() if has.get(key) != value}
            if lacking:
                tags = [{"Key": key, "Value": value} for key, value in lacking.items()]
                words = ["--resource-arn", arn, "--tags", json.dumps(tags)]
                told = f"{arn.rpartition(':')[2]} of project {project.name} lacks {', '.join(lacking)}."
                yield Found(
                    told, aws("sagemaker", "add-tags", *words), partial(sagemaker.add_tags, ResourceArn=arn, Tags=tags)
                )


def projects(place: Place) -> Iterator[Project]:
    """Yield the projects of this catalogue in an account; of the one that was asked for, if one was."""
    offered = {each.id for each in place.published.offered}
    for stack in place.described_stacks():
        values, outputs = stacks.parameters_of(stack), stacks.outputs_of(stack)
        name, id_ = values.get("SageMakerProjectName", ""), values.get("SageMakerProjectId", "")
        if (
            id_
            and outputs.get("TemplateId") in offered
            and stack["StackName"].startswith((_FROM_S3, _FROM_PRODUCT))
            and place.project in ("", name, id_)
        ):
            yield Project(name, id_, stack, outputs["TemplateId"])


def _tags(project: Project) -> dict[str, str]:
    return {NAME_TAG: project.name, ID_TAG: project.id}


def _resources(place: Place, project: Project) -> Iterator[str]:
    """Yield ARNs of what a project's stack has in SageMaker and SageMaker tags."""
    pages = place.client("cloudformation").get_paginator("list_stack_resources")
    region = place.session.region_name
    for page in pages.paginate(StackName=project.stack["StackName"]):
        for each in page["StackResourceSummaries"]:
            # Deleted ones are listed too.
            if each["ResourceType"] in _KINDS and each["ResourceStatus"] in _THERE:
                named = f"{_KINDS[each['ResourceType']]}/{each['PhysicalResourceId'].rpartition('/')[2]}"
                yield f"arn:{place.partition}:sagemaker:{region}:{place.account}:{named}"


CHECKS = (project_stack, project_version, project_tags)
