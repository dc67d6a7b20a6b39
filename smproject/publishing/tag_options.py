"""Tag options of portfolios: tags that whatever is launched gets, or the values that may be chosen for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.publishing.paging import every

Tag = tuple[str, str]


@dataclass(frozen=True)
class Changes:
    """Tags to associate with a portfolio, and ids of tag options to associate no longer."""

    add: tuple[Tag, ...]
    remove: tuple[str, ...]


def parse(texts: Sequence[str]) -> tuple[Tag, ...]:
    """Read `key=value` texts; raises DeploymentError for anything else."""
    found = [text.partition("=") for text in texts]
    for key, _, value in found:
        if not key.strip() or not value.strip():
            raise DeploymentError(f"{key!r} is no tag option. Give it as key=value, such as cost-center=1234.")
    return tuple(dict.fromkeys((key.strip(), value.strip()) for key, _, value in found))


def changes(associated: dict[str, Tag], wanted: Sequence[Tag]) -> Changes:
    """Say what makes the associations the wanted ones; `associated` holds the portfolio's tag options by id."""
    return Changes(
        tuple(tag for tag in wanted if tag not in associated.values()),
        tuple(key for key, tag in associated.items() if tag not in wanted),
    )


def read(service_catalog: Any, portfolio: str) -> dict[str, Tag]:
    """The tag options of a portfolio, by id."""
    options = service_catalog.describe_portfolio(Id=portfolio).get("TagOptions", [])
    return {each["Id"]: (each["Key"], each["Value"]) for each in options}


def apply(service_catalog: Any, portfolio: str, todo: Changes, progress: Progress) -> None:
    """Do what `changes` said. Tag options belong to the account: those that there are, are used again."""
    known = {
        (each["Key"], each["Value"]): each for each in every(service_catalog, "list_tag_options", "TagOptionDetails")
    }
    for key, value in todo.add:
        found = known.get((key, value))
        if found is None:
            found = service_catalog.create_tag_option(Key=key, Value=value)["TagOptionDetail"]
        elif not found["Active"]:
            service_catalog.update_tag_option(Id=found["Id"], Active=True)
        service_catalog.associate_tag_option_with_resource(ResourceId=portfolio, TagOptionId=found["Id"])
        progress(f"portfolio {portfolio}: tag option {key}={value}")
    for each in todo.remove:
        service_catalog.disassociate_tag_option_from_resource(ResourceId=portfolio, TagOptionId=each)
        progress(f"portfolio {portfolio}: no longer tag option {each}")
