"""`smproject sandbox up | status | env | logs | reset | down`, as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from harness import ACCOUNTS, Sandbox, eventually
from workbench import Workbench


@dataclass
class Tool:
    """The command, with a home for the sandbox and one for the person."""

    home: Path
    port: int
    person: Path

    @property
    def environment(self) -> dict[str, str]:
        """The person's environment, in which settings for the real AWS stand in the way."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SMPROJECT_"))}
        cache = os.environ.get("SMPROJECT_CACHE") or str(Path.home() / ".cache" / "smproject")
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        real = {"AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real", "AWS_PROFILE": "real"}
        return kept | real | {"HOME": str(self.person), "PATH": path, "SMPROJECT_CACHE": cache}

    def run(self, *words: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `smproject sandbox ...` on the home."""
        command = ["smproject", "sandbox", *words, "--home", str(home or self.home)]
        return subprocess.run(
            command, env=self.environment, cwd=self.person, capture_output=True, text=True, check=False, timeout=600
        )

    def up(self, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--port", str(self.port), **options)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--output", "json").stdout))

    @cached_property
    def printed(self) -> str:
        """What `smproject sandbox env` prints; it stays the same over a reset."""
        return self.run("env").stdout

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script in bash, in the person's environment; `$ENV` are the commands that `env` prints."""
        variables = self.environment | {"ENV": self.printed}
        return subprocess.run(["bash", "-ec", script], env=variables, capture_output=True, text=True, check=False)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """A sandbox that is up."""
    person = tmp_path_factory.mktemp("person")
    (person / ".aws").mkdir()
    (person / ".aws" / "credentials").write_text("[default]\naws_access_key_id = real\n")
    made = Tool(tmp_path_factory.mktemp("lifecycle") / "home", free_port(), person)
    started = made.up()
    assert started.returncode == 0, started.stderr
    yield made
    made.run("down")


def test_up_tells_where_it_serves_and_twice_is_harmless(tool: Tool) -> None:
    before = tool.status()
    again = tool.up()
    assert again.returncode == 0
    assert f"already serves http://127.0.0.1:{tool.port} (process {before['pid']})" in again.stdout
    assert tool.status() == before


def test_status_tells_accounts_and_profiles(tool: Tool) -> None:
    found = tool.status()
    assert (found["running"], found["endpoint"]) == (True, f"http://127.0.0.1:{tool.port}")
    assert found["profiles"] == ACCOUNTS
    assert found["runtime"] in {"jail", "process"}
    text = tool.run("status").stdout
    assert all(f"{number}  {profile}" in text for profile, number in ACCOUNTS.items())


def test_the_printed_environment_leads_every_client_to_the_sandbox(tool: Tool) -> None:
    asked = tool.shell('eval "$ENV"; aws sts get-caller-identity --query Account --output text')
    assert asked.stdout.strip() == ACCOUNTS["development"], asked.stderr
    other = tool.shell('eval "$ENV"; aws --profile staging sts get-caller-identity --query Account --output text')
    assert other.stdout.strip() == ACCOUNTS["staging"], other.stderr


def test_git_clones_with_the_printed_environment_alone(tool: Tool) -> None:
    script = """
    eval "$ENV"
    cd "$(mktemp -d)"
    git config --global user.email a@b.c && git config --global user.name name
    aws codecommit create-repository --repository-name lifecycle > made.json
    read="import json; print(json.load(open('made.json'))['repositoryMetadata']['cloneUrlHttp'])"
    git clone -q "$(python3 -c "$read")"
    cd lifecycle
    echo text > file && git add file && git commit -qm first && git push -q origin HEAD:main
    aws codecommit get-branch --repository-name lifecycle --branch-name main --query branch.branchName --output text
    """
    done = tool.shell(script)
    assert done.stdout.strip() == "main", done.stderr


def test_logs_show_who_did_what(tool: Tool) -> None:
    tool.shell('eval "$ENV"; aws ssm put-parameter --name /lifecycle --value 1 --type String')
    text = tool.run("logs", "--service", "ssm").stdout
    assert "ssm:PutParameter  assumed-role/DataScientist/development" in text
    lines = [json.loads(line) for line in tool.run("logs", "-n", "2", "--output", "json").stdout.splitlines()]
    assert len(lines) == 2
    assert set(lines[0]) >= {"time", "principal", "service", "operation", "status"}


def test_a_taken_port_is_one_line_and_exit_1(tool: Tool, tmp_path: Path) -> None:
    refused = tool.up(home=tmp_path / "other")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert f"Port {tool.port} on 127.0.0.1 is in use" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_a_folder_with_other_files_is_left_alone(tool: Tool) -> None:
    refused = tool.run("up", "--port", str(free_port()), home=tool.person)
    assert refused.returncode == 1
    assert "holds files that are not a sandbox's" in refused.stderr
    assert (tool.person / ".aws" / "credentials").exists()


def test_the_persons_aws_files_stay_as_they_are(tool: Tool) -> None:
    tool.shell('eval "$ENV"; aws sts get-caller-identity')
    [file] = [path for path in (tool.person / ".aws").rglob("*") if path.is_file() and "cache" not in path.parts]
    assert file.read_text() == "[default]\naws_access_key_id = real\n"


def test_only_the_person_can_read_the_credentials(tool: Tool) -> None:
    assert (tool.home / "credentials").stat().st_mode & 0o077 == 0
    assert tool.home.stat().st_mode & 0o077 == 0


def test_reset_starts_again_from_nothing_on_the_same_port(tool: Tool) -> None:
    tool.shell('eval "$ENV"; aws ssm put-parameter --name /before --value 1 --type String')
    before = tool.status()
    assert tool.run("reset").returncode == 0
    after = tool.status()
    assert (after["endpoint"], after["pid"] != before["pid"]) == (before["endpoint"], True)
    gone = tool.shell('eval "$ENV"; aws ssm get-parameter --name /before')
    assert "ParameterNotFound" in gone.stderr


def test_without_a_sandbox_the_commands_say_so(tool: Tool, tmp_path: Path) -> None:
    assert tool.run("status", home=tmp_path).returncode == 3
    assert json.loads(tool.run("status", "--output", "json", home=tmp_path).stdout) == {"running": False}
    for command in ("env", "reset", "logs"):
        refused = tool.run(command, home=tmp_path)
        assert refused.returncode == 1
        assert "smproject sandbox up" in refused.stderr
    stopped = tool.run("down", home=tmp_path)
    assert (stopped.returncode, stopped.stdout.strip()) == (0, f"No sandbox runs from {tmp_path}.")


def processes(marker: str) -> list[int]:
    """Return the processes with a text in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def test_down_leaves_no_process_of_the_server_or_its_jobs(tool: Tool, tmp_path: Path) -> None:
    made = Tool(tmp_path / "home", free_port(), tool.person)
    assert made.up().returncode == 0
    bench = Workbench(Sandbox(f"http://127.0.0.1:{made.port}", made.home), tmp_path)
    marker = f"marker-{made.port}"
    code = f"""
    import subprocess, time
    subprocess.Popen(["sleep", "61.{made.port}"])
    print("{marker}", flush=True)
    time.sleep(60)
    """
    name = bench.start("Training", bench.training(code))
    eventually(lambda: bench.log("Training", name) == [marker])
    assert processes(marker)
    assert processes(f"61.{made.port}")
    stopped = made.run("down")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, f"Stopped http://127.0.0.1:{made.port}.")
    assert processes(marker) == processes(f"61.{made.port}") == processes(str(made.home)) == []
    assert made.run("status").returncode == 3


def test_a_killed_sandbox_is_not_taken_for_a_running_one(tool: Tool, tmp_path: Path) -> None:
    home = tmp_path / "killed"
    assert tool.run("up", "--port", str(free_port()), home=home).returncode == 0
    state = json.loads((home / "server.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    eventually(lambda: tool.run("status", home=home).returncode == 3)
    # Its process id may be anybody's by now: nobody must be stopped for it.
    (home / "server.json").write_text(json.dumps(state | {"pid": os.getpid()}))
    assert "No sandbox runs" in tool.run("down", home=home).stdout
    again = tool.run("up", "--port", str(free_port()), home=home)
    assert again.returncode == 0, again.stderr
    assert "Stopped" in tool.run("down", home=home).stdout


@pytest.fixture
def kept(tool: Tool, tmp_path: Path) -> Iterator[Tool]:
    """A sandbox that was up, with a parameter, and is down."""
    made = Tool(tmp_path / "kept", free_port(), tool.person)
    made.up()
    made.shell('eval "$ENV"; aws ssm put-parameter --name /kept --value 1 --type String')
    made.run("down")
    yield made
    made.run("down")


def test_up_brings_back_the_state_port_and_profiles(kept: Tool) -> None:
    told = kept.run("status")
    assert (told.returncode, "MB of state" in told.stdout) == (3, True)
    started = kept.run("up")
    assert started.returncode == 0, started.stderr
    assert f"serves http://127.0.0.1:{kept.port} " in started.stdout
    assert "with the state of 20" in started.stdout
    found = kept.shell('eval "$ENV"; aws ssm get-parameter --name /kept --query Parameter.Value --output text')
    assert found.stdout.strip() == "1", found.stderr
    assert f"Its data lies in {kept.home} (" in kept.run("status").stdout
    assert kept.status()["bytes"] > 0
    assert kept.status()["unkept"] == []


def test_reset_forgets_a_sandbox_that_is_down(kept: Tool) -> None:
    assert "is empty" in kept.run("reset").stdout
    assert not kept.home.exists()
    kept.up()
    gone = kept.shell('eval "$ENV"; aws ssm get-parameter --name /kept')
    assert "ParameterNotFound" in gone.stderr


@pytest.mark.parametrize("fact", ["format", "moto", "smproject"])
def test_a_state_of_another_version_is_refused_in_one_line(kept: Tool, fact: str) -> None:
    with closing(sqlite3.connect(kept.home / "state.db")) as database, database:
        database.execute("UPDATE facts SET value = 'other' WHERE name = ?", [fact])
    _check_refused(kept, f"another version ({fact} other, not ")


def test_a_damaged_state_is_refused_in_one_line(kept: Tool) -> None:
    (kept.home / "state.db").write_bytes(b"no database" * 100)
    _check_refused(kept, "is damaged")


def test_an_unreadable_part_is_refused_in_one_line(kept: Tool) -> None:
    with closing(sqlite3.connect(kept.home / "state.db")) as database, database:
        database.execute(
            'UPDATE parts SET content = \'{"sessions": {"": "name", "v": "os:system"}}\' WHERE name = \'world\''
        )
    _check_refused(kept, "os:system is not a name that state may hold")


def _check_refused(kept: Tool, reason: str) -> None:
    refused = kept.up()
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1), refused.stderr
    assert reason in refused.stderr
    assert "smproject sandbox reset" in refused.stderr
    assert kept.run("reset").returncode == 0
    assert kept.up().returncode == 0


def test_the_demonstration_leaves_a_kept_state_alone(kept: Tool) -> None:
    environment = kept.environment | {"SMPROJECT_SANDBOX_HOME": str(kept.home)}
    command = ["smproject", "sandbox", "demo", "--port", str(kept.port)]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert refused.returncode == 1
    assert "holds a sandbox's state" in refused.stderr
    assert (kept.home / "state.db").exists()
