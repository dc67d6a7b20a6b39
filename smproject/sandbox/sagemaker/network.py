"""The network of a job's hosts: their names, and for isolated jobs a network of their own without a way out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from smproject.sandbox.processes import Processes
from smproject.sandbox.sagemaker import bubblewrap
from smproject.sandbox.service import ServiceError

_SYSTEM_NAMES = Path("/etc/hosts")


@dataclass(frozen=True)
class Place:
    """A program's place in its job's network: its host's name, the file with all hosts' names, and the way in.

    `entry` begins a command that is to run in the hosts' own network; it is empty where they have none.
    """

    host: str
    names: Path
    entry: tuple[str, ...] = ()


def write_names(hosts: Iterable[str], file: Path) -> None:
    """Write a hosts file: the machine's own names, and a loopback address for each host."""
    known = _SYSTEM_NAMES.read_text() if _SYSTEM_NAMES.is_file() else "127.0.0.1 localhost\n"
    lines = [f"127.0.0.{number} {host}\n" for number, host in enumerate(hosts, 1)]
    file.write_text("".join([known.rstrip("\n") + "\n", *lines]))


@contextmanager
def isolated(processes: Processes, folder: Path) -> Iterator[tuple[str, ...]]:
    """Hold a network that has a loopback device only; gives what begins a command that is to run in it.

    Raises ServiceError where this machine's namespaces don't allow one.
    """
    ready_read, ready_write = os.pipe()
    # Whoever is not root needs a user namespace of its own, or a bubblewrap with more rights would keep the network.
    owned = [] if os.geteuid() == 0 else ["--unshare-user"]
    options = ["--ro-bind", "/", "/", *owned, "--unshare-net"]
    program = ["sh", "-c", "echo ready; exec sleep infinity"]  # it runs when the loopback device is up
    with os.fdopen(ready_read) as ready:
        try:
            holder = bubblewrap.begin(
                processes,
                lambda info: ["bwrap", *options, "--info-fd", str(info), "--", *program],
                cwd=folder,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                output=ready_write,
            )
        finally:
            os.close(ready_write)
        told = ready.readline().strip()
    try:
        if told != "ready":
            raise ServiceError("ClientError", f"CannotStartContainerError: the hosts' own network was not made: {told}")
        yield _entry(holder.pid)
    finally:
        processes.forget(holder.process)


def _entry(pid: int) -> tuple[str, ...]:
    """Return what begins a command that is to run in a process's network."""
    own_user = Path("/proc/self/ns/user").readlink() != Path(f"/proc/{pid}/ns/user").readlink()
    user = ("--user", "--preserve-credentials") if own_user else ()
    return ("nsenter", "--target", str(pid), *user, "--net", "--")
