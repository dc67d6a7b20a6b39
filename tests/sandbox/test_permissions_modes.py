"""What comes of a denial: answered, only logged, or not looked for; the call log tells which permissions counted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Sandbox, eventually
from persons import Person, denial


def lines(sandbox: Sandbox, principal: str) -> list[dict[str, Any]]:
    """Return the log's lines of a principal."""
    found = [json.loads(line) for line in (sandbox.home / "calls.jsonl").read_text().splitlines()]
    return [line for line in found if line["principal"] == principal]


def test_the_log_tells_what_was_asked_and_which_policy_decided(sandbox: Sandbox) -> None:
    person, name = Person(sandbox, "development"), f"/modes/{uuid.uuid4().hex[:8]}"
    sandbox.client("ssm").put_parameter(Name=name, Value="v", Type="String")
    ssm = person.client("ssm")
    denial(lambda: ssm.get_parameter(Name=name))
    person.allow("ssm:GetParameter", "*")
    ssm.get_parameter(Name=name)
    denied, allowed = lines(sandbox, person.session)
    use = {"action": "ssm:GetParameter", "resource": f"arn:aws:ssm:us-east-1:{person.account}:parameter{name}"}
    assert denied["uses"] == [{**use, "decision": "denied", "by": "identity-based policy"}]
    assert allowed["uses"] == [{**use, "decision": "allowed", "by": "identity-based policy"}]
    assert (allowed["role"], allowed["account"]) == (person.arn, person.account)
    assert (denied["status"], allowed["status"]) == (400, 200)


@pytest.fixture(scope="module", params=["report", "off"])
def lenient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Sandbox]]:
    """A server that denies nothing."""
    home = tmp_path_factory.mktemp(request.param)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    server = started(home, port, request.param)
    try:
        eventually((home / "server.json").exists)
        yield request.param, Sandbox(f"http://127.0.0.1:{port}", home)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def started(home: Path, port: int, mode: str) -> subprocess.Popen[str]:
    """Start a server in a mode."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-m", "smproject.sandbox.server", "--home", str(home), "--port", str(port)]
    environment = {**kept, "SMPROJECT_PERMISSIONS": mode}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_denial_may_be_logged_only_or_not_looked_for(lenient: tuple[str, Sandbox]) -> None:
    mode, sandbox = lenient
    person = Person(sandbox, "development")
    assert person.client("ssm").describe_parameters()["Parameters"] == []
    [line] = lines(sandbox, person.session)
    assert (line["status"], [use["decision"] for use in line["uses"]]) == (200, ["denied"] if mode == "report" else [])


def test_another_mode_is_refused_at_the_start(tmp_path: Path) -> None:
    server = started(tmp_path, 1, "perhaps")
    output, _ = server.communicate(timeout=600)
    assert server.returncode != 0
    assert "SMPROJECT_PERMISSIONS is 'perhaps'. Set it to enforce, report or off." in output
