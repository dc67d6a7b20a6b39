"""The demonstration's ends other than success: interrupted, or refused a port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from demonstration import Demonstration

SECONDS = 600


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Demonstration]:
    made = Demonstration(tmp_path)
    yield made
    made.run("smproject", "sandbox", "down")


def processes(home: Path) -> list[str]:
    """Return the processes whose command line or environment mentions a sandbox's home."""
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(home) in line]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("options", [(), ("--keep",)], ids=["plain", "keep"])
def test_a_port_in_use_is_one_line_and_exit_1(demonstration: Demonstration, options: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", demonstration.port))
        done = demonstration.run(*demonstration.demo(*options))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Port {demonstration.port} on 127.0.0.1 is in use")
    assert len(done.stderr.splitlines()) == 1
    assert "still there" not in done.stdout
    assert processes(demonstration.home) == []


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "1. The sandbox"),  # which does not serve yet
        (signal.SIGTERM, "$ python -m pipelines.run"),  # a build runs
        (signal.SIGINT, "pipeline step"),  # and a job
    ],
)
def test_an_interrupted_demonstration_leaves_nothing_behind(
    demonstration: Demonstration, number: signal.Signals, moment: str
) -> None:
    demo = subprocess.Popen(
        demonstration.demo(),
        env={**demonstration.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    killer = threading.Timer(SECONDS, demo.kill)
    killer.daemon = True
    killer.start()
    told = []
    for line in demo.stdout:
        told.append(line)
        if moment in line:
            break
    assert any(moment in line for line in told), "".join(told)
    assert processes(demonstration.home) != []
    for _ in range(2):  # as an impatient person does
        os.killpg(demo.pid, number)
        time.sleep(0.1)
    told += demo.stdout.readlines()
    status = demo.wait()
    killer.cancel()

    assert status == 130, "".join(told)
    assert "Interrupted." in "".join(told)
    assert processes(demonstration.home) == []
    assert is_free(demonstration.port)
