"""One worker process: loads the model and answers requests until SIGTERM."""

import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from server.app import App
from server.errors import StartError
from server.handler import Handler, own_functions

logger = logging.getLogger("serve")

BACKLOG = 2048  # connections that wait to be accepted
KEEP_ALIVE = 75  # seconds; longer than clients and proxies keep a connection, so that they are the ones to close it
GRACE = 25  # seconds for requests in flight; SageMaker kills after 30


def prepare(model: Path, listener: socket.socket, workers: int, limit: int) -> Callable[[], int]:
    """Import the user's functions, once for all workers; returns the work, whose result is its exit status."""
    own = own_functions()

    def work() -> int:
        try:
            app = App(Handler(model, own), workers, limit)
        except StartError as error:
            sys.stderr.write(f"serve: {error}\n")
            return 1
        logger.info("process %d serves %s on port %d", os.getpid(), model, listener.getsockname()[1])
        answer(app, listener)
        return 0

    return work


def answer(app: App, listener: socket.socket) -> None:
    """Answer requests until SIGTERM, and then those that are in flight."""
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    uvicorn.Server(config).run(sockets=[listener])
