"""Starts the server of an inference container."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTAINERS = Path(__file__).resolve().parents[2] / "containers" / "inference"
CONTAINER = CONTAINERS / "xgboost"


def with_inference(folder: Path, source: str, container: Path = CONTAINER) -> Path:
    """Copy the container's programs, with an inference.py of the user's beside them."""
    shutil.copytree(container, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "inference.py").write_text(source)
    return folder


def environment(container: Path, base: Path, port: int, **variables: str) -> dict[str, str]:
    """Variables of the container; no byte-code is left in the repository."""
    ours = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    ours["PYTHONPATH"] = f"{CONTAINERS}{os.pathsep}{container}"
    return {**os.environ, "MODEL_SERVER_WORKERS": "1", **ours, **variables}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_server(
    base: Path, *arguments: str, container: Path = CONTAINER, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself."""
    command = [sys.executable, "-m", "server", *(arguments or ("serve",))]
    variables = environment(container, base, free_port(), **variables)
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=600)


@dataclass
class Answer:
    """What came back."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json()["error"])


class Server:
    """The server as a process of its own, stopped on leaving."""

    def __init__(self, model: Path, container: Path = CONTAINER, **variables: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            env=environment(container, model.parent, self.port, **variables),
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Server":
        while not self.listens():
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate()

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
        finally:
            connection.close()

    def invoke(self, body: Any, content_type: str = "text/csv", accept: str = "") -> Answer:
        headers = {"Content_Type": content_type} if content_type else {}
        return self.request("POST", "/invocations", body, **headers, **({"Accept": accept} if accept else {}))
