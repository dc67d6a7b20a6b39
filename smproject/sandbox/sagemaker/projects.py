"""SageMaker projects, provisioned from Service Catalog or from a template in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-templates-custom.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.sagemaker.project import PRODUCT, TEMPLATES, Project, Provisioner, Work
from smproject.sandbox.sagemaker.projects_products import Products
from smproject.sandbox.sagemaker.projects_stacks import Stacks
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, now, page, unique_id
from smproject.sandbox.world import World

_UPDATES = {PRODUCT: "ServiceCatalogProvisioningUpdateDetails", TEMPLATES: "TemplateProvidersToUpdate"}


class Projects:
    """The operations on projects."""

    def __init__(self, world: World, tags: Tags) -> None:
        self.world, self.tags = world, tags
        self.projects: dict[str, Project] = {}
        self.products, self.stacks = Products(world), Stacks(world)

    def create_project(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a project: its product or template is provisioned in the background with the caller's rights."""
        name, arn = request["ProjectName"], caller.arn_of("sagemaker", f"project/{request['ProjectName']}")
        if (PRODUCT in request) == (TEMPLATES in request):
            raise _invalid(f"Specify either {PRODUCT} or {TEMPLATES}, and not both.")
        if TEMPLATES in request and "CfnTemplateProvider" not in request[TEMPLATES][0]:
            raise _invalid(f"{TEMPLATES} must hold a CfnTemplateProvider.")
        taken = self.projects.get(arn)
        if taken and taken.status != "DeleteCompleted":
            message = f"Project {name} already exists and is {taken.status}: choose another name or delete it first."
            raise _invalid(message)
        project = Project(name, f"p-{unique_id(12)}", arn, caller, request)
        work = self._provisioner(project).create(project)
        self.projects[arn] = project
        self.tags.set(arn, request.get("Tags", []))
        self._start(project, "Create", work)
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

    def update_project(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Update a project: another version, template or parameters are provisioned in the background."""
        project = self._at_rest(caller, request)
        kind = PRODUCT if PRODUCT in project.request else TEMPLATES
        other = _UPDATES[TEMPLATES if kind == PRODUCT else PRODUCT]
        if other in request:
            raise _invalid(f"Project {project.name} was created with {kind}: it can't be updated with {other}.")
        if project.status in {"CreateFailed", "DeleteFailed", "DeleteCompleted"}:
            raise _invalid(f"Project {project.name} is {project.status}: it can't be updated.")
        wanted = _UPDATES[kind] in request or "Tags" in request
        work = self._provisioner(project).update(project, caller, request) if wanted else str
        if "ProjectDescription" in request:
            project.request = {**project.request, "ProjectDescription": request["ProjectDescription"]}
        if "Tags" in request:
            self.tags.add_tags(caller, {"ResourceArn": project.arn, "Tags": request["Tags"]})
        project.changed, project.changed_by = now(), caller
        self._start(project, "Update", work)
        return {"ProjectArn": project.arn}

    def delete_project(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a project: its product is terminated, or its stack deleted, in the background."""
        project = self._at_rest(caller, request)
        self._start(project, "Delete", self._provisioner(project).delete(project, caller))
        return {}

    def resume(self) -> None:
        """Follow again what is behind projects that were being created, updated or deleted."""
        for project in list(self.projects.values()):
            if project.status.endswith("InProgress"):
                verb = project.status.removesuffix("InProgress")
                self._start(project, verb, self._provisioner(project).again(project, verb))

    def _provisioner(self, project: Project) -> Provisioner:
        return self.products if PRODUCT in project.request else self.stacks

    def _start(self, project: Project, verb: str, work: Work) -> None:
        """Wait in the background for the end of what has begun."""
        project.status, project.message = f"{verb}InProgress", ""

        def run() -> None:
            project.message = work()
            project.status = f"{verb}{'Failed' if project.message else 'Completed'}"

        self.world.background(f"{verb} project {project.name}", run)

    def _at_rest(self, caller: Caller, request: Request) -> Project:
        project = self._find(caller, request)
        if project.status.endswith("InProgress"):
            raise ServiceError(
                "ConflictException", f"Project {project.name} is {project.status}: wait until that has ended."
            )
        return project

    def _find(self, caller: Caller, request: Request) -> Project:
        project = self.projects.get(caller.arn_of("sagemaker", f"project/{request['ProjectName']}"))
        if project is None:
            raise _invalid(f"Project {request['ProjectName']} does not exist.")
        return project


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
