"""The projects of an account that were made from this catalogue's templates, each beside what is published."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smproject import origin, projects, stacks
from smproject.origin import Origin
from smproject.status.newest import Newest, Published, UnknownError

_ENDED = ("DeleteInProgress", "DeleteCompleted")
# SageMaker updates no such project.
_STUCK = ("CreateFailed", "DeleteFailed")


@dataclass(frozen=True)
class Project:
    """A project, the template that its stack was made from, and the newest version of that, or why it isn't known."""

    name: str
    id: str
    status: str
    stack: str
    made: Origin
    newest: Newest | None
    is_outdated: bool
    why: str

    @property
    def told(self) -> dict[str, Any]:
        """What programs are told; `outdated` is null where it isn't known."""
        return {
            "name": self.name,
            "id": self.id,
            "status": self.status,
            "template": self.made.template,
            "version": self.made.name,
            "newest": self.newest.name if self.newest else None,
            "outdated": self.is_outdated if self.newest else None,
            "why": self.why,
        }


def find(session: Any, published: Published) -> list[Project]:
    """The account's projects of this catalogue, by name; raises DeploymentError when AWS refuses."""
    with stacks.refusals("list the projects"):
        return sorted(_found(session, published), key=lambda each: each.name)


def _found(session: Any, published: Published) -> Iterator[Project]:
    sagemaker, cloudformation = session.client("sagemaker"), session.client("cloudformation")
    for page in sagemaker.get_paginator("list_projects").paginate():
        for each in page["ProjectSummaryList"]:
            if each["ProjectStatus"] not in _ENDED:
                described = sagemaker.describe_project(ProjectName=each["ProjectName"])
                name = projects.stack_name(described)
                stack = stacks.find(cloudformation, name) if name else None
                if stack and (made := origin.of_stack(cloudformation, stack)):
                    yield _beside(described, made, published)


def _beside(described: Mapping[str, Any], made: Origin, published: Published) -> Project:
    name, status = described["ProjectName"], described["ProjectStatus"]
    newest, why = None, f"it is {status}: all that is left is smproject destroy --project {name}"
    if status not in _STUCK:
        try:
            newest, why = published.newest(described), ""
        except UnknownError as error:
            why = str(error)
    stack, outdated = projects.stack_name(described), newest is not None and _is_outdated(made, newest, published)
    return Project(name, described["ProjectId"], status, stack, made, newest, outdated, why)


def _is_outdated(made: Origin, newest: Newest, published: Published) -> bool:
    """Whether an update would change a project; by the digests alone where the newest template can't be read."""
    if made.key == newest.key:
        return False
    text = published.text(newest)
    return text is None or made.is_outdated(text)
