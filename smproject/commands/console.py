"""What the commands share: their common options, and how they open a session and answer."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
TEMPLATES = Path(__file__).parents[2] / "project_templates"

output_option = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the output."
)
profile_option = click.option("--profile", help="AWS profile; else what boto3 finds in the environment.")
role_option = click.option(
    "--role-name",
    default="OrganizationAccountAccessRole",
    show_default=True,
    help="Role in each account named here which the hub's credentials may assume.",
)


def template_argument(*, required: bool = True) -> Callable[[Command], Command]:
    """The argument TEMPLATE, which shells complete."""
    return click.argument("template", required=required, shell_complete=template_ids)


def template_ids(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Ids that begin so, from the names of folders: reading the manifests would make a shell wait."""
    return sorted(path.parent.name for path in TEMPLATES.glob(f"{typed}*/project.yaml"))


def pairs(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE of an option that may be given several times."""
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} isn't of the form NAME=VALUE.", param=option)
    return dict(value.split("=", 1) for value in values)


def session_of(profile: str | None) -> Any:
    """Open a session with AWS, by a profile or by the environment."""
    from smproject.session import open_session

    return open_session(profile)


def progress(output: str) -> Any:
    """Where progress goes: beside the result when a program reads it."""
    return lambda line: click.echo(line, err=output == "json")


def conclude(result: dict[str, Any], output: str, changed: bool, subject: str) -> None:
    """Say how it ended: what was done, or that there was nothing to do."""
    if output == "json":
        echo_json({**result, "changed": changed})
    else:
        click.echo(f"{subject}: ready" if changed else f"{subject}: nothing to do")


def echo_json(value: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(value, indent=2))
