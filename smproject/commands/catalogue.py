"""Commands on the templates themselves: list, show, diagram, assemble and new-template."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

from collections.abc import Callable
from pathlib import Path

import click

from smproject.commands.console import echo_json, output_option, progress, template_argument, template_ids


@click.command("list")
@output_option
def list_(output: str) -> None:
    """List the templates: id and title."""
    from smproject import catalog

    found = catalog.templates()
    if output == "json":
        echo_json([{"id": each.id, "title": each.title, "description": each.description} for each in found])
        return
    width = max(len(each.id) for each in found)
    for each in found:
        click.echo(f"{each.id:<{width}}  {each.title}")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a template.yaml isn't current.")
@click.option("--seed", metavar="ID", help="Write this seed instead, as a folder.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder for the seed, new or empty.")
@output_option
def assemble(check: bool, seed: str | None, folder: Path | None, output: str) -> None:
    """Write every template.yaml from its fragments, and its README.md; or one seed into a folder."""
    if bool(seed) != bool(folder):
        raise click.UsageError("--seed and --to go together: a seed's id, and the folder to write it to.")
    if seed and folder:
        _write_seed(seed, folder, output)
    elif check:
        _check_templates(output)
    else:
        _write_templates(output)


def _write_seed(seed_id: str, folder: Path, output: str) -> None:
    from smproject import catalog, seeds

    written = seeds.materialise(*catalog.find_seed(seed_id), folder)
    if output == "json":
        echo_json([{"path": str(folder / name)} for name in written])
    else:
        click.echo(f"wrote {len(written)} files to {folder}")


def _check_templates(output: str) -> None:
    from smproject import catalog
    from smproject.assemble import is_current
    from smproject.looking import readme

    found = catalog.templates()
    stale = [each.path for each in found if not is_current(each)]
    stale += [each.folder / "README.md" for each in found if not readme.is_current(each)]
    if output == "json":
        echo_json([{"path": str(path)} for path in stale])
    for path in stale:
        click.echo(f"{path} isn't current. Run: smproject assemble", err=True)
    raise SystemExit(bool(stale))


def _write_templates(output: str) -> None:
    from smproject import catalog
    from smproject.assemble import assemble as text_of
    from smproject.looking.readme import readme

    found = catalog.templates()
    tell = progress(output)
    written = _write({each.path: text_of(each) for each in found}, tell)
    # A README tells of other templates too: all of them are written first.
    written += _write({each.folder / "README.md": readme(each) for each in found}, tell)
    if output == "json":
        echo_json([{"path": str(path)} for path in written])


def _write(texts: dict[Path, str], tell: Callable[[str], None]) -> list[Path]:
    for path, text in texts.items():
        path.write_text(text)
        tell(f"wrote {path}")
    return list(texts)


@click.command("new-template")
@click.argument("name")
@click.option(
    "--like", required=True, metavar="TEMPLATE", shell_complete=template_ids, help="Template of projects to begin with."
)
@click.option("--title", required=True, help="What it is called: a few words.")
@click.option("--description", help="What it does, in a sentence; else as the other's.")
@output_option
def new_template(name: str, like: str, title: str, description: str | None, output: str) -> None:
    """Make the template NAME in this repository: a manifest with another's fragments and parts, yours to change."""
    from smproject import catalog, scaffold

    said = catalog.template(like).description if description is None else description
    written = scaffold.new_template(scaffold.Wanted(name, title, said), like)
    if output == "json":
        echo_json([{"path": str(path)} for path in written])
        return
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(f"next: edit project_templates/{name}/project.yaml, then: smproject assemble, and make test")


@click.command()
@template_argument()
@output_option
def show(template: str, output: str) -> None:
    """Show what TEMPLATE takes, makes, allows and tells, and the graph of its pipelines."""
    from dataclasses import asdict

    from smproject import catalog
    from smproject.looking.text import lines
    from smproject.looking.view import view

    seen = view(catalog.template(template))
    if output == "json":
        echo_json(asdict(seen))
    else:
        click.echo("\n".join(lines(seen)))


@click.command()
@template_argument()
@click.option(
    "--of",
    "subject",
    type=click.Choice(["pipeline", "accounts"]),
    default="pipeline",
    show_default=True,
    help="Draw its pipelines, or which account holds which stack and who assumes whom.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg"]),
    default="mermaid",
    show_default=True,
    help="Text that code hosts draw, or a picture.",
)
@click.option("--to", "path", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@output_option
def diagram(template: str, subject: str, form: str, path: Path | None, output: str) -> None:
    """Draw TEMPLATE: the graph of its pipelines, or its accounts."""
    from dataclasses import asdict

    from smproject import catalog
    from smproject.looking.drawing import draw, graph_of

    graph = graph_of(catalog.template(template), subject)
    if output == "json":
        echo_json(asdict(graph))
    elif path:
        path.write_text(draw(graph, form))
        click.echo(f"wrote {path}")
    else:
        click.echo(draw(graph, form), nl=False)
