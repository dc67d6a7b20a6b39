"""Bring a project to the newest version of its template: what that would change, then the update itself.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateProject.html
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from smproject import projects, stacks
from smproject.errors import DeploymentError
from smproject.planning import templates
from smproject.planning.templates import TemplateChange
from smproject.planning.text import template_lines
from smproject.progress import Progress
from smproject.status.newest import Newest, Published
from smproject.status.projects import Project

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Update:
    """An update of a project, and what it would change; None where the newest template can't be read."""

    project: Project
    newest: Newest
    change: TemplateChange | None

    @property
    def may_lose(self) -> bool:
        """Whether it replaces or deletes resources that are not kept, or nobody can tell."""
        return self.change is None or any(not each.kept for each in self.change.resources)

    def needs(self, given: Mapping[str, str]) -> list[str]:
        """Parameters that are new, have no default, and are not given."""
        added = self.change.parameters if self.change else ()
        return [each.name for each in added if each.needed and each.name not in given]


@dataclass(frozen=True)
class Way:
    """How to update: values for parameters, whether only to show, how to tell, and whom to ask before a loss."""

    given: Mapping[str, str]
    dry_run: bool
    tell: Progress
    agree: Callable[[str], object]  # raises unless somebody agrees


@dataclass
class Outcome:
    """Names of the projects that were updated, and why each of the others was not."""

    updated: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def select(found: Sequence[Project], names: Sequence[str]) -> list[Project]:
    """The projects of these names; raises DeploymentError for a name that none of them has."""
    by_name = {each.name: each for each in found}
    for name in names:
        if name not in by_name:
            raise DeploymentError(
                f"There is no project {name!r} of this catalogue's templates in this account and Region, or its stack "
                "is gone. See: smproject status"
            )
    return [by_name[name] for name in dict.fromkeys(names)]


def update(session: Any, published: Published, chosen: Iterable[Project], way: Way) -> Outcome:
    """Update one project after another; one that fails keeps no other from its update."""
    outcome = Outcome()
    for project in chosen:
        try:
            planned = plan(session, published, project, way.given)
            if planned and _carry_out(session, planned, way):
                outcome.updated.append(project.name)
            elif not planned:
                way.tell(f"project {project.name}: nothing to do, it is made from the newest version")
        except DeploymentError as error:
            outcome.failed[project.name] = str(error)
    return outcome


def plan(session: Any, published: Published, project: Project, given: Mapping[str, str]) -> Update | None:
    """Say what an update would change; None when the project is current and no value is given.

    Raises DeploymentError when the project can't be updated.
    """
    if project.newest is None:
        raise DeploymentError(f"Project {project.name} can't be updated: {project.why}.")
    if not project.is_outdated and not given:
        return None
    if project.status.endswith("InProgress"):
        raise DeploymentError(f"Project {project.name} is {project.status}. Run the command again when that has ended.")
    with stacks.refusals(f"look at project {project.name}"):
        if stack := stacks.find(session.client("cloudformation"), project.stack):
            stacks.refuse_stuck(stack)
        text = published.text(project.newest)
    change = templates.compare(templates.read(project.made.text), templates.read(text)) if text else None
    return Update(project, project.newest, change)


def _carry_out(session: Any, planned: Update, way: Way) -> bool:
    """Show an update, and make it unless it is only to be shown."""
    for line in lines(planned):
        way.tell(line)
    for name in way.given:
        way.tell(f"  parameter {name}: the value that is given")
    if way.dry_run:
        return False
    if planned.may_lose:
        way.agree(f"Resources of project {planned.project.name} may be replaced or deleted. Update it?")
    make(session, planned, way.given, way.tell)
    way.tell(f"project {planned.project.name}: made from {planned.newest.name}")
    return True


def lines(planned: Update) -> Iterator[str]:
    """Yield what an update would change, line by line."""
    made = planned.project.made
    yield f"project {planned.project.name}: from {made.template} {made.name} to {planned.newest.name}"
    yield from template_lines(planned.change, "the project")
    if planned.change is None:
        yield "  its newest template can't be read: what changes isn't known"


def make(session: Any, update: Update, given: Mapping[str, str], progress: Progress) -> None:
    """Update a project and wait for the end; raises DeploymentError with the reason when that is a failure."""
    name, cloudformation = update.project.name, session.client("cloudformation")
    if needed := update.needs(given):
        options = " ".join(f"--parameter {each}=VALUE" for each in needed)
        raise DeploymentError(
            f"Project {name} can't be updated: its template now needs {', '.join(needed)}. "
            f"Run: smproject status --update {name} {options}"
        )
    with stacks.refusals(f"update project {name}"):
        seen = {each["EventId"] for each in stacks.events(cloudformation, update.project.stack)}
        session.client("sagemaker").update_project(ProjectName=name, **_request(update.newest, given))
        told, happened = _follow(session, update.project, seen, progress)
    if told["ProjectStatus"] != "UpdateCompleted":
        why = " ".join(("; ".join(stacks.failures(happened)) or projects.reason(told)).split()).rstrip(".")
        raise DeploymentError(
            f"Project {name} is {told['ProjectStatus']}: {why}. Mend the cause, then: smproject status --update {name}"
        )


def _request(newest: Newest, given: Mapping[str, str]) -> dict[str, Any]:
    """What UpdateProject is asked for, with values for parameters; those not given stay as they are."""
    values = [{"Key": key, "Value": value} for key, value in given.items()]
    if not values:
        return dict(newest.request)
    if details := newest.request.get("ServiceCatalogProvisioningUpdateDetails"):
        return {"ServiceCatalogProvisioningUpdateDetails": {**details, "ProvisioningParameters": values}}
    [provider] = newest.request["TemplateProvidersToUpdate"]
    template = {**provider["CfnTemplateProvider"], "Parameters": values}
    return {"TemplateProvidersToUpdate": [{"CfnTemplateProvider": template}]}


def _follow(
    session: Any, project: Project, seen: set[str], progress: Progress
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Tell what becomes of the stack's resources until the project is at rest; returns it, and the stack's events."""
    sagemaker, cloudformation = session.client("sagemaker"), session.client("cloudformation")
    happened: list[dict[str, Any]] = []
    while True:
        described: dict[str, Any] = sagemaker.describe_project(ProjectName=project.name)
        for event in stacks.events(cloudformation, project.stack, seen):
            seen.add(event["EventId"])
            happened.append(event)
            progress(f"  {event['LogicalResourceId']}: {event['ResourceStatus']}")
        if not described["ProjectStatus"].endswith(("Pending", "InProgress")):
            return described, happened
        time.sleep(_POLL_SECONDS)
