"""`<image> serve` with the model that the training job left."""

import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest
import xgboost as xgb
from jobs import Job
from podman import Container, podman

READ_ONLY = ("--read-only", "--read-only-tmpfs=false")
READY = " serves /opt/ml/model on port "  # what each worker logs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(image: str, model: Path, *options: str) -> Iterator[Container]:
    mounted = f"--volume={model}:/opt/ml/model:ro"
    with Container(image, "serve", options=(mounted, "--env=MODEL_SERVER_WORKERS=2", *options)) as container:
        container.wait_for(READY)
        yield container


def call(port: int, path: str, body: bytes | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET" if body is None else "POST", path, body, {"Content-Type": "text/csv"})
    with closing(connection), connection.getresponse() as response:
        return response.status, response.read().decode()


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def endpoint(server: str, trained: Job, port: int) -> Iterator[Container]:
    """A server on the port that SageMaker chose, on a file system that can't be written."""
    with serving(server, trained.base / "model", f"--env=SAGEMAKER_BIND_TO_PORT={port}", *READ_ONLY) as container:
        yield container


def scores_of(model: Path, records: Path) -> tuple[bytes, list[float]]:
    """Records as a client sends them, and what xgboost of this machine says of the same rows, encoded."""
    encoded = pd.read_csv(records / "test.csv").iloc[:, 1:]
    scores = xgb.Booster(model_file=model / "model.ubj").predict(xgb.DMatrix(encoded))
    return pd.read_csv(records / "records.csv").to_csv(index=False, header=False).encode(), list(map(float, scores))


def test_server_answers_on_the_port_it_was_given(endpoint: Container, port: int, trained: Job, processed: Path) -> None:
    body, expected = scores_of(trained.base / "model", processed / "test")
    assert call(port, "/ping")[0] == 200
    status, answer = call(port, "/invocations", body)
    assert status == 200
    assert [float(score) for score in answer.split()] == pytest.approx(expected, abs=1e-4)
    assert call(port, "/invocations", b"one,field\n")[0] == 400


def test_server_is_not_root_and_can_write_nothing(endpoint: Container) -> None:
    tries = "import os; print(os.getuid(), os.getgid()); open('/tmp/file', 'w')"
    assert endpoint.execute("python", "-c", f"try:\n    {tries}\nexcept OSError as error:\n    print(error)") == (
        "65534 65534\n[Errno 30] Read-only file system: '/tmp/file'\n"
    )


def test_image_says_that_its_port_may_be_chosen(server: str) -> None:
    labels = json.loads(podman("image", "inspect", server))[0]["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def test_server_in_network_isolation_answers_on_port_8080(server: str, trained: Job, processed: Path) -> None:
    body, expected = scores_of(trained.base / "model", processed / "test")
    asks = (
        "import sys; from urllib.request import Request, urlopen\n"
        "kind = {'Content-Type': 'text/csv'}\n"
        "request = Request('http://127.0.0.1:8080/invocations', sys.argv[1].encode(), kind)\n"
        "print(urlopen('http://127.0.0.1:8080/ping').status, urlopen(request).read().decode())"
    )
    with serving(server, trained.base / "model", "--network=none", *READ_ONLY) as container:
        status, *scores = container.execute("python", "-c", asks, body.decode()).split()
    assert status == "200"
    assert list(map(float, scores)) == pytest.approx(expected, abs=1e-4)


def test_sigterm_ends_the_server_in_time(server: str, trained: Job) -> None:
    with serving(server, trained.base / "model", f"--env=SAGEMAKER_BIND_TO_PORT={free_port()}") as container:
        assert container.stop(30) == 0, container.log()


def test_model_that_is_not_the_one_of_its_manifest_is_refused(server: str, trained: Job, tmp_path: Path) -> None:
    shutil.copytree(trained.base / "model", tmp_path / "model")
    (tmp_path / "model" / "model.onnx").write_bytes(b"another")
    with Container(server, "serve", options=(f"--volume={tmp_path / 'model'}:/opt/ml/model:ro",)) as container:
        assert container.wait() == 1
        assert "model.onnx is not the file whose SHA-256" in container.log()
