"""The inference container against the classic serving stack: `python -m benchmarks.inference`.

Both serve the same model (XGBoost, 100 trees of depth 6 on 30 numbers) by one worker that is pinned to one core; wrk
loads it over 8 connections from another core. They take turns in one run; the table shows medians of the rounds:
requests a second, latency, what the same request costs without a server, memory of the worker, and the time from the
start of the process, whose files are in the page cache, to 200 on /ping. Exits 1 when a limit below is missed.
Needs two cores and wrk.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smproject.sandbox import environments

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
INFERENCE = ROOT / "containers" / "inference"
CONTAINER = INFERENCE / "xgboost"
TRAINING = ROOT / "containers" / "training"
FEATURES = [f"feature_{number}" for number in range(30)]
PORT = 4568
ROUNDS = 5
SECONDS = 3  # of load, each time
CONNECTIONS = 8
MEGABYTE = 1 << 20
MIN_SPEED_UP = 10.0  # of one-row requests a second
MAX_START = 1.0  # seconds
MAX_MEMORY = 80.0  # MB a worker

# wrk's own summary rounds; this prints what it counted. https://github.com/wg/wrk/blob/master/SCRIPTING
LOAD = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/csv"
wrk.body = io.open(os.getenv("BODY"), "rb"):read("*a")
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{"rate": %f, "p50": %f, "p99": %f, "failed": %d}',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
"""


@dataclass(frozen=True)
class Stack:
    """A way to serve the model."""

    name: str
    python: Path
    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Bodies:
    """Request bodies, each in a file."""

    one: Path
    hundred: Path


def main() -> int:
    """Measure and print; return 1 when a limit is missed."""
    if not shutil.which("wrk"):
        sys.exit("benchmarks.inference: wrk is not installed. Install it: apt-get install wrk")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("benchmarks.inference: needs two cores, one for the server and one for wrk.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, bodies = _train(folder), _bodies(folder)
        stacks = _stacks(model)
        rounds: dict[str, list[dict[str, float]]] = {stack.name: [] for stack in stacks}
        for _ in range(ROUNDS):
            for stack in stacks:
                rounds[stack.name].append(_measure(stack, bodies, folder))
        medians = {
            name: {key: statistics.median(found[key] for found in many) for key in many[0]}
            for name, many in rounds.items()
        }
        for stack in stacks:
            medians[stack.name] |= _calls(stack, model, bodies)
    _print_table(medians)
    return int(not _is_within_limits(medians["container"], medians["classic"]))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _environment(requirements: Path) -> Path:
    """Python with these requirements; kept for the next run."""
    return environments.shared(environments.read_requirements(requirements), _say) / "bin" / "python"


def _train(folder: Path) -> Path:
    """Train by the training image's program; returns the model's folder."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(5000, len(FEATURES))).round(4), columns=FEATURES)
    table.insert(0, "target", (table.iloc[:, :5].sum(axis=1) + random.normal(size=5000) > 0).astype(int))
    columns = [{"name": name, "kind": "numeric"} for name in FEATURES]
    kind = {"version": 1, "problem_type": "binary_classification", "target": {"name": "target", "classes": ["0", "1"]}}
    files = {
        "input/data/train/data.csv": table[:4000].to_csv(index=False),
        "input/data/validation/data.csv": table[4000:].to_csv(index=False),
        "input/data/metadata/features.json": json.dumps({**kind, "columns": columns, "features": FEATURES}),
        "input/config/hyperparameters.json": json.dumps({"num_round": "100", "max_depth": "6"}),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    command = [str(_environment(TRAINING / "xgboost" / "requirements.txt")), "-m", "entry", "train"]
    programs = f"{TRAINING}{os.pathsep}{TRAINING / 'xgboost'}"
    env = {**os.environ, "PYTHONPATH": programs, "SAGEMAKER_BASE_DIR": str(folder)}
    subprocess.run(command, check=True, capture_output=True, env=env)
    return folder / "model"


def _bodies(folder: Path) -> Bodies:
    """CSV of one row and of a hundred."""
    rows = pd.DataFrame(np.random.default_rng(1).normal(size=(100, len(FEATURES))).round(4))
    bodies = Bodies(folder / "one.csv", folder / "hundred.csv")
    rows.head(1).to_csv(bodies.one, index=False, header=False)
    rows.to_csv(bodies.hundred, index=False, header=False)
    return bodies


def _stacks(model: Path) -> list[Stack]:
    container, classic = _environment(CONTAINER / "requirements.txt"), _environment(BENCHMARKS / "requirements.txt")
    ours = {"SAGEMAKER_BASE_DIR": str(model.parent), "SAGEMAKER_BIND_TO_PORT": str(PORT), "MODEL_SERVER_WORKERS": "1"}
    programs = f"{INFERENCE}{os.pathsep}{CONTAINER}"
    plain = {"MODEL_FOLDER": str(model), "OMP_NUM_THREADS": "1"}
    gunicorn = ["-m", "gunicorn", "--workers", "1", "--bind", f"127.0.0.1:{PORT}", "classic_server:app"]
    return [
        Stack("container", container, ["-m", "server", "serve"], {**ours, "PYTHONPATH": programs}),
        Stack("classic", classic, gunicorn, {**plain, "PYTHONPATH": str(BENCHMARKS)}),
    ]


def _pinned(core: int, *command: object, **environment: str) -> tuple[list[str], dict[str, str]]:
    """A command that runs on one of the cores that this process may use, and its environment."""
    cores = sorted(os.sched_getaffinity(0))
    pinned = ["taskset", "-c", str(cores[core]), *map(str, command)]
    return pinned, {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}


def _measure(stack: Stack, bodies: Bodies, folder: Path) -> dict[str, float]:
    """Start a server, load it, stop it."""
    command, environment = _pinned(0, stack.python, *stack.command, **stack.environment)
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_until_ready(server)
            found = {"start": time.perf_counter() - started}
            for name, body in (("one", bodies.one), ("hundred", bodies.hundred)):
                _load(body, folder, seconds=1)  # what is loaded on first use
                found |= {f"{name}_{key}": value for key, value in _load(body, folder, SECONDS).items()}
            found["memory"] = _memory(server.pid)
        finally:
            server.terminate()
    return found


def _wait_until_ready(server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ping", timeout=5)
        except urllib.error.URLError:
            time.sleep(0.002)
        else:
            return
    raise RuntimeError(f"the server ended with {server.returncode}. Is port {PORT} in use?")


def _load(body: Path, folder: Path, seconds: int) -> dict[str, float]:
    """Requests a second, and latency in milliseconds."""
    script = folder / "load.lua"
    script.write_text(LOAD)
    options = ("--threads", 1, "--connections", CONNECTIONS, "--duration", f"{seconds}s", "--script", script)
    command, environment = _pinned(1, "wrk", *options, f"http://127.0.0.1:{PORT}/invocations", BODY=str(body))
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    if found.pop("failed"):
        raise RuntimeError(f"requests failed:\n{output}")
    return found


def _memory(pid: int) -> float:
    """Resident MB of the largest process of a tree, which is the worker."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    own = pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
    return max([own, *(_memory(int(child)) for child in children)])


def _calls(stack: Stack, model: Path, bodies: Bodies) -> dict[str, float]:
    """Milliseconds of the same work without a server."""
    program = (BENCHMARKS / "inference_calls.py", stack.name, model, bodies.one, bodies.hundred)
    command, environment = _pinned(0, stack.python, *program, **{"OMP_NUM_THREADS": "1", **stack.environment})
    found: Any = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    one, hundred = (microseconds / 1e3 for microseconds in found["calls"])
    return {"one_call": one, "hundred_call": hundred, "crossover": found.get("crossover", 0)}


def _print_table(medians: dict[str, dict[str, float]]) -> None:
    head = ("stack", "rows", "requests/s", "p50 ms", "p99 ms", "in process ms", "MB a worker", "start s")
    _say("".join(f"{title:>15}" for title in head))
    for stack, found in medians.items():
        for rows, name in ((1, "one"), (100, "hundred")):
            numbers = (found[f"{name}_{key}"] for key in ("rate", "p50", "p99", "call"))
            cells = "".join(f"{number:>15,.2f}" for number in (*numbers, found["memory"], found["start"]))
            _say(f"{stack:>15}{rows:>15}{cells}")
    _say(f"Native XGBoost is faster than ONNX Runtime from about {medians['container']['crossover']:.0f} rows.")


def _is_within_limits(container: dict[str, float], classic: dict[str, float]) -> bool:
    """Print each limit with what was found."""
    speed_up, latency = container["one_rate"] / classic["one_rate"], container["one_p99"] / classic["one_p99"]
    start, memory = container["start"], container["memory"]
    limits = {
        f"one-row requests a second, container / classic: {speed_up:.1f} (at least {MIN_SPEED_UP})": (
            speed_up >= MIN_SPEED_UP
        ),
        f"one-row p99, container / classic: {latency:.2f} (below 1)": latency < 1,
        f"cold start of the container: {start:.2f} s (below {MAX_START})": start < MAX_START,
        f"memory of the container's worker: {memory:.0f} MB (below {MAX_MEMORY:.0f})": memory < MAX_MEMORY,
    }
    for text, is_met in limits.items():
        _say(text if is_met else f"MISSED  {text}")
    return all(limits.values())


if __name__ == "__main__":
    sys.exit(main())
