"""Commands that check: validate, audit and doctor."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

import re
from typing import Any

import click

from smproject.commands.console import (
    echo_json,
    output_option,
    profile_option,
    progress,
    role_option,
    session_of,
    template_argument,
)


@click.command()
@output_option
def validate(output: str) -> None:
    """Check manifests, templates and pipelines offline; exit 1 when something is to be mended."""
    from dataclasses import asdict

    from smproject.compilation import can_compile
    from smproject.validate import validate as findings_in

    if not can_compile():
        click.echo("pipelines are not compiled: run pip install 'sagemaker-project-templates[build]'", err=True)
    findings = list(findings_in())
    if output == "json":
        echo_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo(f"{len(findings)} findings", err=True)
    raise SystemExit(bool(findings))


@click.command()
@template_argument(required=False)
@click.option("--project", metavar="NAME", help="A project that runs in the sandbox: what its roles did.")
@click.option("--all", "everything", is_flag=True, help="Show what is explained as well.")
@output_option
def audit(template: str | None, project: str | None, everything: bool, output: str) -> None:
    """Compare what the roles of TEMPLATE, of all, or of a project may do with what is needed; exit 1 where they differ.

    They differ where a permission is missing, or there and nobody says why.
    """
    from dataclasses import asdict

    from smproject import audit as auditing

    if template and project:
        raise click.UsageError("Name a template or a project, not both.")
    findings = list(auditing.of_project(project) if project else auditing.of_templates(template))
    unsolved = [finding for finding in findings if finding.is_open]
    if output == "json":
        echo_json([asdict(finding) for finding in findings])
    else:
        for finding in findings if everything else unsolved:
            click.echo(str(finding))
        click.echo(f"{len(unsolved)} to be mended, {len(findings) - len(unsolved)} explained", err=True)
    raise SystemExit(bool(unsolved))


def _account_ids(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is no account id."""
    for value in values:
        if not re.fullmatch(r"[0-9]{12}", value):
            raise click.BadParameter(f"{value!r} is not an account id. Give its 12 digits.", param=option)
    return values


@click.command()
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="ID",
    callback=_account_ids,
    help="Account that uses the catalogue; may be given for each. Else those that it is shared with.",
)
@click.option("--project", default="", metavar="NAME", help="Of projects, look at this one alone; its name or id.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend, say so, and look again.")
@role_option
@profile_option
@output_option
def doctor(  # noqa: PLR0913, PLR0917  # one for each option
    accounts: tuple[str, ...], project: str, fix: bool, role_name: str, profile: str | None, output: str
) -> None:
    """Find what is wrong with the published catalogue and the accounts that use it; exit 1 when something is.

    Each finding comes with the command that mends it. Needs the hub's credentials.
    """
    from smproject.doctor.examination import Asked, examine, mend, places

    session, asked = session_of(profile), Asked(role_name, accounts, project)
    findings = list(examine(places(session, asked)))
    mended = mend(findings, progress(output)) if fix else []
    if mended:
        findings = list(examine(places(session, asked)))
    _tell(findings, mended, output)
    raise SystemExit(any(finding.is_open for finding in findings))


def _tell(findings: list[Any], mended: list[Any], output: str) -> None:
    if output == "json":
        echo_json({"mended": [each.told for each in mended], "findings": [each.told for each in findings]})
        return
    for finding in findings:
        click.echo(str(finding))
    count = sum(finding.is_open for finding in findings)
    click.echo(f"{count} findings, {len(findings) - count} notes, {len(mended)} mended", err=True)
