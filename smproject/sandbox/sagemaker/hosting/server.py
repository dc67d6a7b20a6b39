"""A container's HTTP server: its process, started again when it ends by itself, and a client that keeps connections.

Reference: SageMaker developer guide, "Custom Inference Code with Hosting Services".
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPResponse, Timeout
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError

from smproject.sandbox.log import Log
from smproject.sandbox.processes import Processes
from smproject.sandbox.sagemaker import runtime
from smproject.sandbox.sagemaker.bubblewrap import Program
from smproject.sandbox.sagemaker.runtime import Launch

LOG = logging.getLogger(__name__)
GRACE_SECONDS = 30.0  # between SIGTERM and SIGKILL
INVOCATION_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PING = Timeout(2.0)  # a ping must be answered within two seconds
_RESTART_SECONDS = 1.0
_CONNECTIONS = 32
_LINES, _TAIL = 8, 600  # of the log, told when a server doesn't start


class UnhealthyError(Exception):
    """A server that does not answer; the message says what it did instead."""


class Server:
    """One server process. It starts again by itself when it ends without being asked to."""

    def __init__(self, processes: Processes, launch: Launch, log: Log) -> None:
        self.healthy = False
        self._processes, self._launch, self._log = processes, launch, log
        self._stopping, self._lock = threading.Event(), threading.Lock()
        self._program: Program | None = None
        self._pool: HTTPConnectionPool | None = None

    def start(self, seconds: float) -> None:
        """Start the server and wait for a ping's 200; raises UnhealthyError after a time limit, or when it ends."""
        program = self._begin()
        try:
            self._await_ping(program, seconds)
        except UnhealthyError:
            self.stop()
            raise
        threading.Thread(target=self._keep, args=(program, seconds), daemon=True, name="server").start()

    def invoke(self, body: bytes, headers: dict[str, str], seconds: float = INVOCATION_SECONDS) -> HTTPResponse:
        """Send an invocation; raises HTTPError of urllib3 when there is no answer within so many seconds."""
        try:
            return self._post(body, headers, seconds)
        except ProtocolError:
            if not self.healthy:
                raise
            return self._post(body, headers, seconds)  # it had closed a kept connection; nothing was answered on that

    def parameters(self) -> dict[str, Any]:
        """Return what the server tells a batch transform of itself; nothing where it doesn't."""
        assert self._pool is not None  # noqa: S101 (for the type checker: the server has been started)
        answer = self._pool.request("GET", "/execution-parameters", timeout=_PING, retries=False)
        if answer.status != 200 or not answer.data:
            return {}
        told: dict[str, Any] = json.loads(answer.data)
        return told

    def stop(self) -> None:
        """Ask the server to stop, then make it."""
        with self._lock:
            self._stopping.set()
            self.healthy = False
            program = self._program
        if program:
            program.terminate()
            if not program.ends(GRACE_SECONDS):
                program.kill()
            self._processes.forget(program.process)
        if self._pool:
            self._pool.close()

    def tail(self) -> str:
        """Return the last lines of the log."""
        text = Path(self._log.file.name).read_text(errors="replace")[-4 * _TAIL :]
        return "\n".join(text.strip().splitlines()[-_LINES:])[-_TAIL:]

    def _begin(self) -> Program:
        launch = replace(self._launch, port=_free_port())
        launch = replace(launch, env={**launch.env, "SAGEMAKER_BIND_TO_PORT": str(launch.port)})
        with self._lock:
            if self._stopping.is_set():
                raise UnhealthyError("It was stopped.")
            try:
                self._program = runtime.start(self._processes, launch, self._log.file.fileno())
            except OSError as error:
                raise UnhealthyError(f"Its command did not start: {error}") from error
            self._pool = _pool(launch)
            return self._program

    def _await_ping(self, program: Program, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        last = "it did not listen on SAGEMAKER_BIND_TO_PORT"
        while time.monotonic() < deadline:
            if program.ends(_POLL_SECONDS):
                code = program.process.returncode
                raise UnhealthyError(f"The server ended with exit code {code}; its log ends: {self.tail()}")
            if self._stopping.is_set():
                raise UnhealthyError("It was stopped.")
            status = self._ping()
            if status == 200:
                self.healthy = True
                return
            last = f"GET /ping answered {status}" if status else last
        raise UnhealthyError(f"After {seconds:g} seconds {last}; its log ends: {self.tail()}")

    def _ping(self) -> int:
        """Return the status of a ping; 0 when nobody answers."""
        assert self._pool is not None  # noqa: S101 (for the type checker: _begin has set it)
        try:
            return int(self._pool.request("GET", "/ping", timeout=_PING, retries=False).status)
        except HTTPError:
            return 0

    def _post(self, body: bytes, headers: dict[str, str], seconds: float) -> HTTPResponse:
        if not self.healthy or self._pool is None:
            raise NewConnectionError(None, "the server is not running")  # type: ignore[arg-type]
        limit = Timeout(total=seconds)
        return self._pool.urlopen(  # type: ignore[return-value]
            "POST", "/invocations", body=body, headers=headers, timeout=limit, retries=False, redirect=False
        )

    def _keep(self, program: Program, seconds: float) -> None:
        """Start the server again whenever it ends, until it is stopped."""
        while True:
            program.process.wait()
            self.healthy = False
            self._processes.forget(program.process)
            if self._stopping.wait(_RESTART_SECONDS):
                return
            self._log.file.write(f"The server ended with exit code {program.process.returncode}.\n".encode())
            try:
                program = self._begin()
                self._await_ping(program, seconds)
            except UnhealthyError as error:
                LOG.warning("A server did not start again: %s", error)
                program.kill()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _pool(launch: Launch) -> HTTPConnectionPool:
    if launch.socket is None:
        return HTTPConnectionPool("127.0.0.1", launch.port, maxsize=_CONNECTIONS)
    return _SocketPool(launch.socket)


class _SocketPool(HTTPConnectionPool):
    """Connections through a UNIX socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", maxsize=_CONNECTIONS)
        self.path = path

    def _new_conn(self) -> HTTPConnection:
        return _SocketConnection(self.path, self.timeout.connect_timeout)


class _SocketConnection(HTTPConnection):
    def __init__(self, path: Path, timeout: object) -> None:
        super().__init__("localhost", timeout=timeout)  # type: ignore[arg-type]
        self.path = path

    def _new_conn(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            made.connect(f"/proc/self/fd/{folder}/{self.path.name}")  # an address holds 107 characters at most
        except OSError as error:
            made.close()
            raise NewConnectionError(self, str(error)) from error
        finally:
            os.close(folder)
        return made
