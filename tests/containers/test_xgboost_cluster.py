"""The training container's program on several instances, each with its share of the rows."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from table_job import files
from test_xgboost_training import FAST, configure

HOSTS = ("127.0.0.1", "127.0.0.2")  # the names of two instances, which this machine resolves


def table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 3))
    found = pd.DataFrame(features, columns=["a", "b", "c"])
    found.insert(0, "target", (features[:, 0] + features[:, 1] * features[:, 2] > 0).astype(int))
    return found


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def start(base: Path, host: str, port: str, **hyperparameters: str) -> subprocess.Popen[str]:
    command = configure(base, {**FAST, **hyperparameters})
    (base / "input" / "config" / "resourceconfig.json").write_text(json.dumps({"current_host": host, "hosts": HOSTS}))
    variables = {"MASTER_PORT": port, "PROCESSES_PER_HOST": "1"}
    return subprocess.Popen(
        command["args"],
        env={**command["env"], **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def write(base: Path, train: pd.DataFrame) -> Path:
    """Lay out an instance's /opt/ml."""
    for name, rows in (("train", train), ("validation", table(400, 2))):
        (base / "input" / "data" / name).mkdir(parents=True)
        rows.to_csv(base / "input" / "data" / name / "part.csv", index=False)
    return base


@pytest.fixture
def instances(tmp_path: Path) -> list[Path]:
    """Two instances with a half of the rows each."""
    rows = table(1200, 1)
    return [write(tmp_path / host, rows[number::2]) for number, host in enumerate(HOSTS)]


def ended(programs: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    outputs = [program.communicate(timeout=600)[0] for program in programs]
    return [(program.returncode, output) for program, output in zip(programs, outputs, strict=True)]


def accuracy(model: Path) -> float:
    unseen = table(2000, 3)
    booster = xgb.Booster(model_file=model / "model.ubj")
    return float(np.mean((booster.predict(xgb.DMatrix(unseen.iloc[:, 1:])) > 0.5) == unseen["target"]))


def test_two_instances_learn_from_all_rows_and_the_first_keeps_the_model(instances: list[Path], tmp_path: Path) -> None:
    port = free_port()
    found = ended([start(base, host, port) for base, host in zip(instances, HOSTS, strict=True)])
    assert [code for code, _ in found] == [0, 0], found
    assert files(instances[0]) == ["manifest.json", "model.onnx", "model.ubj"]
    assert not (instances[1] / "model").exists()
    assert "validation:auc=" in found[0][1]
    assert "auc" not in found[1][1]
    # What one instance learns of all rows is as good as that; of a half it is not.
    alone, half = (
        subprocess.run(**configure(write(tmp_path / name, rows), FAST), check=True, capture_output=True)
        and accuracy(tmp_path / name / "model")
        for name, rows in (("alone", table(1200, 1)), ("half", table(1200, 1)[::2].head(100)))
    )
    assert half + 0.02 < accuracy(instances[0] / "model") == pytest.approx(alone, abs=0.02)


def test_an_instance_that_starts_late_is_waited_for(instances: list[Path]) -> None:
    port = free_port()
    second = start(instances[1], HOSTS[1], port)
    time.sleep(3)
    found = ended([start(instances[0], HOSTS[0], port), second])
    assert [code for code, _ in found] == [0, 0], found


def test_a_stop_that_one_instance_hears_first_ends_all_in_the_same_round(instances: list[Path]) -> None:
    port = free_port()
    programs = [start(base, host, port, num_round="100000") for base, host in zip(instances, HOSTS, strict=True)]
    assert programs[0].stdout
    next(line for line in programs[0].stdout if "validation:auc" in line)
    programs[1].send_signal(signal.SIGTERM)
    found = ended(programs)
    assert [code for code, _ in found] == [0, 0], found
    assert "Stopped after" in found[0][1]
    assert "model.ubj" in files(instances[0])


def test_a_share_that_is_missing_ends_the_job_with_its_reason(instances: list[Path]) -> None:
    (instances[1] / "input" / "data" / "train" / "part.csv").unlink()
    port = free_port()
    first, second = (start(base, host, port) for base, host in zip(instances, HOSTS, strict=True))
    ((code, output),) = ended([second])
    os.killpg(first.pid, signal.SIGKILL)  # as SageMaker does with the others
    first.communicate()
    assert code == 1
    assert "Channel 'train'" in (instances[1] / "output" / "failure").read_text()
    assert "Channel 'train'" in output


def test_several_instances_with_gpus_are_refused(instances: list[Path]) -> None:
    port = free_port()
    found = ended([start(base, host, port, device="cuda") for base, host in zip(instances, HOSTS, strict=True)])
    assert [code for code, _ in found] == [1, 1], found
    for base in instances:
        assert "2 instances; on GPUs this training runs on one" in (base / "output" / "failure").read_text()
