"""Documentation keeps up with the code, and its commands work."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from smproject import catalog
from smproject.cli import main
from smproject.sandbox.cli import sandbox

ROOT = Path(__file__).parent.parent
COMMANDS = [*(name for name in main.commands if name != "sandbox"), *(f"sandbox {name}" for name in sandbox.commands)]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
# A program of its own: a sandbox's services change moto, which other tests use as it is.
SERVICES = """
import sys
from pathlib import Path
from smproject.sandbox.services import build
from smproject.sandbox.world import World
print(*build(World(Path(sys.argv[1]), "http://127.0.0.1:1", "us-east-1")))
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_in_the_reference(command: str) -> None:
    assert f"| `smproject {command}` |" in (ROOT / "docs/reference/commands.md").read_text()


@pytest.mark.parametrize("command", [*main.commands.values(), *sandbox.commands.values()], ids=lambda c: str(c.name))
def test_each_command_says_what_it_does(command: click.Command) -> None:
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_the_changelog_opens_with_the_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first and first[1] == (ROOT / "smproject" / "VERSION").read_text().strip()


@pytest.mark.parametrize("template", catalog.templates(), ids=lambda template: template.id)
def test_each_template_is_in_the_readme(template: catalog.Template) -> None:
    assert f"| `{template.id}` |" in (ROOT / "README.md").read_text()


def test_the_sandbox_page_names_each_service(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "sandbox.md").read_text()
    done = subprocess.run([sys.executable, "-c", SERVICES, str(tmp_path)], capture_output=True, text=True, check=True)
    services = done.stdout.split()
    assert len(services) > 10
    assert [name for name in services if f"`{name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_each_make_target_that_pages_name_exists() -> None:
    makefiles = [ROOT / "Makefile", ROOT / "seedcode" / "repository" / "Makefile", ROOT / "smproject/forks/new.py"]
    targets = {name for path in makefiles for name in re.findall(r"^([a-z0-9-]+):", path.read_text(), re.MULTILINE)}
    named = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z0-9-]+)", page.read_text(), re.MULTILINE)}
    assert named <= targets
