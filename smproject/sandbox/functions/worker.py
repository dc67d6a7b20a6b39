"""An execution environment: one process that runs a version of a function, one event after another."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smproject.sandbox.functions.environment import Environment
from smproject.sandbox.log import Log
from smproject.sandbox.processes import Processes, signal_group

_INIT_SECONDS = 10.0  # that Lambda grants besides the function's own timeout
_RESPONSE_BYTES = 6_291_556
_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Event:
    """One invocation: its payload (JSON), its id, and the ARN that was invoked."""

    payload: bytes
    request_id: str
    arn: str
    client_context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of an invocation: the answer, whether it is an error, and the last 4 KB of its log."""

    payload: bytes
    failed: bool
    version: str
    tail: bytes = b""


class Worker:
    """A running process. It must not be used again when `alive` is False."""

    def __init__(self, processes: Processes, environment: Environment, log: Log) -> None:
        self.alive, self._processes, self._environment, self._log = True, processes, environment, log
        events, self._events = os.pipe()
        self._answers, answers = os.pipe()
        begun = time.monotonic()
        try:
            self._process = environment.start(processes, events, answers, log.file.fileno())
        except BaseException:
            os.close(self._events)
            os.close(self._answers)
            raise
        finally:
            os.close(events)
            os.close(answers)
        self._begun, self._init = begun, -1.0  # how long the start took, once it is over

    def run(self, event: Event) -> Outcome:
        """Answer an event within the function's timeout."""
        start = os.fstat(self._log.file.fileno()).st_size
        self._write(f"START RequestId: {event.request_id} Version: {self._environment.version}")
        limit, cold = float(self._environment.timeout), self._init < 0
        header: dict[str, Any] = {}
        try:
            if cold:
                ready, _ = self._receive(self._begun + _INIT_SECONDS + limit)
                self.alive = bool(ready["ready"])
                self._init = time.monotonic() - self._begun
            began = time.monotonic()
            self._send(event, limit)
            header, payload = self._receive(began + limit)
            failed = bool(header["failed"])
        except TimeoutError:
            began = time.monotonic() - limit
            failed, payload = True, self._late(event, limit)
        except (EOFError, BrokenPipeError):
            failed, payload, began = True, self._ended(event), time.monotonic()
        if len(payload) > _RESPONSE_BYTES:
            failed, payload = True, _too_large()
        self._report(event, time.monotonic() - began, header.get("memory", 0), cold)
        return Outcome(payload, failed, self._environment.version, self._tail(start))

    def stop(self) -> None:
        """End the process and keep the rest of its log."""
        self.alive = False
        os.close(self._events)
        os.close(self._answers)
        signal_group(self._process, signal.SIGKILL)
        self._process.wait()
        self._processes.forget(self._process)
        self._log.close()
        self._environment.remove()

    def _send(self, event: Event, seconds: float) -> None:
        header = {"request_id": event.request_id, "arn": event.arn, "seconds": seconds}
        header["client_context"] = event.client_context
        for part in (json.dumps(header).encode(), event.payload):
            content = memoryview(len(part).to_bytes(4, "big") + part)
            while content:
                content = content[os.write(self._events, content) :]

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        header, payload = (self._read(int.from_bytes(self._read(4, deadline), "big"), deadline) for _ in range(2))
        return json.loads(header), payload

    def _read(self, length: int, deadline: float) -> bytes:
        """Read so many bytes; raises TimeoutError after the deadline, EOFError when the process has ended."""
        found, poll = b"", select.poll()
        poll.register(self._answers, select.POLLIN)
        while len(found) < length:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            part = os.read(self._answers, length - len(found))
            if not part:
                raise EOFError
            found += part
        return found

    def _late(self, event: Event, limit: float) -> bytes:
        self.alive = False
        signal_group(self._process, signal.SIGKILL)
        told = f"Task timed out after {limit:.2f} seconds"
        self._write(f"{_moment()} {event.request_id} {told}\n")
        return _error("Sandbox.Timedout", f"RequestId: {event.request_id} Error: {told}")

    def _ended(self, event: Event) -> bytes:
        self.alive = False
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:  # it has closed its end and goes on
            code = 0
        status = f"signal: {signal.strsignal(-code)}" if code < 0 else f"exit status {code}"
        told = f"Runtime exited with error: {status}" if code else "Runtime exited without providing a reason"
        self._write(f"RequestId: {event.request_id} Error: {told}")
        return _error("Runtime.ExitError", f"RequestId: {event.request_id} Error: {told}")

    def _report(self, event: Event, seconds: float, memory: int, cold: bool) -> None:
        spent = seconds * 1000
        start = f"\tInit Duration: {self._init * 1000:.2f} ms" if cold and self._init >= 0 else ""
        size = self._environment.memory
        self._write(f"END RequestId: {event.request_id}")
        self._write(
            f"REPORT RequestId: {event.request_id}\tDuration: {spent:.2f} ms\tBilled Duration: {int(spent) + 1} ms\t"
            f"Memory Size: {size} MB\tMax Memory Used: {memory} MB{start}"
        )

    def _write(self, line: str) -> None:
        self._log.file.write(f"{line}\n".encode())

    def _tail(self, start: int) -> bytes:
        with Path(self._log.file.name).open("rb") as file:
            file.seek(start)
            return file.read()[-_TAIL_BYTES:]


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({_RESPONSE_BYTES} bytes)."
    return _error("Function.ResponseSizeTooLarge", message)


def _moment() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
