"""Runs a host's training processes: passes SIGTERM on, and tells how the first of them failed.

They are children, so that one of them may be killed and somebody is left to say so.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from entry.errors import TrainingError
from entry.failure import ROOM
from entry.job import Job

logger = logging.getLogger("entry")

ASKED = "PROCESSES_PER_HOST"
PORT = "29500"  # where the first process listens for the others; PyTorch's own default
GRACE = 30  # seconds that the others have to end after one has failed: they may wait for it for ever
LOG = "See the job's log."
KILLED = "Probably memory ran out: choose an instance type with more of it, or keep less of the data in it."


@dataclass(frozen=True)
class Failure:
    """How a process failed; `code` is its exit status, or 128 and the number of the signal that ended it."""

    code: int
    reason: str


@dataclass(frozen=True)
class Process:
    """A running training process, and the pipe in which it tells an error."""

    pid: int
    rank: str
    told: int


def places(job: Job) -> list[dict[str, str]]:
    """Variables that tell each of this host's processes its place among all, in the names of torch.distributed.

    A script asks for as many processes as PROCESSES_PER_HOST says; one that doesn't ask is a single process.
    https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
    """
    asked = os.environ.get(ASKED, "")
    if asked and (not asked.isdecimal() or int(asked) < 1):
        raise TrainingError(f"{ASKED} is {asked!r}. Set it to a number from 1.")
    if not asked and len(job.hosts) > 1:
        raise TrainingError(
            f"The job has {len(job.hosts)} instances; this training runs on one. Set InstanceCount to 1."
        )
    count = int(asked or 1)
    first, world = job.hosts.index(job.host) * count, len(job.hosts) * count
    alone = len(job.hosts) == 1  # its name need not be known then, nor have an address
    shared = {"WORLD_SIZE": world, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1" if alone else job.hosts[0]}
    shared["MASTER_PORT"] = os.environ.get("MASTER_PORT", PORT)
    # Between hosts Gloo and NCCL take this interface, else they may choose one of the container's own.
    shared |= dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), "lo" if alone else job.interface)
    ranks = ({"RANK": first + number, "LOCAL_RANK": number, **shared} for number in range(count))
    return [{name: str(value) for name, value in rank.items()} for rank in ranks]


def run(processes: list[dict[str, str]]) -> Failure | None:
    """Run processes at their places until all have ended; returns the first failure. SIGTERM comes in blocked."""
    running = {process.pid: process for process in map(start, processes)}
    signal.signal(signal.SIGTERM, lambda *_: send(running, signal.SIGTERM))
    signal.signal(signal.SIGALRM, lambda *_: send(running, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    first = None
    while running:
        pid, status = os.wait()
        if pid not in running:
            continue  # what a script left behind is handed to a container's first process when it ends
        failure = judge(running.pop(pid), os.waitstatus_to_exitcode(status))
        if failure and not first:
            first = failure
            send(running, signal.SIGTERM)
            signal.alarm(GRACE)
    signal.alarm(0)
    return first


def start(place: dict[str, str]) -> Process:
    """Start the script at its place. It inherits that SIGTERM is blocked, and lifts that when it can handle it."""
    told, tell = os.pipe()
    os.set_inheritable(tell, True)
    os.set_blocking(told, False)  # programs that the script has left behind may hold the other end open
    command = [sys.executable, "-m", "entry.worker", str(tell)]
    pid = os.posix_spawn(sys.executable, command, {**os.environ, **place})
    os.close(tell)
    return Process(pid, place["RANK"], told)


def send(running: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that has not ended meanwhile."""
    for pid in list(running):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def judge(process: Process, code: int) -> Failure | None:
    """Return None for a process that succeeded, else why it failed: in its own words where it found any."""
    told = ""
    with suppress(BlockingIOError):
        told = os.read(process.told, ROOM).decode()
    os.close(process.told)
    if code == 0:
        return None
    if not told:
        told = f"Training process {process.rank} {ending(code)}"
        logger.error("%s", told)
    return Failure(code if code > 0 else 128 - code, told)


def ending(code: int) -> str:
    """Tell how a process ended that could not say so itself."""
    if code > 0:
        return f"exited with status {code}. {LOG}"
    names = {item.value: item.name for item in signal.Signals}
    return f"was ended by {names.get(-code, f'signal {-code}')}. {KILLED if -code == signal.SIGKILL else LOG}"
