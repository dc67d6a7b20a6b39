import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from policies import ROOT, TEMPLATES

from smproject import catalog
from smproject.cli import LazyGroup, main

HEAVY = {"boto3", "botocore", "cfnlint", "cloudformation_validate", "moto", "sagemaker", "yaml"}


def commands(group: click.Group, prefix: str = "smproject") -> Iterator[tuple[str, click.Command]]:
    yield prefix, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


COMMANDS = dict(commands(main))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from smproject.cli import main; main(['--help'], standalone_mode=False); "
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = set(done.stderr.split())
    assert "assemble" in done.stdout
    assert not imported & HEAVY
    assert not {name for name in imported if name.startswith("smproject.sandbox.")}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_explains_itself(name: str) -> None:
    command = COMMANDS[name]
    assert command.help and command.help.strip().endswith(".")
    for option in command.params:
        # Click knows no help for an argument: the command's own text explains it.
        explained = option.help if isinstance(option, click.Option) else str(option.name).upper() in command.help
        assert explained, option.name


def test_a_lazy_group_is_imported_when_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
        import click

        @click.group()
        def guests() -> None:
            pass

        @guests.command()
        @click.option("--name")
        def greet(name: str) -> None:
            click.echo(f"hello {name}")
        """
    (tmp_path / "lazily.py").write_text("\n".join(line[8:] for line in source.splitlines()))
    monkeypatch.syspath_prepend(tmp_path)
    root = click.Group("root")
    root.add_command(LazyGroup("guests", "lazily", "Guests."))
    assert "Guests." in CliRunner().invoke(root, ["--help"]).output
    assert "lazily" not in sys.modules
    assert CliRunner().invoke(root, ["guests", "greet", "--name", "you"]).output == "hello you\n"
    assert "greet" in CliRunner().invoke(root, ["guests", "--help"]).output


def test_list_names_every_template() -> None:
    code, output = run("list", "--output", "json")
    assert code == 0
    assert [item["id"] for item in json.loads(output)] == [path.parent.name for path in TEMPLATES]
    assert all(path.parent.name in run("list")[1] for path in TEMPLATES)


def test_version_is_the_package_s() -> None:
    assert run("--version") == (0, (ROOT / "smproject/VERSION").read_text())


def test_a_seed_is_written_to_a_folder_once(tmp_path: Path) -> None:
    arguments = ("assemble", "--seed", "model-build-tabular", "--to", str(tmp_path / "code"))
    assert run(*arguments)[0] == 0
    assert (tmp_path / "code" / ".seed.json").is_file()
    code, output = run(*arguments)
    assert code == 1
    assert output.startswith("Error: ") and "new or empty" in output


@pytest.mark.parametrize("arguments", [("--seed", "model-build-tabular"), ("--to", "somewhere")])
def test_a_seed_and_its_folder_go_together(arguments: tuple[str, str]) -> None:
    assert run("assemble", *arguments)[0] == 2


def test_an_unknown_seed_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    code, output = run("assemble", "--seed", "no-such", "--to", str(tmp_path / "code"))
    assert code == 1
    assert "model-build-tabular" in output


def test_check_names_what_is_stale_and_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    manifest = tmp_path / "project_templates/example/project.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("title: One\ndescription: Two.\nfragments: [part]\n")
    fragment = tmp_path / "project_templates/fragments/part.yaml"
    fragment.parent.mkdir()
    fragment.write_text("Description: Part\n\nResources:\n  Part:\n    Type: AWS::SNS::Topic\n")
    (tmp_path / "smproject").mkdir()
    (tmp_path / "smproject/VERSION").write_text("1.0.0\n")
    found = [catalog.read_manifest(manifest)]
    monkeypatch.setattr(catalog, "templates", lambda root=tmp_path: found)
    code, output = run("assemble", "--check")
    assert (code, "smproject assemble" in output, found[0].path.exists()) == (1, True, False)
    assert run("assemble")[0] == 0
    assert run("assemble", "--check") == (0, "")


def test_without_a_profile_publish_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    code, output = run("publish", "--profile", "hub")
    assert code == 1
    assert "aws configure list-profiles" in output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_completion_asks_this_tool(shell: str) -> None:
    code, output = run("completion", shell)
    assert code == 0
    assert f"_SMPROJECT_COMPLETE={shell}_complete" in output


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("smproject sh", {"show", "share"}),
        ("smproject show model-build-d", {"model-build-deploy"}),
        ("smproject sandbox st", {"status"}),
        ("smproject diagram model-build --of ", {"pipeline", "accounts"}),
    ],
)
def test_shells_complete_commands_templates_and_values(words: str, offered: set[str]) -> None:
    environment = {"_SMPROJECT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from smproject.cli import main; main(prog_name='smproject')"],
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {line.split(",", 1)[1] for line in done.stdout.splitlines()} == offered


@pytest.mark.parametrize("command", sorted(set(main.commands) - {"sandbox", "completion"}))
def test_every_command_can_answer_a_program(command: str) -> None:
    assert "--output [text|json]" in run(command, "--help")[1]


def test_a_seed_s_files_are_named_to_a_program(tmp_path: Path) -> None:
    arguments = ("assemble", "--seed", "model-build-tabular", "--to", str(tmp_path / "code"), "--output", "json")
    code, output = run(*arguments)
    assert code == 0
    assert all(Path(each["path"]).is_file() for each in json.loads(output))


def test_help_says_what_exit_statuses_mean() -> None:
    assert "Exit statuses: 0 done; 1 refused, or something found; 2 wrong usage." in run("--help")[1]
