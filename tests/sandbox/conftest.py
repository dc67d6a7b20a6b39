"""A running sandbox for the tests of this folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from durable import Durable
from harness import Sandbox, eventually
from workbench import Workbench
from workshop import Workshop

from smproject.sandbox import lifecycle


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def _serving(home: Path, **settings: str) -> Iterator[Sandbox]:
    """Run a server; `settings` are added to its environment."""
    port, log = _free_port(), home / "server.log"
    command = [sys.executable, "-m", "smproject.sandbox.server", "--home", str(home), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | settings
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        eventually(lambda: (home / "server.json").exists() or server.poll() is not None)
        assert server.poll() is None, log.read_text()
        yield Sandbox(f"http://127.0.0.1:{port}", home)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    _check_kept(home)


def _check_kept(home: Path) -> None:
    """See to it that all that the tests have made is written, and that a server takes it up."""
    state = lifecycle.kept(home)
    assert state is not None
    assert state.unkept == []
    durable = Durable(home)
    durable.up()
    durable.kill()
    assert "could not take up" not in durable.log


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with _serving(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="session")
def process_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A second server, which runs jobs as plain processes."""
    with _serving(tmp_path_factory.mktemp("process"), SMPROJECT_RUNTIME="process") as running:
        yield running


@pytest.fixture(scope="session")
def bench(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(sandbox, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def workshop(sandbox: Sandbox) -> Workshop:
    return Workshop(sandbox)
