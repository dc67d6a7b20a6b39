"""Build a fork in the sandbox, as a push to its project does: the same template, roles, build and pipeline."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from smproject import catalog, projects
from smproject.demo import watch
from smproject.errors import ForkError
from smproject.forks.answers import read_answers
from smproject.forks.git import Repository
from smproject.forks.upgrade import open_repository
from smproject.forks.vanilla import label_of
from smproject.progress import Progress
from smproject.publish import publish
from smproject.sandbox import lifecycle
from smproject.share import share

HUB, OWN = "shared-services", "development"
ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
NAME_LENGTH = 32

Clients = Callable[[str], Any]


def run(folder: Path, data: Path | None, home: Path, port: int | None, tell: Progress) -> list[str]:
    """Build the last commit of a fork in its project of the sandbox; returns the model versions that it registered.

    Makes what is not there yet: the sandbox, the catalogue, the data, the project. Raises ForkError or StoryError.
    """
    repository = open_repository(folder)
    template = catalog.template(label_of(repository).template)
    _demand_pipeline(template)
    parameters = read_answers(repository.folder, template)
    _enter(home, port, tell)
    clients: Clients = boto3.Session(profile_name=OWN).client
    _publish(tell)
    _provide_data(clients("s3"), parameters, data, tell)
    name = project_name(repository.folder.name)
    known = _find(clients("sagemaker"), name)
    if known:
        _demand_same(known, parameters)
    project = known or _create(clients, template, name, parameters, tell)
    before = _versions(clients("sagemaker"), project)
    watch.expect(_build(clients, repository, project, bool(known), tell), "Succeeded")
    made = [each for each in _versions(clients("sagemaker"), project) if each not in before]
    # The seed that a new project begins with is built, too.
    return [each for each in made if _commit(clients("sagemaker"), each) == repository.commit_of("HEAD")]


def project_name(folder: str) -> str:
    """A name that SageMaker and our templates take, from a folder's."""
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[:NAME_LENGTH].strip("-") or "fork"


def _demand_pipeline(template: catalog.Template) -> None:
    """Raise ForkError for a template whose projects have no repository and CodePipeline of their own."""
    if not any(seed.parameter for seed in template.seeds):
        raise ForkError(
            f"A fork of {template.id} is built by the workflow of its host. In the sandbox, make it a repository with "
            "smproject sandbox repository OWNER/NAME, and push it there."
        )


def _enter(home: Path, port: int | None, tell: Progress) -> None:
    """Start the sandbox unless it runs, and let this process's clients use it."""
    running = lifecycle.find(home)
    if running is None:
        running = lifecycle.up(home, port)
        tell(f"the sandbox serves {running.endpoint}; stop it with: smproject sandbox down")
    for name in lifecycle.shadowing():
        os.environ.pop(name, None)
    os.environ.update(lifecycle.environment(running, OWN))


def _publish(tell: Progress) -> None:
    hub, changes = boto3.Session(profile_name=HUB), list[str]()
    account, _ = lifecycle.ACCOUNTS[OWN]
    if publish(hub, None, changes.append).changed | share(hub, account, ORGANIZATION_ROLE, changes.append).changed:
        tell(f"published the catalogue and shared it with account {account}")


def _provide_data(s3: Any, parameters: Mapping[str, str], data: Path | None, tell: Progress) -> None:
    """Put data where the parameters say that they lie; raises ForkError when there are none."""
    bucket, key = (parameters.get(f"ModelBuildData{part}", "") for part in ("Bucket", "Key"))
    if not bucket:
        return
    if data:
        _upload(s3, bucket, key, data, tell)
        return
    try:
        there = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)["KeyCount"]
    except ClientError:
        there = 0
    if not there:
        raise ForkError(
            f"There is nothing at s3://{bucket}/{key} in the sandbox. Give the data's file or folder: --data PATH"
        )


def _upload(s3: Any, bucket: str, key: str, data: Path, tell: Progress) -> None:
    if not data.exists():
        raise ForkError(f"{data} doesn't exist. Give the data's file or folder.")
    files = {path: f"{key}/{path.relative_to(data).as_posix()}" for path in sorted(data.rglob("*")) if path.is_file()}
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    for path, target in (files if data.is_dir() else {data: key}).items():
        s3.upload_file(str(path), bucket, target)
    tell(f"uploaded {data} to s3://{bucket}/{key}")


def _find(sagemaker: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = sagemaker.describe_project(ProjectName=name)
    except ClientError:
        return None
    return None if found["ProjectStatus"].startswith("Delete") else watch.project_created(sagemaker, name)


def _demand_same(project: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """Raise ForkError when the project was made with other values."""
    listed = project["ServiceCatalogProvisioningDetails"].get("ProvisioningParameters", [])
    made = {each["Key"]: each["Value"] for each in listed}
    if made != dict(parameters):
        name = project["ProjectName"]
        raise ForkError(
            f"Project {name} was made with {made}, but parameters.json has other values. To make it anew: "
            f'eval "$(smproject sandbox env)"; smproject destroy --project {name}'
        )


def _create(
    clients: Clients, template: catalog.Template, name: str, parameters: Mapping[str, str], tell: Progress
) -> dict[str, Any]:
    found = clients("servicecatalog").search_products(Filters={"FullTextSearch": [template.id]})
    product = next(each["ProductId"] for each in found["ProductViewSummaries"] if each["Name"] == template.id)
    version = clients("servicecatalog").describe_product(Id=product)["ProvisioningArtifacts"][-1]["Id"]
    values = [{"Key": key, "Value": value} for key, value in parameters.items()]
    details = {"ProductId": product, "ProvisioningArtifactId": version, "ProvisioningParameters": values}
    clients("sagemaker").create_project(ProjectName=name, ServiceCatalogProvisioningDetails=details)
    project = watch.project_created(clients("sagemaker"), name)
    tell(f"created project {name} ({project['ProjectId']})")
    return project


def _build(
    clients: Clients, repository: Repository, project: Mapping[str, Any], known: bool, tell: Progress
) -> dict[str, Any]:
    """Push the last commit, and follow the pipeline that this starts."""
    name = f"sagemaker-{project['ProjectName']}-{project['ProjectId']}"
    url = clients("codecommit").get_repository(repositoryName=name)["repositoryMetadata"]["cloneUrlHttp"]
    prefix, pipeline = name.removeprefix("sagemaker-"), _pipeline(clients, project)
    before = watch.newest_execution(clients("sagemaker"), prefix)
    # What a new project's repository holds is the seed, checked in by CloudFormation: it is nobody's work.
    execution = _push(clients("codepipeline"), repository, url, pipeline, force=not known)
    return watch.follow(clients, pipeline, execution, watch.Told(tell), before, prefix)


def _push(codepipeline: Any, repository: Repository, url: str, pipeline: str, *, force: bool) -> str:
    """Push the last commit, or start anew where it was pushed before; returns the pipeline's execution for it."""
    head = repository.text("rev-parse", "HEAD")
    if repository.text("ls-remote", url, "refs/heads/main").startswith(head):
        return str(codepipeline.start_pipeline_execution(name=pipeline)["pipelineExecutionId"])
    repository.ask("push", "--quiet", *["--force"] * force, url, "HEAD:refs/heads/main")

    def started() -> str | None:
        found = codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
        of_head = (each for each in found if any(head == one["revisionId"] for one in each.get("sourceRevisions", [])))
        return next((str(each["pipelineExecutionId"]) for each in of_head), None)

    return str(watch.until(started, f"an execution of {pipeline}"))


def _pipeline(clients: Clients, project: Mapping[str, Any]) -> str:
    """Name of the CodePipeline that a push starts: the first of the project's stack."""
    stack = projects.stack_name(project)
    found = clients("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    names = [each["PhysicalResourceId"] for each in found if each["ResourceType"] == "AWS::CodePipeline::Pipeline"]
    return str(min(names))


def _versions(sagemaker: Any, project: Mapping[str, Any]) -> list[str]:
    """ARNs of the registered versions of the project's models, newest first."""
    group = f"sagemaker-{project['ProjectName']}-{project['ProjectId']}"
    try:
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
        )
    except ClientError:
        return []
    return [each["ModelPackageArn"] for each in found["ModelPackageSummaryList"]]


def _commit(sagemaker: Any, version: str) -> str | None:
    """The commit that a version was built of."""
    described = sagemaker.describe_model_package(ModelPackageName=version)
    found: str | None = described.get("CustomerMetadataProperties", {}).get("GitCommit")
    return found
