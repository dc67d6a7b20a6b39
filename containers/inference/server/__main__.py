"""Serve a model under SageMaker's hosting contract: `<image> serve`, which runs `python -m server serve`.

The model is in model/ below SAGEMAKER_BASE_DIR, by default /opt/ml. Environment: SAGEMAKER_BIND_TO_PORT (8080),
MODEL_SERVER_WORKERS (one process a CPU), MAX_CONTENT_LENGTH (6 MB, in bytes). Writes no file.
"""

import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from server import artifact
from server.errors import StartError
from server.workers import Workers

CPUS = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Settings:
    """What the environment sets."""

    base: Path
    port: int
    workers: int
    limit: int  # bytes of a body


def main() -> int:
    """Serve until SIGTERM; exit 1 with one line when there is nothing to be served, 2 on a wrong command."""
    # The first process of a container ignores SIGTERM until a handler stands, and the imports below take a while.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    if sys.argv[1:] != ["serve"]:
        sys.stderr.write("usage: python -m server serve\n")
        return 2
    try:
        return serve(read_settings())
    except StartError as error:
        sys.stderr.write(f"serve: {error}\n")
        return 1


def read_settings() -> Settings:
    """Settings of the environment; StartError for a number that is none."""
    return Settings(
        Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")),
        positive("SAGEMAKER_BIND_TO_PORT", 8080),
        positive("MODEL_SERVER_WORKERS", CPUS),
        positive("MAX_CONTENT_LENGTH", 6 << 20),
    )


def positive(name: str, default: int) -> int:
    """A whole number above 0 from the environment."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or int(text) == 0:
        raise StartError(f"{name} is {text!r}. Set a whole number above 0, or leave it away for {default}.")
    return int(text)


def serve(settings: Settings) -> int:
    """Check the model, then serve it, by several workers or in this process."""
    artifact.verify(settings.base / "model")
    # The processes share the CPUs: told before a library starts threads of its own.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, CPUS // settings.workers)))
    # Not before: a model that is refused needs no ONNX Runtime. Workers share the memory of what is imported here.
    from server import worker  # noqa: PLC0415

    listener = bind(settings.port)
    work = worker.prepare(settings.base / "model", listener, settings.workers, settings.limit)
    return work() if settings.workers == 1 else Workers(settings.workers, work, listener).run()


def bind(port: int) -> socket.socket:
    """A socket for the workers to share; it listens once a worker is ready, so /ping never waits for a model."""
    # asyncio sends small answers at once, TCP_NODELAY, only where a socket tells that it is of TCP.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("", port))
    except (OSError, OverflowError) as error:
        raise StartError(f"port {port} can't be used: {error}. Set SAGEMAKER_BIND_TO_PORT.") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
