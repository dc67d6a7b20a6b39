"""Checks of the launch roles: that they are there, whom they trust, and that they suffice."""

import fnmatch
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject import catalog, stacks
from smproject.catalog import ADMIN, PROJECTS
from smproject.doctor import expected, policies
from smproject.doctor.check import check
from smproject.doctor.findings import ERROR, NOTE, Found
from smproject.doctor.place import Place, aws
from smproject.looking import reading

_TEMPLATE = "launch-role"
_ROLES = {PROJECTS: "LaunchRole", ADMIN: "LaunchAdminRole"}


@check(
    "launch-role",
    "The launch roles are there.",
    ERROR,
    "https://docs.aws.amazon.com/servicecatalog/latest/adminguide/constraints-launch.html",
)
def launch_role(place: Place) -> Iterator[Found]:
    """Look for the roles that the account's stack made."""
    for role in names(place).values():
        if not find(place, role):
            # CloudFormation does not miss what was deleted behind its back: only a new stack makes it again.
            stack = stacks.stack_name(place.published.template(_TEMPLATE))
            delete = aws("cloudformation", "delete-stack", "--stack-name", stack)
            yield Found(f"role {role} is missing.", f"{delete} && {place.preparation}")


@check(
    "launch-role-trust",
    "The launch roles trust whom the template names, for the accounts and ARNs that it names, and no others.",
    ERROR,
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)
def trust(place: Place) -> Iterator[Found]:
    """Compare the trust policies with the template's."""
    for role, logical in _made(place):
        if not (described := find(place, role)):
            continue
        ours = _resources(place)[logical]["Properties"]["AssumeRolePolicyDocument"]
        lacking, strange = expected.differences(ours, described["AssumeRolePolicyDocument"])
        words = ["--role-name", role, "--policy-document", json.dumps(ours)]
        mend = _mend(place, aws("iam", "update-assume-role-policy", *words))
        if strange:
            yield Found(f"role {role} trusts {expected.told(strange)} otherwise than the template.", mend)
        elif lacking:
            yield Found(f"role {role} doesn't trust {expected.told(lacking)} as the template says.", mend)


@check(
    "launch-role-permissions",
    "The launch roles may do all that CloudFormation's handlers need for the templates.",
    ERROR,
    "https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html",
)
def permissions(place: Place) -> Iterator[Found]:
    """Compare what the live roles are granted with what the resources of the templates need, as `audit` does."""
    for portfolio, role in names(place).items():
        if not find(place, role):
            continue
        try:
            lacking = _lacking(place, portfolio, role)
        except ImportError as error:
            told = f"{error.name} isn't installed, so it isn't known what handlers need."
            yield Found(told, "pip install 'sagemaker-project-templates[sandbox]'", severity=NOTE)
            return
        if lacking:
            told = f"role {role} lacks {', '.join(sorted(lacking))}, for {', '.join(sorted(set(lacking.values())))}."
            yield Found(told, _mend(place, commands(place, role, _ROLES[portfolio])))


def names(place: Place) -> dict[str, str]:
    """Names of the launch roles by portfolio; none where the account is not prepared."""
    if not place.stack(_TEMPLATE):
        return {}
    return {portfolio: _resources(place)[logical]["Properties"]["RoleName"] for portfolio, logical in _ROLES.items()}


def find(place: Place, role: str) -> dict[str, Any] | None:
    """Describe a role of the account, or None when there is none of that name."""
    try:
        found: dict[str, Any] = place.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise
    return found


def commands(place: Place, role: str, logical: str) -> str:
    """Commands that give a role what it lacks of the template's policies; else the audit of the template."""
    live, found = policies.live(place, role), []
    for each in policies.declared(_resources(place), logical):
        if expected.differences(each.document, live.get(each.name, {}))[0]:
            found.append(each.command(place, role, is_there=each.name in live))
    return " && ".join(found) or "smproject audit"


def _made(place: Place) -> list[tuple[str, str]]:
    return [(role, _ROLES[portfolio]) for portfolio, role in names(place).items()]


def _resources(place: Place) -> dict[str, dict[str, Any]]:
    return expected.resources(place, _TEMPLATE)


def _lacking(place: Place, portfolio: str, role: str) -> dict[str, str]:
    """Actions that a portfolio's templates need and its live role lacks, each with one of these templates.

    What the role's template gives on a condition that isn't met here is lacking on purpose.
    """
    logical, content = _ROLES[portfolio], reading.read(place.published.template(_TEMPLATE).path)
    granted = policies.actions(policies.live(place, role).values())
    here = policies.actions(each.document for each in policies.declared(_resources(place), logical))
    anywhere = policies.actions(each.document for each in policies.declared(content["Resources"], logical))
    return {
        action: template
        for action, template in _needs(place.published.root, portfolio).items()
        if not _has(granted, action) and (_has(here, action) or not _has(anywhere, action))
    }


@lru_cache
def _needs(root: Path, portfolio: str) -> dict[str, str]:
    """Actions that handlers need for a portfolio's templates, each with one of these."""
    from smproject.audit import handlers  # noqa: PLC0415  # it needs the `sandbox` extra

    templates = [each for each in catalog.templates(root) if each.portfolio == portfolio]
    return {
        need.action: template.id
        for template in templates
        for need in handlers.needs(reading.read(template.path)["Resources"])
    }


def _has(granted: list[str], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in granted)


def _mend(place: Place, command: str) -> str:
    """The command, unless the stack is of another version: then an update is what mends."""
    return command if place.is_current(_TEMPLATE) else place.preparation


CHECKS = (launch_role, trust, permissions)
