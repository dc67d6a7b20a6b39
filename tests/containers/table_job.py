"""A folder laid out like /opt/ml with a table, and the program of an image that trains on tables."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd

TRAINING = Path(__file__).resolve().parents[2] / "containers" / "training"

Records = npt.NDArray[np.float32]


def lay_out(base: Path) -> Path:
    """Fill the two channels: three features, of which the first decides, with noise, about the target."""
    random = np.random.default_rng(1)
    for name, rows in (("train", 400), ("validation", 150)):
        features = random.normal(size=(rows, 3))
        table = pd.DataFrame(features, columns=["a", "b", "c"])
        table.insert(0, "target", (features[:, 0] + random.normal(size=rows) > 0).astype(int))
        (base / "input" / "data" / name).mkdir(parents=True)
        table.to_csv(base / "input" / "data" / name / "part.csv", index=False)
    return base


def command(image: str, base: Path, hyperparameters: dict[str, str]) -> dict[str, Any]:
    """What runs an image's program: arguments of `subprocess.run` and `Popen`."""
    config = base / "input" / "config"
    config.mkdir(exist_ok=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    places = {"PYTHONPATH": f"{TRAINING}{os.pathsep}{TRAINING / image}", "SAGEMAKER_BASE_DIR": str(base)}
    return {"args": [sys.executable, "-u", "-m", "entry", "train"], "env": {**os.environ, **places}}


def stopped_while_reading(image: str, base: Path, hyperparameters: dict[str, str]) -> tuple[int, str]:
    """Tell a job to stop while it waits for its first channel; its exit status and what it printed."""
    # Opening a pipe blocks until there is a writer.
    pipe = base / "input" / "data" / "train" / "part.csv"
    content = pipe.read_text()
    pipe.unlink()
    os.mkfifo(pipe)
    with subprocess.Popen(**command(image, base, hyperparameters), stdout=subprocess.PIPE, text=True) as program:
        with pipe.open("w") as writer:
            program.send_signal(signal.SIGTERM)
            time.sleep(2)  # the entry hands it on to the process that waits
            writer.write(content)
        output = program.stdout.read() if program.stdout else ""
    return program.returncode, output


def change(base: Path, **columns: Callable[[pd.DataFrame], Any]) -> None:
    """Set columns of both channels; a function makes each of the table."""
    for path in (base / "input" / "data").rglob("part.csv"):
        pd.read_csv(path).assign(**columns).to_csv(path, index=False)


def files(base: Path) -> list[str]:
    return sorted(path.name for path in (base / "model").iterdir())


def failure(base: Path) -> str:
    return (base / "output" / "failure").read_text()


def records_with_gaps() -> Records:
    """A thousand records that the job hasn't seen: a quarter of the values is missing, of the last record all."""
    random = np.random.default_rng(5)
    records = random.normal(size=(1000, 3)).astype(np.float32)
    records[random.random(records.shape) < 0.25] = np.nan
    records[-1] = np.nan
    return records


def onnx_scores(base: Path, records: Records) -> Records:
    """What ONNX Runtime predicts with a job's model."""
    session = onnxruntime.InferenceSession(base / "model" / "model.onnx")
    scores: Records = session.run(None, {"input": records})[-1].reshape(len(records), -1)[:, -1]
    return scores
