"""Whose a resource is: by the tags of projects' resources, else by the project's id in its name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from smproject.errors import DeploymentError

# https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-projects-resources.html
NAME_TAG, ID_TAG = "sagemaker:project-name", "sagemaker:project-id"


@dataclass(frozen=True)
class Owner:
    """A project; `is_live` when SageMaker still knows it. Ids are random, so a name with one is no accident."""

    name: str
    id: str
    is_live: bool

    def is_in(self, name: str) -> bool:
        """Whether a name holds the project's id as a word of its own."""
        return re.search(rf"(?<![a-z0-9]){re.escape(self.id)}(?![a-z0-9])", name) is not None

    def owns(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether a resource of that name and with these tags is the project's: the tag decides where there is one."""
        return tags[ID_TAG] == self.id if ID_TAG in tags else self.is_in(name)


def find(session: Any, project: str) -> list[Owner]:
    """Find the projects of a name or id: the live one, else those of which something is tagged.

    Raises DeploymentError when there is none.
    """
    sagemaker = session.client("sagemaker")
    for page in sagemaker.get_paginator("list_projects").paginate():
        for each in page["ProjectSummaryList"]:
            if project in (each["ProjectName"], each["ProjectId"]) and each["ProjectStatus"] != "DeleteCompleted":
                return [Owner(each["ProjectName"], each["ProjectId"], is_live=True)]
    found = {owner for key in (ID_TAG, NAME_TAG) for owner in _tagged(session, key, project)}
    # What has both tags tells the name; it comes last, and counts.
    owners = {owner.id: owner for owner in sorted(found, key=lambda owner: owner.name != owner.id)}
    if not owners:
        raise DeploymentError(
            f"There is no project {project!r} in this account and Region, and nothing is tagged as one's. "
            "See: aws sagemaker list-projects"
        )
    return sorted(owners.values(), key=lambda owner: owner.id)


def tagged(session: Any, key: str, value: str) -> Iterable[tuple[str, dict[str, str]]]:
    """Yield ARN and tags of the resources with a tag."""
    pages = session.client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=[{"Key": key, "Values": [value]}]):
        for each in page["ResourceTagMappingList"]:
            yield each["ResourceARN"], tags_of(each["Tags"])


def tags_of(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags by key, of a list of keys and values, whichever way a service writes these."""
    return {each.get("Key", each.get("TagKey", "")): each.get("Value", each.get("TagValue", "")) for each in tags}


def _tagged(session: Any, key: str, value: str) -> Iterable[Owner]:
    for _, tags in tagged(session, key, value):
        if ID_TAG in tags:
            yield Owner(tags.get(NAME_TAG, tags[ID_TAG]), tags[ID_TAG], is_live=False)
