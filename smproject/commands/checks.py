"""Commands that check: validate and audit."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

import click

from smproject.commands.console import echo_json, output_option, template_argument


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
