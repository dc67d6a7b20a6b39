"""The command `smproject`: one short function a command, and no logic.

What a command needs is imported when it runs, so that help and shell completion answer at once.
"""

# ruff: noqa: PLC0415  # imports inside functions are this module's purpose

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from smproject.errors import SmprojectError

HERE = Path(__file__).parent


class Tool(click.Group):
    """The root command: shows the tool's errors as one message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; exit status 1 and a message when it can't do its work."""
        try:
            return super().invoke(ctx)
        except SmprojectError as error:
            raise click.ClickException(str(error)) from error


class LazyGroup(click.Group):
    """A group of commands whose module is imported when one of them is called."""

    def __init__(self, name: str, module: str, summary: str, *, hidden: bool = False) -> None:
        super().__init__(name, help=summary, hidden=hidden)
        self.module = module

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Hand over to the real group, which the module holds under this group's name."""
        group: click.Group = getattr(importlib.import_module(self.module), str(self.name))
        return group.make_context(info_name, args, parent, **extra)


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


@click.group(cls=Tool, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option((HERE / "VERSION").read_text().strip(), message="%(version)s")
def main() -> None:
    """SageMaker project templates: assemble, check, publish and share them."""


main.add_command(
    LazyGroup(
        "sandbox",
        "smproject.sandbox.cli",
        "An AWS endpoint on this machine, on which the templates run.",
        hidden=not (HERE / "sandbox" / "cli.py").is_file(),
    )
)


@main.command("list")
@output_option
def list_(output: str) -> None:
    """List the templates: id and title."""
    from smproject import catalog

    found = catalog.templates()
    if output == "json":
        _echo_json([{"id": each.id, "title": each.title, "description": each.description} for each in found])
        return
    width = max(len(each.id) for each in found)
    for each in found:
        click.echo(f"{each.id:<{width}}  {each.title}")


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a template.yaml isn't current.")
@click.option("--seed", metavar="ID", help="Write this seed instead, as a folder.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder for the seed, new or empty.")
def assemble(check: bool, seed: str | None, folder: Path | None) -> None:
    """Write every template.yaml from its fragments, or one seed into a folder."""
    if bool(seed) != bool(folder):
        raise click.UsageError("--seed and --to go together: a seed's id, and the folder to write it to.")
    if seed and folder:
        _write_seed(seed, folder)
    elif check:
        _check_templates()
    else:
        _write_templates()


def _write_seed(seed_id: str, folder: Path) -> None:
    from smproject import catalog, seeds

    written = seeds.materialise(*catalog.find_seed(seed_id), folder)
    click.echo(f"wrote {len(written)} files to {folder}")


def _check_templates() -> None:
    from smproject import catalog
    from smproject.assemble import is_current

    stale = [each for each in catalog.templates() if not is_current(each)]
    for each in stale:
        click.echo(f"{each.path} isn't current. Run: smproject assemble", err=True)
    raise SystemExit(bool(stale))


def _write_templates() -> None:
    from smproject import catalog
    from smproject.assemble import assemble as text_of

    texts = {each.path: text_of(each) for each in catalog.templates()}
    for path, text in texts.items():
        path.write_text(text)
        click.echo(f"wrote {path}")


@main.command()
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
        _echo_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(str(finding))
        click.echo(f"{len(findings)} findings", err=True)
    raise SystemExit(bool(findings))


@main.command()
@click.argument("template", required=False)
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
        _echo_json([asdict(finding) for finding in findings])
    else:
        for finding in findings if everything else unsolved:
            click.echo(str(finding))
        click.echo(f"{len(unsolved)} to be mended, {len(findings) - len(unsolved)} explained", err=True)
    raise SystemExit(bool(unsolved))


@main.command()
@profile_option
@click.option("--principal", metavar="PATTERN", help="Roles that may create projects: arn:aws:iam:::role/NAME.")
@output_option
def publish(profile: str | None, principal: str | None, output: str) -> None:
    """Publish templates and portfolio in the hub account; needs the hub's credentials."""
    from dataclasses import asdict

    from smproject.publish import publish as publish_catalogue

    done = publish_catalogue(_session(profile), principal, _progress(output))
    _conclude(asdict(done), output, done.changed, f"portfolio {done.portfolio_id}")


@main.command()
@click.option("--account", required=True, metavar="ID", help="Account that shall create projects.")
@role_option
@profile_option
@output_option
def share(account: str, role_name: str, profile: str | None, output: str) -> None:
    """Share the portfolio with an account, and prepare that account; needs the hub's credentials."""
    from dataclasses import asdict

    from smproject.share import share as share_portfolio

    done = share_portfolio(_session(profile), account, role_name, _progress(output))
    _conclude(asdict(done), output, done.changed, f"account {done.account}")


@main.command()
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
    from dataclasses import asdict

    from smproject.connect import connect as connect_project

    done = connect_project(_session(profile), project, account, targets, role_name, _progress(output))
    _conclude(asdict(done), output, done.changed, f"project {done.project}")


def _session(profile: str | None) -> Any:
    from smproject.session import open_session

    return open_session(profile)


def _progress(output: str) -> Any:
    """Where progress goes: beside the result when a program reads it."""
    return lambda line: click.echo(line, err=output == "json")


def _conclude(result: dict[str, Any], output: str, changed: bool, subject: str) -> None:
    if output == "json":
        _echo_json({**result, "changed": changed})
    else:
        click.echo(f"{subject}: ready" if changed else f"{subject}: nothing to do")


def _echo_json(value: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
    click.echo(json.dumps(value, indent=2))
