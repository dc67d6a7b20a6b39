"""The operations of CodeBuild."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.codebuild import project as projects
from smproject.sandbox.codebuild import toolbox
from smproject.sandbox.codebuild.project import Project, invalid
from smproject.sandbox.codebuild.reports import Reports
from smproject.sandbox.codebuild.run import Run
from smproject.sandbox.service import Caller, Handler, Request, Service, ServiceError, page
from smproject.sandbox.world import World


@dataclass
class Registry:
    """What an account has in a region; runs are kept by build id, the oldest first."""

    projects: dict[str, Project] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


class CodeBuildService(Service):
    """CodeBuild whose builds really run."""

    name = "codebuild"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._registries: dict[tuple[str, str], Registry] = {}
        self._lock = threading.RLock()
        self.reports = Reports()
        toolbox.write_commands(world.home / "toolbox")

    def resume(self) -> None:
        """Fail the builds that a stop of the sandbox has cut off."""
        for registry in list(self._registries.values()):
            for run in list(registry.runs.values()):
                run.interrupt()

    def handler(self, operation: str) -> Handler | None:
        """Return the method that answers an operation: one of our own or of the reports."""
        return self.first_handler([self, self.reports], operation)

    def create_project(self, caller: Caller, request: Request) -> Request:
        """Create a project."""
        found = self._of(caller).projects
        if request["name"] in found:
            arn = caller.arn_of("codebuild", f"project/{request['name']}")
            raise ServiceError("ResourceAlreadyExistsException", f"Project already exists: {arn}")
        project = projects.from_request(caller, request)
        self._check_role(project)
        found[request["name"]] = project
        return {"project": project}

    def update_project(self, caller: Caller, request: Request) -> Request:
        """Replace the settings that the request names."""
        project = self._project(caller, request["name"])
        changed = {**project, **request, "lastModified": datetime.now(timezone.utc)}
        if changed.get("concurrentBuildLimit") == -1:  # which takes the limit away
            del changed["concurrentBuildLimit"]
        changed["environment"] = {"environmentVariables": [], "privilegedMode": False, **changed["environment"]}
        projects.check(changed, caller)
        self._check_role(changed)
        self._of(caller).projects[request["name"]] = changed
        return {"project": changed}

    def delete_project(self, caller: Caller, request: Request) -> None:
        """Delete a project and its builds; one that does not exist is no error."""
        found = self._of(caller)
        found.projects.pop(_short(request["name"]), None)
        for identifier in [key for key in found.runs if key.startswith(f"{_short(request['name'])}:")]:
            found.runs.pop(identifier).stop_requested.set()

    def batch_get_projects(self, caller: Caller, request: Request) -> Request:
        """Describe projects by name or ARN."""
        found = self._of(caller).projects
        known = {name: found.get(_short(name)) for name in request["names"]}
        missing = [name for name, project in known.items() if project is None]
        return {"projects": [project for project in known.values() if project], "projectsNotFound": missing}

    def list_projects(self, caller: Caller, request: Request) -> Request:
        """List the names of projects."""
        order = {"CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}
        key = order.get(request.get("sortBy", "NAME"), "name")
        found = sorted(self._of(caller).projects.values(), key=lambda project: project[key])
        names = [project["name"] for project in _ordered(found, request, "ASCENDING")]
        return page(names, request, "projects", token="nextToken")

    def start_build(self, caller: Caller, request: Request) -> Request:
        """Start a build; a second request with the same idempotency token returns the first one's build."""
        name, token = _short(request["projectName"]), request.get("idempotencyToken", "")
        with self._lock:
            found = self._of(caller)
            if token and (name, token) in found.tokens:
                return {"build": found.runs[found.tokens[name, token]].record.shown()}
            project = self._project(caller, name)
            self._check_limit(found, project)
            number = found.numbers.get(name, 0) + 1
            build = projects.new_build(caller, project, request, number)
            run = Run(self.world, build, projects.artifact_settings(project, request))
            found.numbers[name], found.runs[build["id"]], found.requests[build["id"]] = number, run, request
            found.tokens |= {(name, token): build["id"]} if token else {}
            shown = run.record.shown()
        self.world.background(f"build {build['id']}", run.execute)
        return {"build": shown}

    def retry_build(self, caller: Caller, request: Request) -> Request:
        """Start a build again with what it was started with."""
        run = self._run(caller, request.get("id", ""))
        if not run.record.facts["buildComplete"]:
            raise invalid(f"Build {run.record.facts['id']} is still running")
        return self.start_build(caller, {**self._of(caller).requests[run.record.facts["id"]], "idempotencyToken": ""})

    def stop_build(self, caller: Caller, request: Request) -> Request:
        """Stop a build; one that has ended stays as it is."""
        run = self._run(caller, request["id"])
        run.stop_requested.set()
        return {"build": run.record.shown()}

    def batch_get_builds(self, caller: Caller, request: Request) -> Request:
        """Describe builds by id or ARN."""
        found = self._of(caller).runs
        known = {name: found.get(_short(name)) for name in request["ids"]}
        missing = [name for name, run in known.items() if run is None]
        return {"builds": [run.record.shown() for run in known.values() if run], "buildsNotFound": missing}

    def list_builds(self, caller: Caller, request: Request) -> Request:
        """List the ids of all builds, the newest first."""
        ids = _ordered(list(self._of(caller).runs), request, "DESCENDING")
        return page(ids, request, "ids", token="nextToken")

    def list_builds_for_project(self, caller: Caller, request: Request) -> Request:
        """List the ids of a project's builds, the newest first."""
        name = self._project(caller, _short(request["projectName"]))["name"]
        ids = [identifier for identifier in self._of(caller).runs if identifier.startswith(f"{name}:")]
        ordered = _ordered(ids, request, "DESCENDING")
        return page(ordered, request, "ids", token="nextToken")

    def _of(self, caller: Caller) -> Registry:
        with self._lock:
            return self._registries.setdefault((caller.account, caller.region), Registry())

    def _project(self, caller: Caller, name: str) -> Project:
        project = self._of(caller).projects.get(name)
        if project is None:
            arn = caller.arn_of("codebuild", f"project/{name}")
            raise ServiceError("ResourceNotFoundException", f"Project cannot be found: {arn}")
        return project

    def _run(self, caller: Caller, identifier: str) -> Run:
        run = self._of(caller).runs.get(_short(identifier))
        if run is None:
            raise ServiceError("ResourceNotFoundException", f"Build not found: {identifier}")
        return run

    @staticmethod
    def _check_limit(found: Registry, project: Project) -> None:
        limit, own = project.get("concurrentBuildLimit"), f"{project['name']}:"
        running = [
            key for key, run in found.runs.items() if key.startswith(own) and not run.record.facts["buildComplete"]
        ]
        if limit is not None and len(running) >= limit:
            message = f"Project {project['name']} runs {len(running)} builds, and its concurrentBuildLimit is {limit}"
            raise ServiceError("AccountLimitExceededException", message)

    def _check_role(self, project: Project) -> None:
        role = project["serviceRole"]
        try:
            self.world.assume(role, "codebuild.amazonaws.com", "AWSCodeBuild", project["arn"])
        except ServiceError as error:
            message = f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}. {error.message}"
            raise invalid(message) from error


def _short(name: str) -> str:
    """Return the name in an ARN, or the name itself."""
    return name.partition("/")[2] if name.startswith("arn:") else name


def _ordered(items: list[Any], request: Request, default: str) -> list[Any]:
    return items[::-1] if request.get("sortOrder", default) == "DESCENDING" else items
