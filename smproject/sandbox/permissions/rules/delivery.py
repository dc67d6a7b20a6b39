"""The services that deliver: builds belong to projects, reports to groups, products and portfolios tell their kind."""

from __future__ import annotations

import re

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Name, Rule, arn, first


def _project(asked: Asked, named: str) -> str:
    """Return a project by its name or ARN, or by those of one of its builds, `name:id`."""
    return re.sub(r"^(arn:.*):build(-batch)?/", r"\1:project/", _before(named, 6))


def _report_group(asked: Asked, named: str) -> str:
    return _before(named, 6).replace(":report/", ":report-group/")


def _before(named: str, colons: int) -> str:
    """Cut off what follows the name, in a name or an ARN."""
    parts = named.split(":")
    return ":".join(parts[:colons]) if named.startswith("arn:") else parts[0]


def _repository(asked: Asked, named: str) -> str:
    """Return an image repository, which may be another registry's."""
    registry = first(asked, "{registryId}")
    return named if named.startswith("arn:") or not registry else arn(asked, f"repository/{named}", registry)


def _of_kind(start: str) -> Name:
    return lambda _, named: named if named.startswith((start, "arn:")) else ""


RULES: dict[tuple[str, str], Rule] = {}
NAMES: dict[tuple[str, str], Name] = {
    ("codebuild", "project"): _project,
    ("codebuild", "reportgroup"): _report_group,
    ("ecr", "repository"): _repository,
    ("servicecatalog", "portfolio"): _of_kind("port-"),
    ("servicecatalog", "product"): _of_kind("prod-"),
}
