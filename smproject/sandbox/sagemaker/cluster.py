"""Running a job's programs, one on each of its hosts, until all have ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from smproject.sandbox.image_store import Image
from smproject.sandbox.log import Log
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import contract, network, runtime, spot
from smproject.sandbox.sagemaker.bubblewrap import Program
from smproject.sandbox.sagemaker.hosts import Host
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.sagemaker.network import Place
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

GRACE_SECONDS = 120  # between SIGTERM and SIGKILL, as SageMaker documents for StopTrainingJob
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """How a job's programs ended: why they were stopped, if they were, and the exit code of the host that tells it."""

    host: Host
    code: int
    stopped: str


@dataclass(frozen=True)
class Cluster:
    """A job's hosts below its folder, with what their programs need."""

    world: World
    job: Job
    folder: Path
    hosts: Sequence[Host]
    image: Image
    credentials: Credentials

    def run(self, reason: Callable[[], str]) -> Outcome:
        """Run all programs to their end; they are stopped when one fails, or when there is a reason to."""
        names = self.folder / "hosts"
        network.write_names([host.name for host in self.hosts], names)
        with ExitStack() as held:
            entry: tuple[str, ...] = ()
            if contract.isolated(self.job) and len(self.hosts) > 1:
                entry = held.enter_context(network.isolated(self.world.processes, self.folder))
            places = [Place(host.name, names, entry) for host in self.hosts]
            started = [
                held.enter_context(self._started(host, place)) for host, place in zip(self.hosts, places, strict=True)
            ]
            return _Watch(self.job, started).outcome(reason)

    @contextmanager
    def _started(self, host: Host, place: Place) -> Iterator[_Started]:
        """Run a host's program, with its log, at most until the end of the block."""
        job, region = self.job, self.job.caller.region
        log, logs = Log(host.log), self.world.client("logs", self.credentials, region)
        env = contract.environment(job, self.world.endpoint, self.credentials)
        command, connected = contract.command(job, self.image), not contract.isolated(job)
        launch = runtime.Launch(host.folder, self.image, command, env, network=connected, place=place)
        try:
            log.follow_if_allowed(logs, f"/aws/sagemaker/{job.kind}Jobs", self._stream(host))
            program = self._start(launch, log)
            try:
                yield _Started(host, program)
            finally:
                self.world.processes.forget(program.process)
        finally:
            log.close()

    def _start(self, launch: runtime.Launch, log: Log) -> Program:
        try:
            return runtime.start(self.world.processes, launch, log.file.fileno())
        except OSError as error:
            message = f"CannotStartContainerError: the image's command did not start: {error}"
            raise ServiceError("ClientError", message) from error

    def _stream(self, host: Host) -> str:
        """Return the name of a host's log stream: it ends in a time, which each start has for itself."""
        former = sum(each["Status"] == "Starting" for each in self.job.secondary) - 1
        return f"{self.job.name}/{host.name}-{int(time.time()) + former}"


@dataclass(frozen=True)
class _Started:
    host: Host
    program: Program

    @property
    def code(self) -> int | None:
        """Return the exit code, a signal's as shells and containers tell it; None while the program runs."""
        code: int | None = self.program.process.returncode
        return code if code is None or code >= 0 else 128 - code


@dataclass
class _Watch:
    """The wait for programs that run together."""

    job: Job
    programs: Sequence[_Started]
    stopped: str = ""
    failed: _Started | None = None
    kill_at: float = math.inf

    def outcome(self, reason: Callable[[], str]) -> Outcome:
        """Wait until all have ended; a stop is passed on to all, and so is the first failure."""
        while running := [each for each in self.programs if not each.program.ends(_POLL_SECONDS / len(self.programs))]:
            self._look(reason)
            if (self.stopped or self.failed) and self.kill_at == math.inf:
                self._terminate(running)
            if time.monotonic() > self.kill_at:
                for each in running:
                    each.program.kill()
        self._look(lambda: "")
        told = self.failed or self.programs[0]
        return Outcome(told.host, told.code or 0, self.stopped)

    def _look(self, reason: Callable[[], str]) -> None:
        """Note the first failure, or else a reason to stop; what ends after a stop has not failed."""
        if not self.stopped and self.failed is None:
            self.failed = next((each for each in self.programs if each.code), None)
            self.stopped = "" if self.failed else reason()

    def _terminate(self, running: Sequence[_Started]) -> None:
        if self.stopped == spot.INTERRUPTED:
            self.job.move(spot.INTERRUPTED, "The managed spot training instances were interrupted")
        elif self.stopped:
            self.job.move("Stopping", "Stopping the job")
        for each in running:
            each.program.terminate()
        self.kill_at = time.monotonic() + GRACE_SECONDS
