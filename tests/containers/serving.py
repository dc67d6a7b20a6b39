"""Makes small models as the pipeline's own scripts make them, and starts the inference container's server on them."""

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

import numpy as np
import pandas as pd
import xgboost as xgb

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "containers" / "inference" / "xgboost"
SCRIPTS = ROOT / "pipelines" / "build" / "tabular"
TRAINING = ROOT / "containers" / "training"
TARGET = "left"


def customers(rows: int = 400) -> pd.DataFrame:
    """Records of every kind that the encoding knows, gaps, odd names and odd categories among them."""
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "age": random.integers(18, 80, rows).astype(float),
            "plan": random.choice(["basic", "pro, yearly", 'the "team"'], rows),
            "size[mm]": random.normal(size=rows).round(3),
            "active": random.choice([True, False], rows),
            "plan=basic": random.normal(size=rows).round(3),
            "code": random.choice(["1", "2", "A"], rows),
        }
    )
    score = table["age"] / 20 + table["active"] * 2 + (table["plan"] == "basic") + random.normal(size=rows)
    for name in ("age", "plan", "code"):
        table[name] = table[name].mask(random.random(rows) < 0.1)
    table[TARGET] = np.where(score > score.median(), "yes", "no")
    return table


def numbers(rows: int = 300) -> pd.DataFrame:
    """Records of numbers alone, and a number to predict."""
    random = np.random.default_rng(4)
    table = pd.DataFrame(random.normal(size=(rows, 4)).round(3), columns=["a", "b", "c", "d"])
    table[TARGET] = (table["a"] * 3 - table["b"] + random.normal(size=rows)).round(3)
    return table


def make_model(base: Path, table: pd.DataFrame, problem_type: str, objective: str) -> Path:
    """Process, train, and return the model's folder below `base`, a folder laid out like /opt/ml."""
    (base / "source").mkdir(parents=True)
    table.to_csv(base / "source" / "data.csv", index=False)
    places = ("--input", base / "source", "--output", base / "input" / "data", "--data-uri", "s3://bucket/data.csv")
    kind = ("--target", TARGET, "--problem-type", problem_type)
    run(sys.executable, SCRIPTS / "process.py", *kind, *places, PYTHONPATH=str(SCRIPTS.parent / "scripts"))
    (base / "input" / "config").mkdir(parents=True)
    hyperparameters = {"num_round": "12", "max_depth": "4", "objective": objective, "eval_metric": "rmse"}
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    programs = f"{TRAINING}{os.pathsep}{TRAINING / 'xgboost'}"
    run(sys.executable, "-m", "entry", "train", PYTHONPATH=programs, SAGEMAKER_BASE_DIR=str(base))
    return base / "model"


def run(*command: Any, **variables: str) -> None:
    words = [str(word) for word in command]
    finished = subprocess.run(words, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def expected(model: Path, records: pd.DataFrame) -> Any:
    """Scores by the training side's own encoding and the native booster."""
    if str(SCRIPTS) not in sys.path:
        sys.path.insert(0, str(SCRIPTS))
    from encoding import encode  # noqa: PLC0415  # the pipeline's script, not a package

    schema = json.loads((model / "features.json").read_text())
    booster = xgb.Booster(model_file=model / "model.ubj")
    return booster.predict(xgb.DMatrix(encode(records, schema["columns"])))


def with_inference(folder: Path, source: str) -> Path:
    """Copy the container's programs, with an inference.py of the user's beside them."""
    shutil.copytree(CONTAINER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "inference.py").write_text(source)
    return folder


def environment(base: Path, port: int, **variables: str) -> dict[str, str]:
    """Variables of the container; no byte-code is left in the repository."""
    ours = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, "MODEL_SERVER_WORKERS": "1", **ours, **variables}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_server(
    base: Path, *arguments: str, container: Path = CONTAINER, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself."""
    command = [sys.executable, str(container / "server.py"), *(arguments or ("serve",))]
    variables = environment(base, free_port(), **variables)
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)


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
            [sys.executable, str(container / "server.py"), "serve"],
            env=environment(model.parent, self.port, **variables),
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
