"""Makes small models of tables as the pipeline's own scripts make them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from table_job import command

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "pipelines" / "build" / "tabular"
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


def make_model(base: Path, table: pd.DataFrame, problem_type: str, image: str, hyperparameters: dict[str, str]) -> Path:
    """Process, train by an image, and return the model's folder below `base`, a folder laid out like /opt/ml."""
    (base / "source").mkdir(parents=True)
    table.to_csv(base / "source" / "data.csv", index=False)
    places = ("--input", base / "source", "--output", base / "input" / "data", "--data-uri", "s3://bucket/data.csv")
    kind = ("--target", TARGET, "--problem-type", problem_type)
    run(sys.executable, SCRIPTS / "process.py", *kind, *places, PYTHONPATH=str(SCRIPTS.parent / "scripts"))
    training = command(image, base, hyperparameters)
    run(*training["args"], **training["env"])
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
