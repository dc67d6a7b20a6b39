"""The sandbox's server process: `python -m smproject.sandbox.server --home DIR --port N`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from smproject.sandbox import accounts, services
from smproject.sandbox.calllog import CallLog
from smproject.sandbox.door import Door
from smproject.sandbox.world import World

HOST = "127.0.0.1"  # loopback only: the sandbox trusts whoever reaches it


class QuietHandler(MotoRequestHandler):
    """Keeps connections open and leaves the logging of requests to the call log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write nothing: the call log has it."""


def build(home: Path, port: int, region: str) -> tuple[World, BaseWSGIServer]:
    """Make the world and its server, ready to serve; raises OSError when the port is taken."""
    home.mkdir(parents=True, exist_ok=True)
    world = World(home, f"http://{HOST}:{port}", region)
    door = Door(world, CallLog(home / "calls.jsonl"))
    server = make_server(HOST, port, door, threaded=True, request_handler=QuietHandler)
    world.services.update(services.build(world))
    accounts.prepare(world)
    return world, server


def main() -> None:
    """Serve until SIGTERM or SIGINT, then stop every job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", default="us-east-1")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    world, server = build(options.home, options.port, options.region)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the foreground's; `sandbox down` ends the server
    state = {"pid": os.getpid(), "port": options.port, "endpoint": world.endpoint, "region": options.region}
    (options.home / "server.json").write_text(json.dumps(state))
    try:
        server.serve_forever()
    finally:
        world.processes.stop_all()
        (options.home / "server.json").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
