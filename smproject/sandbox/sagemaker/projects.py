"""SageMaker projects, provisioned from Service Catalog."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.sagemaker.registry import creator
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, now, page, told, unique_id
from smproject.sandbox.world import World

_POLL_SECONDS = 0.1


@dataclass
class Project:
    """A project and the provisioned product that is behind it."""

    name: str
    id: str
    arn: str
    caller: Caller
    request: Request
    status: str = "Pending"
    product_id: str = ""
    message: str = ""
    created: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        product = {"ProvisionedProductId": self.product_id, "ProvisionedProductStatusMessage": self.message}
        text = (
            {"ProjectDescription": self.request["ProjectDescription"]} if "ProjectDescription" in self.request else {}
        )
        return {
            "ProjectArn": self.arn,
            "ProjectName": self.name,
            "ProjectId": self.id,
            "ProjectStatus": self.status,
            "CreationTime": self.created,
            "CreatedBy": creator(self.caller),
            **text,
            "ServiceCatalogProvisioningDetails": self.request["ServiceCatalogProvisioningDetails"],
            "ServiceCatalogProvisionedProductDetails": {key: value for key, value in product.items() if value},
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        shown = ("ProjectName", "ProjectDescription", "ProjectArn", "ProjectId", "CreationTime", "ProjectStatus")
        return {key: value for key, value in self.describe().items() if key in shown}


class Projects:
    """The operations on projects."""

    def __init__(self, world: World, tags: Tags) -> None:
        self.world, self.tags = world, tags
        self.projects: dict[str, Project] = {}

    def create_project(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a project: its product is provisioned in the background with the caller's rights."""
        name, arn = request["ProjectName"], caller.arn_of("sagemaker", f"project/{request['ProjectName']}")
        if "ServiceCatalogProvisioningDetails" not in request:
            raise ServiceError(
                "ValidationException", "The sandbox needs ServiceCatalogProvisioningDetails to create a project."
            )
        taken = self.projects.get(arn)
        if taken and taken.status != "DeleteCompleted":
            message = f"Project {name} already exists and is {taken.status}: choose another name or delete it first."
            raise ServiceError("ValidationException", message)
        project = Project(name, f"p-{unique_id(12)}", arn, caller, request)
        record = self._provision(project)
        project.product_id, project.status = record["ProvisionedProductId"], "CreateInProgress"
        self.projects[arn] = project
        self.tags.set(arn, request.get("Tags", []))
        self.world.background(f"project {name}", lambda: self._follow(project, record["RecordId"], "Create"))
        return {"ProjectArn": arn, "ProjectId": project.id}

    def describe_project(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a project."""
        return self._find(caller, request).describe()

    def list_projects(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's projects."""
        prefix = caller.arn_of("sagemaker", "project/")
        mine = [
            p.summary() for arn, p in self.projects.items() if arn.startswith(prefix) and p.status != "DeleteCompleted"
        ]
        named = [p for p in mine if request.get("NameContains", "") in p["ProjectName"]]
        return page(named, request, "ProjectSummaryList")

    def delete_project(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a project: its product is terminated in the background."""
        project = self._find(caller, request)
        if project.status.endswith("InProgress"):
            raise ServiceError(
                "ConflictException", f"Project {project.name} is {project.status}: wait until that has ended."
            )
        client = self._catalog(project)
        project.status = "DeleteInProgress"
        record = client.terminate_provisioned_product(ProvisionedProductId=project.product_id)["RecordDetail"][
            "RecordId"
        ]
        self.world.background(f"delete {project.name}", lambda: self._follow(project, record, "Delete"))
        return {}

    def resume(self) -> None:
        """Follow again the products of projects that were being created or deleted."""
        for project in list(self.projects.values()):
            if project.status.endswith("InProgress"):
                verb = project.status.removesuffix("InProgress")
                self.world.background(f"project {project.name}", partial(self._follow_again, project, verb))

    def _follow_again(self, project: Project, verb: str) -> None:
        try:
            found = self._catalog(project).describe_provisioned_product(Id=project.product_id)
        except ClientError as error:  # it is deleted, or never came to be
            project.message = "" if verb == "Delete" else told(error)[1]
            project.status = f"{verb}{'Completed' if verb == 'Delete' else 'Failed'}"
        else:
            self._follow(project, found["ProvisionedProductDetail"]["LastRecordId"], verb)

    def _provision(self, project: Project) -> dict[str, Any]:
        details = project.request["ServiceCatalogProvisioningDetails"]
        own = {"SageMakerProjectName": project.name, "SageMakerProjectId": project.id}
        given = {p["Key"]: p.get("Value", "") for p in details.get("ProvisioningParameters", [])}
        tags = [
            {"Key": "sagemaker:project-name", "Value": project.name},
            {"Key": "sagemaker:project-id", "Value": project.id},
        ]
        tags += [tag for tag in project.request.get("Tags", []) if not tag["Key"].startswith("sagemaker:project-")]
        wanted = {k: details[k] for k in ("ProductId", "ProvisioningArtifactId", "PathId") if k in details}
        wanted.setdefault("ProvisioningArtifactId", self._newest(project, wanted["ProductId"]))
        try:
            answer = self._catalog(project).provision_product(
                ProvisionedProductName=f"{project.name}-{project.id}",
                Tags=tags,
                **wanted,
                ProvisioningParameters=[{"Key": key, "Value": value} for key, value in (given | own).items()],
            )
        except ClientError as error:
            raise ServiceError("ValidationException", f"Unable to provision the project: {told(error)[1]}") from error
        record: dict[str, Any] = answer["RecordDetail"]
        return record

    def _newest(self, project: Project, product: str) -> str:
        try:
            versions = self._catalog(project).describe_product(Id=product)["ProvisioningArtifacts"]
        except ClientError as error:
            raise ServiceError("ValidationException", f"Unable to provision the project: {told(error)[1]}") from error
        return str(max(versions, key=lambda version: version["CreatedTime"])["Id"])

    def _follow(self, project: Project, record: str, verb: str) -> None:
        client = self._catalog(project)
        while (detail := client.describe_record(Id=record)["RecordDetail"])["Status"] in ("CREATED", "IN_PROGRESS"):
            time.sleep(_POLL_SECONDS)
        if detail["Status"] == "SUCCEEDED":
            project.status = f"{verb}Completed"
        else:
            project.message = "; ".join(error["Description"] for error in detail["RecordErrors"])
            project.status = f"{verb}Failed"

    def _catalog(self, project: Project) -> Any:
        return self.world.client("servicecatalog", project.caller.credentials, project.caller.region)

    def _find(self, caller: Caller, request: Request) -> Project:
        project = self.projects.get(caller.arn_of("sagemaker", f"project/{request['ProjectName']}"))
        if project is None:
            raise ServiceError("ValidationException", f"Project {request['ProjectName']} does not exist.")
        return project
