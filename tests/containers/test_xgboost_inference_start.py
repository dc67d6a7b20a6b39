"""The inference container refuses a model folder that is not as it was trained, and ends when it is told to."""

import hashlib
import json
import os
import pickle
import resource
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import Server, run_server, with_inference

ROW = "1,2,3,4"
# Predicts once somebody writes into the pipe beside the model's folder, which blocks until the prediction is under way.
SLOW = """
import os
def model_fn(model_dir):
    return os.path.join(os.path.dirname(model_dir), "pipe")
def predict_fn(data, model):
    with open(model) as pipe:
        return [float(pipe.read())]
"""


@pytest.fixture
def base(regressor: Path, tmp_path: Path) -> Path:
    """A folder laid out like /opt/ml with a model of its own."""
    shutil.copytree(regressor, tmp_path / "model")
    return tmp_path


def rewrite_manifest(model: Path, **digests: str) -> None:
    """List what the folder holds, as whoever tampers with a model could."""
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in model.iterdir() if path.is_file()}
    files.pop("manifest.json", None)
    (model / "manifest.json").write_text(json.dumps({"files": {**files, **digests}}))


def add_pickle(model: Path, name: str) -> None:
    """Add a pickle that tells when it is loaded, and list it."""
    evil = f"cos\nsystem\n(S'touch {model.parent}/loaded'\ntR."
    (model / name).write_bytes(evil.encode())
    rewrite_manifest(model)


def add_link(model: Path) -> None:
    target = model.parent / "elsewhere.json"
    (model / "features.json").rename(target)
    (model / "features.json").symlink_to(target)


TAMPERING: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file more": (lambda model: (model / "more.json").write_text("{}"), "more.json, which manifest.json does not"),
    "a file less": (lambda model: (model / "model.ubj").unlink(), "lacks model.ubj, which manifest.json lists"),
    "a changed file": (lambda model: (model / "model.onnx").write_bytes(b"x"), "model.onnx is not the file whose SHA"),
    "no manifest": (lambda model: (model / "manifest.json").unlink(), "lacks manifest.json"),
    "a broken manifest": (lambda model: (model / "manifest.json").write_text("[]"), "manifest.json is not"),
    "a file outside": (lambda model: rewrite_manifest(model, **{"../x.json": "0"}), "lacks ../x.json"),
    "a link": (add_link, "features.json, which is a link or no file"),
    "a folder": (lambda model: (model / "code").mkdir(), "code, which is a link or no file"),
    "no folder": (shutil.rmtree, "there is no model folder"),
}


@pytest.mark.parametrize("case", TAMPERING)
def test_a_folder_that_was_tampered_with_is_refused_in_one_line(case: str, base: Path) -> None:
    tamper, message = TAMPERING[case]
    tamper(base / "model")

    ended = run_server(base)

    assert ended.returncode == 1
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (base / "loaded").exists()


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".joblib", ".pt", ".bin", ".py", ""])
def test_formats_that_may_hold_code_are_refused_even_when_listed(suffix: str, base: Path) -> None:
    add_pickle(base / "model", f"model{suffix}")

    ended = run_server(base)

    assert ended.returncode == 1
    assert f"holds model{suffix}, which is never loaded" in ended.stderr
    assert not (base / "loaded").exists()


@pytest.mark.parametrize("name", ["model.ubj", "model.onnx"])
def test_a_pickle_under_a_models_name_is_not_loaded(name: str, base: Path) -> None:
    (base / "model" / "model.onnx").unlink()  # so that model.ubj is loaded at the start
    add_pickle(base / "model", name)

    ended = run_server(base)

    assert ended.returncode == 1
    assert f"{name} is no model" in ended.stderr
    assert not (base / "loaded").exists()


def test_an_array_with_pickled_objects_is_not_loaded(base: Path) -> None:
    """The body of a request is no way in either."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {base}/loaded",)

    with Server(base / "model") as server:
        assert server.invoke(pickle.dumps(Evil()), "application/x-npy").status == 400
    assert not (base / "loaded").exists()


def test_model_and_features_that_do_not_fit_are_refused(base: Path) -> None:
    schema = json.loads((base / "model" / "features.json").read_text())
    schema["columns"].pop()
    schema["features"].pop()
    (base / "model" / "features.json").write_text(json.dumps(schema))
    rewrite_manifest(base / "model")

    ended = run_server(base)

    assert ended.returncode == 1
    assert "takes 4 features, but features.json makes 3" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("SAGEMAKER_BIND_TO_PORT", "http"), ("MODEL_SERVER_WORKERS", "0"), ("MAX_CONTENT_LENGTH", "6MB")],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: str, base: Path) -> None:
    ended = run_server(base, **{name: value})

    assert ended.returncode == 1
    assert f"{name} is '{value}'. Set a whole number above 0" in ended.stderr


def test_another_command_than_serve_is_refused(base: Path) -> None:
    assert run_server(base, "train").returncode == 2


def test_a_port_that_cannot_be_is_named(base: Path) -> None:
    ended = run_server(base, SAGEMAKER_BIND_TO_PORT="70000")

    assert ended.returncode == 1
    assert "port 70000 can't be used" in ended.stderr


def test_a_port_in_use_is_named(base: Path) -> None:
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ended = run_server(base, SAGEMAKER_BIND_TO_PORT=port)

    assert ended.returncode == 1
    assert f"port {port} can't be used" in ended.stderr


def test_it_serves_where_it_can_write_no_file(base: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        server = Server(base / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    with server:
        # Many records also load native XGBoost.
        assert [server.invoke(f"{ROW}\n" * count).status for count in (1, 1000)] == [200, 200]


def workers(server: Server) -> set[str]:
    """Process ids of a server's workers."""
    return set(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split())


def test_several_workers_answer_and_end_together(base: Path) -> None:
    with Server(base / "model", MODEL_SERVER_WORKERS="3") as server:
        children = workers(server)
        statuses = {server.invoke(ROW).status for _ in range(20)}
        concurrent = server.request("GET", "/execution-parameters").json()["MaxConcurrentTransforms"]
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0

    assert len(children) == concurrent == 3
    assert statuses == {200}
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_worker_that_was_killed_is_replaced(base: Path) -> None:
    with Server(base / "model", MODEL_SERVER_WORKERS="2") as server:
        before = workers(server)
        os.kill(int(min(before)), signal.SIGKILL)
        while len(workers(server) - before) < 1:
            assert server.process.poll() is None
            time.sleep(0.02)
        assert {server.invoke(ROW).status for _ in range(20)} == {200}
        server.process.terminate()
        assert server.process.wait(timeout=30) == 0


def test_workers_that_cannot_start_end_the_server(base: Path, tmp_path: Path) -> None:
    container = with_inference(tmp_path / "program", "def model_fn(model_dir): raise RuntimeError('no weights')")

    ended = run_server(base, container=container, MODEL_SERVER_WORKERS="2")

    assert ended.returncode == 1
    assert "model_fn of inference.py failed: RuntimeError: no weights" in ended.stderr


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_request_in_flight_is_answered_after_sigterm(count: str, base: Path, tmp_path: Path) -> None:
    os.mkfifo(base / "pipe")
    container = with_inference(tmp_path / "program", SLOW)
    with Server(base / "model", container, MODEL_SERVER_WORKERS=count) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            head = f"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\nContent-Length: {len(ROW)}"
            connection.sendall(f"{head}\r\n\r\n{ROW}".encode())
            with (base / "pipe").open("w") as pipe:
                server.process.send_signal(signal.SIGTERM)
                while server.listens():
                    pass
                pipe.write("0.25")
            answer = connection.makefile("rb").read()

        assert b" 200 " in answer.splitlines()[0]
        assert answer.splitlines()[-1] == b"0.25"
        assert server.process.wait(timeout=30) == 0


def test_it_ends_at_once_when_only_idle_connections_are_left(base: Path) -> None:
    with Server(base / "model") as server, socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 200 " in idle.recv(1000)
        server.process.terminate()
        assert server.process.wait(timeout=20) == 0
