"""The command `smproject`. Its commands are functions in `smproject.commands`, each a line of COMMANDS here."""

import importlib
from pathlib import Path
from typing import Any

import click

from smproject.commands import catalogue, checks, completion, forks, projects, publishing, status
from smproject.errors import SmprojectError

HERE = Path(__file__).parent
COMMANDS = (
    catalogue.list_,
    catalogue.show,
    catalogue.diagram,
    catalogue.assemble,
    catalogue.new_template,
    checks.validate,
    checks.audit,
    checks.doctor,
    publishing.plan,
    publishing.publish,
    publishing.share,
    publishing.connect,
    forks.new,
    forks.upgrade,
    status.status,
    projects.estimate,
    projects.destroy,
    completion.completion,
)


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


@click.group(
    cls=Tool,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit statuses: 0 done; 1 refused, or something found; 2 wrong usage.",
)
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
for command in COMMANDS:
    main.add_command(command)
