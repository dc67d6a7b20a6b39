"""Commands on repositories made from seeds: new and upgrade."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

import sys
from pathlib import Path
from typing import Any

import click

from smproject.commands.console import echo_json, output_option, pairs, template_argument

folder_argument = click.argument("folder", type=click.Path(path_type=Path), default=Path())


@click.command()
@template_argument()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--parameter", "given", multiple=True, metavar="NAME=VALUE", callback=pairs, help="A parameter's value.")
@click.option("--no-input", is_flag=True, help="Ask nothing, as where there is no terminal.")
@output_option
def new(template: str, folder: Path, given: dict[str, str], no_input: bool, output: str) -> None:
    """Write the seed of TEMPLATE into FOLDER, a new git repository whose code is yours to edit.

    Asks for the parameters that a project must be given, and keeps the values in parameters.json for `sandbox run`.
    """
    from smproject import catalog
    from smproject.errors import CatalogError
    from smproject.forks.answers import answers
    from smproject.forks.new import demand_empty
    from smproject.forks.new import new as make

    found = catalog.template(template)
    if not found.seeds:
        seeded = ", ".join(each.id for each in catalog.templates() if each.seeds)
        raise CatalogError(f"Template {template} has no seed. These have one: {seeded}.")
    demand_empty(folder)
    values = answers(found, given, None if no_input or not sys.stdin.isatty() else _ask)
    files = make(found, found.seeds[0], folder, values)
    if output == "json":
        echo_json({"template": found.id, "folder": str(folder), "files": files})
    else:
        click.echo(f"wrote {len(files)} files to {folder}, committed to the branches main and seed")
        click.echo(f"next: cd {folder}, and README.md; newer versions: smproject upgrade")


def _ask(name: str, text: str) -> str:
    return str(click.prompt(f"{text}\n{name}", default="", show_default=False, err=True))


@click.command()
@folder_argument
@click.option("--no-merge", is_flag=True, help="Only add to the branch seed, for you to merge or to review.")
@click.option("--undo", "back", is_flag=True, help="Take back the last upgrade, finished or not.")
@output_option
def upgrade(folder: Path, no_merge: bool, back: bool, output: str) -> None:
    """Merge the newest version of its seed into the repository in FOLDER; your changes stay.

    Exit status 1 where git finds conflicts, which are yours to resolve.
    """
    from dataclasses import asdict

    from smproject.forks import upgrade as upgrading

    if back:
        upgrading.undo(folder)
        _tell(output, {"undone": True}, "taken back: the branch and your files are as before the upgrade")
        return
    found = upgrading.upgrade(folder, merge=not no_merge)
    if found is None:
        _tell(output, {"changed": False}, "nothing to do: the newest seed is there")
        return
    _tell(output, {**asdict(found), "changed": True}, _told(found, merged=not no_merge))
    raise SystemExit(bool(found.conflicts))


def _tell(output: str, result: dict[str, Any], text: str) -> None:
    if output == "json":
        echo_json(result)
    else:
        click.echo(text)


def _told(found: Any, *, merged: bool) -> str:
    """What came, why, and what is left to do."""
    head = f"seed of {found.template}: {found.before} to {found.after}, {len(found.files)} files differ"
    conflicts = [f"conflict: {name}" for name in found.conflicts]
    end = "merged. To take it back: smproject upgrade --undo"
    if not merged:
        end = "on the branch seed. To merge it: git merge seed"
    if conflicts:
        end = "Resolve the conflicts, then: git commit. Or take the upgrade back: smproject upgrade --undo"
    return "\n".join([found.why, "", head, *(f"  {name}" for name in found.files), *conflicts, end])
