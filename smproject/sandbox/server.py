"""The sandbox's server process: `python -m smproject.sandbox.server --home DIR --port N`."""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import shutil
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import IO

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from smproject.sandbox import accounts, alarms, image_store, schedules, services
from smproject.sandbox.door import Door
from smproject.sandbox.lifecycle import LOCK, UNREADABLE
from smproject.sandbox.state.decoder import UnreadableError
from smproject.sandbox.state.keeper import Keeper
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"  # loopback only: the sandbox trusts whoever reaches it


class QuietHandler(MotoRequestHandler):  # type: ignore[misc]  # moto is untyped
    """Speaks HTTP/1.1, for uploads that await `100 Continue`, and leaves the logging of requests to the call log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: the call log has it."""


def build(home: Path, port: int, region: str) -> tuple[World, BaseWSGIServer]:
    """Make the world and its server, which listens from now on; raises OSError when the port is taken."""
    home.mkdir(parents=True, exist_ok=True)
    world = World(home, f"http://{HOST}:{port}", region)
    door = Door(world)
    server = make_server(HOST, port, door, threaded=True, request_handler=QuietHandler)
    world.services.update(services.build(world))
    return world, server


def main() -> None:
    """Serve until SIGTERM, then stop every job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", default="us-east-1")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the foreground; `sandbox down` ends the server
    with _lock(options.home):
        _serve(options, ended)
    os._exit(0)  # all is written, and the interpreter's own end would wait for threads that follow jobs


def _serve(options: argparse.Namespace, ended: threading.Event) -> None:
    world, server = build(options.home, options.port, options.region)
    keeper = Keeper(world)
    _clear(world.home)
    restored = _restore(keeper)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        if restored:
            accounts.renew(world)
            _resume(world)
        else:
            accounts.prepare(world)
        keeper.start()
        alarms.watch(world)
        schedules.watch(world)
        _say_ready(world, options.port)
        ended.wait()
    finally:
        (options.home / "server.json").unlink(missing_ok=True)
        keeper.end()  # before the jobs are stopped: the next start tells that they were interrupted
        world.processes.stop_all()
        server.shutdown()  # else the thread in serve_forever keeps the port
        server.server_close()


def _restore(keeper: Keeper) -> bool:
    """Take up former state; a state that can't be read ends the server with its reason as the log's last line."""
    try:
        return keeper.restore()
    except (UnreadableError, sqlite3.DatabaseError) as error:
        LOG.exception("the state in %s can't be read", keeper.store.path)
        sys.stderr.write(f"{error}\n".splitlines()[0] + "\n")
        sys.stderr.flush()
        os._exit(UNREADABLE)


def _resume(world: World) -> None:
    """Let every service take up its state; one that fails must not keep the others from it."""
    for name, service in world.services.items():
        try:
            service.resume()
        except Exception:
            LOG.exception("%s could not take up its state", name)


def _clear(home: Path) -> None:
    """Remove the folders of what an earlier server ran."""
    for name in ("builds", "endpoints", "jobs"):
        shutil.rmtree(home / name, ignore_errors=True)
    image_store.clear(home / "images")


def _lock(home: Path) -> IO[str]:
    """Take the lock that tells a running server from what a killed one left; raises BlockingIOError when it's taken."""
    home.mkdir(parents=True, exist_ok=True)
    lock = (home / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _say_ready(world: World, port: int) -> None:
    """Write the file whose presence means that the sandbox serves."""
    state = {"pid": os.getpid(), "port": port, "endpoint": world.endpoint, "region": world.region}
    draft = world.home / "server.json.draft"
    draft.write_text(json.dumps(state))
    draft.rename(world.home / "server.json")


if __name__ == "__main__":
    main()
