"""Commands of the hub account: plan, publish, share and connect."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from smproject.commands.console import (
    Command,
    conclude,
    echo_json,
    output_option,
    profile_option,
    progress,
    role_option,
    session_of,
)

# Options by the target that they are for.
OPTIONS = {"folder": "folder", "domain": "s3"}
INTERRUPTED = 130


@contextmanager
def resumable() -> Iterator[None]:
    """Say, when a person stops the command, that it may be run again; exit status 130."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted. Run the same command again: it goes on where it stopped.", err=True)
        raise SystemExit(INTERRUPTED) from None


# What is published, and how: the same for `publish` and for `plan`.
PUBLICATION = (
    click.option(
        "--to",
        "target",
        type=click.Choice(["service-catalog", "s3", "folder"]),
        default="service-catalog",
        show_default=True,
        help="Where people find the templates.",
    ),
    click.option("--folder", type=click.Path(path_type=Path), help="Folder for --to folder."),
    click.option("--principal", metavar="PATTERN", help="Roles that may create projects: arn:aws:iam:::role/NAME."),
    click.option("--admin-principal", metavar="PATTERN", help="Roles that may use the portfolio of administrators."),
    click.option(
        "--launch-role", metavar="ROLE", help="Role that makes projects: its name in each account, or an ARN."
    ),
    click.option("--admin-launch-role", metavar="ROLE", help="The same for the portfolio of administrators."),
    click.option(
        "--tag-option",
        "tags",
        multiple=True,
        metavar="KEY=VALUE",
        help="Tag for whatever is launched; several values of a key are a choice. Those not named go.",
    ),
    click.option(
        "--domain",
        "domains",
        multiple=True,
        metavar="ID",
        help="Studio domain of the hub that offers the templates in S3.",
    ),
)


def publication_options(command: Command) -> Command:
    """The options that say what is published, and how."""
    for option in reversed(PUBLICATION):
        command = option(command)
    return command


@click.command()
@publication_options
@profile_option
@output_option
def publish(  # noqa: PLR0913, PLR0917  # one for each option
    target: str,
    folder: Path | None,
    principal: str | None,
    admin_principal: str | None,
    launch_role: str | None,
    admin_launch_role: str | None,
    tags: tuple[str, ...],
    domains: tuple[str, ...],
    profile: str | None,
    output: str,
) -> None:
    """Publish the templates; but for a folder, needs the hub's credentials."""
    chosen: dict[str, Any] = {"principal": principal, "admin_principal": admin_principal, "launch_role": launch_role}
    chosen |= {"admin_launch_role": admin_launch_role, "tags": tags}
    _refuse_strange_options(target, {"folder": folder, "domain": domains, **chosen})
    with resumable():
        if target == "folder" and folder:
            _publish_to_folder(folder, output)
        elif target == "s3":
            _publish_to_s3(session_of(profile), domains, output)
        else:
            _publish_to_service_catalog(session_of(profile), chosen, output)


@click.command()
@publication_options
@click.option("--check", is_flag=True, help="Exit 1 when there is something to do.")
@profile_option
@output_option
def plan(  # noqa: PLR0913, PLR0917  # one for each option
    target: str,
    folder: Path | None,
    domains: tuple[str, ...],
    check: bool,
    profile: str | None,
    output: str,
    **chosen: Any,
) -> None:
    """Show what `publish` with the same options would do, and do nothing; exit 1 when it would be stopped."""
    from smproject.planning import plan as planning
    from smproject.planning.schemas import can_tell
    from smproject.planning.text import lines, sources
    from smproject.publishing.service_catalog import choices

    _refuse_strange_options(target, {"folder": folder, "domain": domains, **chosen})
    if target == "folder" and folder:
        found = planning.to_folder(folder)
    elif target == "s3":
        found = planning.to_s3(session_of(profile), domains)
    else:
        found = planning.to_service_catalog(session_of(profile), choices(**chosen))
    if output == "json":
        counted = {"changed": found.changed, "blocked": found.blocked, "widened": found.widened}
        echo_json({**asdict(found), **counted, "replacements_known": can_tell()})
    else:
        for line in lines(found):
            click.echo(line)
    if source := sources(found):
        click.echo(source, err=True)
    raise SystemExit(bool(found.blocked or (check and found.changed)))


def _refuse_strange_options(target: str, given: Mapping[str, Any]) -> None:
    if target == "folder" and not given["folder"]:
        raise click.UsageError("--to folder needs --folder PATH.")
    for name, value in given.items():
        needed = OPTIONS.get(name, "service-catalog")
        if value and needed != target:
            option = "tag-option" if name == "tags" else name.replace("_", "-")
            raise click.UsageError(f"--{option} is for --to {needed}.")


def _publish_to_folder(folder: Path, output: str) -> None:
    from smproject.publish import publish_to_folder

    done = publish_to_folder(folder, progress(output))
    conclude({"folder": str(folder), "files": done.files}, output, done.changed, f"folder {folder}")


def _publish_to_s3(session: Any, domains: tuple[str, ...], output: str) -> None:
    from smproject.publish import publish_to_s3
    from smproject.publishing.hub import domain_tag

    tell = progress(output)
    done = publish_to_s3(session, tell, domains)
    tag = domain_tag(done.bucket)
    if not domains:
        tell(f"Studio offers them in a domain with the tag {tag['Key']}={tag['Value']}: --domain ID sets it")
    conclude({**asdict(done), "domain_tag": tag}, output, done.changed, f"bucket {done.bucket}")


def _publish_to_service_catalog(session: Any, chosen: Mapping[str, Any], output: str) -> None:
    from smproject.publish import publish as publish_catalogue
    from smproject.publishing.service_catalog import choices

    done = publish_catalogue(session, None, progress(output), chosen=choices(**chosen))
    conclude(
        {**asdict(done), "portfolio_id": done.portfolio_id}, output, done.changed, f"portfolio {done.portfolio_id}"
    )


@click.command()
@click.option("--account", metavar="ID", help="Account that shall create projects.")
@click.option("--ou", "unit", metavar="ID", help="Organizational unit whose accounts shall create projects.")
@click.option(
    "--domain",
    "domains",
    multiple=True,
    metavar="ID",
    help="Studio domain of the account that offers the templates in S3.",
)
@role_option
@profile_option
@output_option
def share(  # noqa: PLR0913, PLR0917  # one for each option
    account: str | None, unit: str | None, domains: tuple[str, ...], role_name: str, profile: str | None, output: str
) -> None:
    """Share the catalogue with an account or an organizational unit, and prepare it; needs the hub's credentials."""
    from smproject.share import share as share_with_account
    from smproject.share import share_with_unit

    if bool(account) == bool(unit):
        raise click.UsageError("Give --account ID or --ou ID, one of them.")
    if unit and domains:
        raise click.UsageError("--domain goes with --account: a domain belongs to one account.")
    session, tell = session_of(profile), progress(output)
    with resumable():
        if unit:
            done = share_with_unit(session, unit, role_name, tell)
        else:
            done = share_with_account(session, str(account), role_name, tell, domains=domains)
    subject = f"organizational unit {unit}" if unit else f"account {account}"
    conclude(asdict(done), output, done.changed, subject)


@click.command()
@click.argument("project")
@click.option("--account", required=True, metavar="ID", help="Account of the project.")
@click.option(
    "--target",
    "targets",
    required=True,
    multiple=True,
    metavar="ID",
    help="Its staging or production account; may be given for each.",
)
@role_option
@profile_option
@output_option
def connect(  # noqa: PLR0913, PLR0917  # one for each option
    project: str, account: str, targets: tuple[str, ...], role_name: str, profile: str | None, output: str
) -> None:
    """Let PROJECT deploy into accounts, by the roles that it needs there; needs the hub's credentials."""
    from smproject.connect import connect as connect_project

    done = connect_project(session_of(profile), project, account, targets, role_name, progress(output))
    conclude(asdict(done), output, done.changed, f"project {done.project}")
