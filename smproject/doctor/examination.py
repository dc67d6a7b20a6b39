"""Make the checks in each place; mend what is safe to mend, and look again."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject import stacks
from smproject.catalog import ROOT
from smproject.doctor.check import Check
from smproject.doctor.checks import CHECKS
from smproject.doctor.findings import WARNING, Finding, Found
from smproject.doctor.place import Place, published
from smproject.doctor.portfolios import sharers
from smproject.doctor.projects import projects
from smproject.errors import DeploymentError
from smproject.progress import Progress
from smproject.publishing import sharing
from smproject.session import session_in

_ACTION = re.compile(r"perform: ([a-z0-9-]+:[A-Za-z0-9]+)")


@dataclass(frozen=True)
class Asked:
    """What shall be looked at: accounts, or those that the catalogue is shared with; a project; and how to get in."""

    role_name: str
    accounts: Sequence[str] = ()
    project: str = ""


def places(session: Any, asked: Asked, root: Path = ROOT) -> list[Place]:
    """The hub, and the accounts that use its catalogue; raises DeploymentError when nothing is published.

    An account that lets nobody in is among them, with the reason.
    """
    with stacks.refusals("find the catalogue"):
        there = published(session, root)
        found = [Place(there.account, session, there, session, project=asked.project)]
        shared = _shared(session, found[0])
        for account in asked.accounts or shared:
            if account != there.account:
                found.append(_enter(session, found[0], account, shared.get(account, ""), asked))
        if asked.project and not any(list(projects(each)) for each in found if not each.refusal):
            raise DeploymentError(
                f"There is no project {asked.project!r} of this catalogue in {', '.join(p.account for p in found)}. "
                "Name its account by --account, or see: aws sagemaker list-projects"
            )
    return found


def examine(where: Iterable[Place], checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Yield what is wrong in each place; raises DeploymentError when AWS answers otherwise than by refusing a check."""
    for place in where:
        for check in checks:
            if check.is_for(place) and (check is CHECKS[0] or not place.refusal):
                with stacks.refusals(f"make the check {check.id} in account {place.account}"):
                    yield from _made(check, place)


def mend(findings: Iterable[Finding], progress: Progress) -> list[Finding]:
    """Mend what is safe to mend, and say so, or what AWS refused; returns what was mended."""
    done = []
    for finding in findings:
        if finding.fix:
            named = f"{finding.account} {finding.check}: {finding.what}"
            try:
                finding.fix()
            except ClientError as error:
                # The others may be mended still, and a second look finds this one again.
                progress(f"refused {named} {error}")
                continue
            progress(f"mended  {named}")
            done.append(finding)
    return done


def _made(check: Check, place: Place) -> Iterator[Finding]:
    try:
        for found in check.look(place):
            yield _finding(check, place, found)
    except ClientError as error:
        if error.response["Error"]["Code"] not in stacks.DENIED:
            raise
        yield _finding(check, place, _denied(error, place))


def _denied(error: ClientError, place: Place) -> Found:
    """A check that may not be made, as a finding that names the permission."""
    named = _ACTION.search(str(error))
    action = named[1] if named else error.operation_name
    who = place.client("sts").get_caller_identity()["Arn"]
    told = f"can't be checked: {who} may not do {action}. Ask for that permission, or use other credentials."
    return Found(told, "smproject doctor", severity=WARNING)


def _finding(check: Check, place: Place, found: Found) -> Finding:
    severity = found.severity or check.severity
    return Finding(check.id, severity, place.account, found.what, found.command, found.fix)


def _shared(session: Any, hub: Place) -> dict[str, str]:
    """Accounts that the portfolios are shared with, each with the unit by which it has them, if by one."""
    units = {unit for each in hub.published.portfolios for unit in sharers(session, each, "ORGANIZATIONAL_UNIT")}
    organizations = session.client("organizations") if units else None
    found = {account: unit for unit in sorted(units) for account in sharing.accounts_of(organizations, unit)}
    own = {account for each in hub.published.portfolios for account in sharers(session, each, "ACCOUNT")}
    return {**found, **dict.fromkeys(sorted(own), "")}


def _enter(session: Any, hub: Place, account: str, unit: str, asked: Asked) -> Place:
    try:
        there, refusal = session_in(session, account, asked.role_name), ""
    except DeploymentError as error:
        there, refusal = None, str(error)
    return Place(account, there, hub.published, session, unit, asked.project, refusal)
