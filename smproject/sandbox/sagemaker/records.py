"""What SageMaker keeps of resources that do nothing here: their facts, by ARN."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.service import Request, ServiceError, now, page

Facts = dict[str, Any]


@dataclass
class Records:
    """The resources of one kind, oldest first; the messages are AWS's, with the resource's ARN and name filled in."""

    missing: str
    taken: str = ""
    facts: dict[str, Facts] = field(default_factory=dict)

    def add(self, arn: str, facts: Facts) -> Facts:
        """Keep a new resource; raises ServiceError (ResourceInUse) when there is one."""
        if arn in self.facts:
            raise ServiceError("ResourceInUse", _told(self.taken, arn))
        moment = now()
        self.facts[arn] = {**facts, "CreationTime": moment, "LastModifiedTime": moment}
        return self.facts[arn]

    def find(self, arn: str) -> Facts:
        """Return a resource; raises ServiceError (ResourceNotFound) when there is none."""
        if arn not in self.facts:
            raise ServiceError("ResourceNotFound", _told(self.missing, arn))
        return self.facts[arn]

    def change(self, arn: str, facts: Facts) -> Facts:
        """Change facts of a resource."""
        found = self.find(arn)
        found |= {**facts, "LastModifiedTime": now()}
        return found

    def remove(self, arn: str) -> None:
        """Forget a resource; raises ServiceError (ResourceNotFound) when there is none."""
        self.find(arn)
        del self.facts[arn]

    def below(self, prefix: str) -> list[Facts]:
        """Return the resources whose ARN begins with a prefix."""
        return [facts for arn, facts in list(self.facts.items()) if arn.startswith(prefix)]


def _told(message: str, arn: str) -> str:
    return message.format(arn=arn, name=arn.rpartition("/")[2])


def given(request: Request, *names: str) -> Facts:
    """Return the named members that a request holds."""
    return {name: request[name] for name in names if name in request}


def listing(  # noqa: PLR0913, PLR0917 - List operations differ in all of these
    found: list[Facts],
    request: Request,
    key: str,
    shown: tuple[str, ...],
    sorts: dict[str, str] | None = None,
    order: str = "Ascending",
) -> dict[str, Any]:
    """Return a page of summaries; `sorts` are the members that SortBy names, where they are called otherwise."""
    wanted: str = request.get("SortBy", "CreationTime")
    by = (sorts or {}).get(wanted, wanted)
    ordered = sorted(found, key=lambda item: item[by], reverse=request.get("SortOrder", order) == "Descending")
    return page([given(item, *shown) for item in ordered], request, key)
