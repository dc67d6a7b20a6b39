"""Commands on what templates become: estimate and destroy."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from pathlib import Path
from typing import Any

import click

from smproject.commands.console import (
    echo_json,
    output_option,
    pairs,
    profile_option,
    progress,
    session_of,
    template_argument,
)


def _numbers(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    """Read NAME=NUMBER of an option that may be given several times."""
    found = pairs(context, option, values)
    try:
        return {name: float(value) for name, value in found.items()}
    except ValueError as error:
        raise click.BadParameter(f"{error}. Give NAME=NUMBER.", param=option) from error


@click.command()
@template_argument(required=False)
@click.option(
    "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", callback=pairs, help="A parameter's value."
)
@click.option(
    "--assume", multiple=True, metavar="NAME=NUMBER", callback=_numbers, help="How much is used, for what is assumed."
)
@click.option("--hours-per-month", type=click.FloatRange(min=0), help="Hours for which an endpoint serves.")
@click.option("--region", default="us-east-1", show_default=True, help="Region whose prices count.")
@click.option("--refresh", is_flag=True, help="First write the Region's prices anew, through the Price List API.")
@click.option("--prices", type=click.Path(path_type=Path, dir_okay=False), help="Another price file.")
@profile_option
@output_option
def estimate(  # noqa: PLR0913, PLR0917  # one for each option
    template: str | None,
    parameters: dict[str, str],
    assume: dict[str, float],
    hours_per_month: float | None,
    region: str,
    refresh: bool,
    prices: Path | None,
    profile: str | None,
    output: str,
) -> None:
    """Estimate what a project of TEMPLATE costs a month, by a file of public prices."""
    from dataclasses import asdict

    from smproject import catalog
    from smproject import estimate as estimating
    from smproject.estimate.prices import FILE
    from smproject.estimate.text import lines

    path = prices or FILE
    if not (template or refresh):
        raise click.UsageError("Name a template, or give --refresh.")
    if refresh:
        _refresh(profile, region, path, output)
    if template:
        hours = {} if hours_per_month is None else {"hours": hours_per_month}
        found = estimating.estimate(catalog.template(template), region, parameters, {**assume, **hours}, path)
        if output == "json":
            echo_json(asdict(found))
        else:
            click.echo("\n".join(lines(found, path)))


def _refresh(profile: str | None, region: str, path: Path, output: str) -> None:
    from smproject.estimate.refresh import refresh

    tell = progress(output)
    found = refresh(session_of(profile), region, tell, path)
    tell(f"wrote {len(found)} prices of {region} to {path}")


@click.command()
@click.option("--project", required=True, metavar="NAME", help="Name or id of the project, live or deleted.")
@click.option("--yes", "confirmed", metavar="NAME", help="The project's name, instead of being asked for it.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@profile_option
@output_option
def destroy(project: str, confirmed: str | None, dry_run: bool, profile: str | None, output: str) -> None:
    """Delete a project and all that it leaves behind in an account: models, images, code, logs, data and key."""
    from smproject import destroy as destroying

    session, tell = session_of(profile), progress(output)
    found = destroying.inventory(session, project)
    for item in found.items:
        tell(f"{'would delete' if dry_run else 'will delete'} {item}")
    done = () if dry_run or not found.items else _destroyed(session, found, confirmed, tell)
    if output == "json":
        named = [{"kind": item.kind, "name": item.name} for item in (found.items if dry_run else done)]
        echo_json({"project": found.owner.name, "id": found.owner.id, "dry_run": dry_run, "items": named})
    elif not found.items:
        click.echo(f"project {found.owner.name}: nothing is left")


def _destroyed(session: Any, found: Any, confirmed: str | None, tell: Any) -> Any:
    """Delete what was found, once the project's name was given."""
    from smproject.destroy import destroy

    name = found.owner.name
    given = confirmed or click.prompt(f"This can't be undone. Type the project's name, {name}, to delete it", err=True)
    if given != name:
        raise click.UsageError(f"{given!r} is not the project's name, {name!r}. Nothing was deleted.")
    return destroy(session, found, tell)
