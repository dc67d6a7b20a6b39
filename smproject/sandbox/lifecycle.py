"""Starting and stopping the sandbox's server, and telling clients how to reach it."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from smproject.errors import SandboxError
from smproject.sandbox import mode
from smproject.sandbox.state.store import FILE, Store, version

# Profile name -> (account, the role that a person of that account works with).
ACCOUNTS = {
    "shared-services": ("111111111111", "PlatformEngineer"),
    "development": ("222222222222", "DataScientist"),
    "staging": ("333333333333", "MLEngineer"),
    "production": ("444444444444", "MLEngineer"),
}
DEFAULT_PORT, DEFAULT_REGION = 4566, "us-east-1"
UNREADABLE = 3  # the server's exit status when it can't read the state
LOCK = "server.lock"  # in the home, locked by the server while it lives
START_SECONDS = 60.0
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Running:
    """A sandbox that serves."""

    home: Path
    pid: int
    port: int
    endpoint: str
    region: str


def default_home() -> Path:
    """Return the folder of the sandbox's files: SMPROJECT_SANDBOX_HOME, else under the user's state folder."""
    if given := os.environ.get("SMPROJECT_SANDBOX_HOME"):
        return Path(given).absolute()
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "smproject" / "sandbox"


def find(home: Path) -> Running | None:
    """Return the sandbox that serves from a folder; None when there is none."""
    try:
        state = json.loads((home / "server.json").read_text())
    except FileNotFoundError:
        return None
    if not _serves(home):  # it was killed: by now its process id may be anybody's
        return None
    return Running(home, state["pid"], state["port"], state["endpoint"], state["region"])


def require(home: Path) -> Running:
    """Return the running sandbox; raises SandboxError when there is none."""
    running = find(home)
    if running is None:
        raise SandboxError(f"No sandbox runs from {home}. Run: smproject sandbox up")
    return running


@dataclass(frozen=True)
class Kept:
    """The state that a home holds: when it was written, where it was served, and what of it could not be written."""

    saved: str
    port: int
    region: str
    unkept: list[str]


def holds_state(home: Path) -> bool:
    """Tell whether a home holds a sandbox's state, readable or not."""
    return (home / FILE).exists()


def size(home: Path) -> int:
    """Return how many bytes the files of a home take."""
    return sum(path.lstat().st_size for path in home.rglob("*") if path.is_file() and not path.is_symlink())


def kept(home: Path) -> Kept | None:
    """Return the state that a home holds; None when it holds none. Raises SandboxError when this version can't read it.

    Only the server reads the state itself; this looks at what is written about it.
    """
    if not holds_state(home):
        return None
    try:
        facts = Store(home).facts()
        here, found = version(), {name: facts[name] for name in version()}
        port = int(facts["endpoint"].rpartition(":")[2])
    except (sqlite3.DatabaseError, KeyError, ValueError) as error:
        raise SandboxError(f"The state in {home / FILE} is damaged ({error}). {_RESET}") from error
    if found != here:
        differing = ", ".join(f"{name} {found[name]}, not {here[name]}" for name in here if found[name] != here[name])
        raise SandboxError(f"The state in {home / FILE} was written by another version ({differing}). {_RESET}")
    return Kept(facts["saved"], port, facts["region"], facts["unkept"].splitlines())


_RESET = "To start from nothing, run: smproject sandbox reset"


def up(home: Path, port: int | None = None, region: str | None = None) -> Running:
    """Start the server and wait until it serves, with the state that the home holds, else in an empty home.

    Port and region are the state's unless they are given. Raises SandboxError when it can't start.
    """
    mode.permissions()  # told here, not in the server's log
    former = kept(home)
    port = port or (former.port if former else DEFAULT_PORT)
    region = region or (former.region if former else DEFAULT_REGION)
    _refuse_taken(port)
    if former is None:
        wipe(home)  # a start that came to nothing left what belongs to nothing
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / "server.json").unlink(missing_ok=True)  # of a server that was killed
    command = [
        sys.executable,
        "-m",
        "smproject.sandbox.server",
        "--home",
        str(home),
        "--port",
        str(port),
        "--region",
        region,
    ]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_clean()
        )
    try:
        return _await_start(home, server)
    except BaseException:  # Ctrl-C too: until it serves, nobody else can find it to stop it
        server.kill()
        server.wait()
        raise


def forget(home: Path) -> None:
    """Remove the state alone; the logs stay for whoever wants to know how it went."""
    (home / FILE).unlink(missing_ok=True)


def wipe(home: Path) -> None:
    """Remove a sandbox's files, state and all; raises SandboxError for a folder that holds something else."""
    _refuse_foreign(home)
    shutil.rmtree(home, ignore_errors=True)


def _await_start(home: Path, server: subprocess.Popen[bytes]) -> Running:
    deadline = time.monotonic() + START_SECONDS
    while (running := find(home)) is None:
        if server.poll() == UNREADABLE:
            raise SandboxError(f"The state in {home / FILE} can't be read ({_tail(home, 1)}). {_RESET}")
        if server.poll() is not None or time.monotonic() > deadline:
            raise SandboxError(f"The sandbox did not start; its log {home / 'server.log'} ends:\n{_tail(home)}")
        time.sleep(0.05)
    return running


def down(home: Path) -> Running | None:
    """Stop the server with every job it runs; return what was stopped, None when nothing ran."""
    running = find(home)
    if running is None:
        return None
    os.kill(running.pid, signal.SIGTERM)
    if not _ends(home):
        os.kill(running.pid, signal.SIGKILL)
        _ends(home)
    (home / "server.json").unlink(missing_ok=True)
    return running


def environment(running: Running, profile: str = "development") -> dict[str, str]:
    """Return the variables with which every AWS client, and git, uses the sandbox."""
    aws = shlex.quote(str(Path(sys.executable).with_name("aws")))
    scope = f"credential.{running.endpoint}"
    # git also asks helpers to store and erase, which the AWS CLI answers with complaints.
    git = [
        (f"{scope}.helper", ""),  # drops the user's own helpers
        (
            f"{scope}.helper",
            f'!f() {{ test "$1" != get || {aws} codecommit credential-helper --ignore-host-check get; }}; f',
        ),
        (f"{scope}.UseHttpPath", "true"),
    ]
    variables = {
        "SMPROJECT_SANDBOX_HOME": str(running.home),
        "AWS_CONFIG_FILE": str(running.home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(running.home / "credentials"),
        "AWS_PROFILE": profile,
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_REGION": running.region,
        "AWS_DEFAULT_REGION": running.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(git)),
    }
    for number, (key, value) in enumerate(git):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def shadowing() -> list[str]:
    """Return the variables that AWS clients would heed before those of `environment`."""
    own_endpoints = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]
    return [*_SHADOWING, *sorted(own_endpoints)]


_SHADOWING = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_DEFAULT_PROFILE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)


def _clean() -> dict[str, str]:
    """Return our environment without any AWS setting of the user's."""
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}


def _refuse_foreign(home: Path) -> None:
    """Refuse a folder with somebody's files, which starting would remove."""
    if home.exists() and not (home / "server.log").exists() and any(home.iterdir()):
        raise SandboxError(f"{home} holds files that are not a sandbox's. Name an empty folder with --home.")


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SandboxError(
                f"Port {port} on 127.0.0.1 is in use ({error.strerror}). Stop what uses it, or choose "
                "another: --port, or PORT=... with make."
            ) from error


def _ends(home: Path) -> bool:
    """Wait for the server's end; tell whether it came in time."""
    deadline = time.monotonic() + STOP_SECONDS
    while _serves(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _serves(home)


def _serves(home: Path) -> bool:
    """Tell whether a server holds its lock on a home, which it does to its very end, however that comes."""
    try:
        with (home / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _tail(home: Path, lines: int = 5) -> str:
    return "\n".join((home / "server.log").read_text().splitlines()[-lines:])
