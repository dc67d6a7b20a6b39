"""The command status: projects beside what is published, and their updates."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from collections.abc import Sequence
from typing import Any

import click

from smproject.commands.console import echo_json, output_option, pairs, profile_option, progress, session_of


@click.command()
@click.option("--outdated", is_flag=True, help="Only those of which a newer version is published.")
@click.option("--update", "names", multiple=True, metavar="NAME", help="Update this project; may be given for each.")
@click.option("--update-all", is_flag=True, help="Update all that are outdated.")
@click.option(
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    callback=pairs,
    help="With one --update: another value; what isn't given stays.",
)
@click.option("--dry-run", is_flag=True, help="Show what the update would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask before resources are replaced or deleted.")
@profile_option
@output_option
def status(  # noqa: PLR0913, PLR0917  # one for each option
    outdated: bool,
    names: tuple[str, ...],
    update_all: bool,
    given: dict[str, str],
    dry_run: bool,
    yes: bool,
    profile: str | None,
    output: str,
) -> None:
    """List the account's projects of this catalogue, with their versions and the newest; or update some of them."""
    from smproject.status.newest import Published
    from smproject.status.projects import find
    from smproject.status.update import Way, select, update

    if (given and len(names) != 1) or (update_all and names):
        raise click.UsageError("--parameter goes with one --update NAME, and --update-all with no other.")
    session = session_of(profile)
    published = Published(session)
    found = find(session, published)
    old = [each for each in found if each.is_outdated]
    if names or update_all:
        way = Way(given, dry_run, progress(output), _agreed if yes else _ask)
        chosen = select(found, names) if names else old
        if not chosen:
            way.tell("nothing to do: no project is outdated")
        _conclude(update(session, published, chosen, way), output)
    else:
        _list(old if outdated else found, outdated=outdated, output=output)


def _ask(question: str) -> None:
    click.confirm(question, abort=True, err=True)


def _agreed(_: str) -> None:
    """Ask nothing."""


def _list(found: Sequence[Any], *, outdated: bool, output: str) -> None:
    if output == "json":
        echo_json([each.told for each in found])
        return
    rows = [(each.name, each.status, each.made.template, each.made.name, _state(each)) for each in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    if not found:
        click.echo("no project is outdated" if outdated else "no project of this catalogue", err=True)
    elif any(each.is_outdated for each in found):
        click.echo("to update one: smproject status --update NAME; all: smproject status --update-all", err=True)


def _state(project: Any) -> str:
    if project.newest is None:
        return f"not known: {project.why}"
    return f"outdated, the newest is {project.newest.name}" if project.is_outdated else "newest"


def _conclude(outcome: Any, output: str) -> None:
    """Say how the updates ended; exit 1 where one failed."""
    if output == "json":
        echo_json({"updated": outcome.updated, "failed": outcome.failed, "changed": bool(outcome.updated)})
    for message in outcome.failed.values():
        click.echo(f"Error: {message}", err=True)
    raise SystemExit(bool(outcome.failed))
