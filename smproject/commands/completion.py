"""The command that sets up a shell's completion."""

# ruff: noqa: PLC0415  # what a command needs is imported when it runs

import click

VARIABLE = "_SMPROJECT_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete this tool's commands, options and templates."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(kind(context.find_root().command, {}, "smproject", VARIABLE).source())
