"""What the PyTorch training program adds to a bare loop: `python -m benchmarks.training`.

Three ratios of one run, on this machine's CPU:
- its steps against those of a bare loop with the same network, optimizer and batches, in turns (limit 1.05);
- two processes against one, the same cores shared among them, by the pictures a second that they tell;
- a job that is told to end half-way and started again, against one that runs through.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "containers" / "training" / "vision"
ROUNDS, IMAGES, SIZE, BATCH, EPOCHS = 7, 1280, 32, 64, 6
LIMITS = {
    "steps / bare steps": 1.05,
    "seconds of two processes / of one": 1.5,
    "interrupted job / uninterrupted job": 2.0,
}


def main() -> int:
    """Measure and print; return 1 when a ratio is over its limit."""
    sys.path[:0] = [str(PROGRAM.parent), str(PROGRAM)]
    with tempfile.TemporaryDirectory() as folder:
        ratios = dict(zip(LIMITS, (_steps(_job(Path(folder, "a"))), *_jobs(Path(folder))), strict=True))
    for name, ratio in ratios.items():
        sys.stdout.write(f"{name}: {ratio:.2f} (limit {LIMITS[name]})\n")
    return int(any(ratio > LIMITS[name] for name, ratio in ratios.items()))


def _job(base: Path) -> Path:
    """Lay out a training job of noise in ten classes."""
    random = np.random.default_rng(0)
    for name, count in (("train", IMAGES), ("validation", BATCH)):
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", random.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8))
        np.save(folder / "labels.npy", random.integers(0, 10, count))
    given = {"epochs": str(EPOCHS), "batch_size": str(BATCH)}
    schema = {"target": {"classes": [str(number) for number in range(10)]}}
    for path, content in (("config/hyperparameters", given), ("data/metadata/features", schema)):
        file = base / "input" / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    return base


def _steps(base: Path) -> float:
    """Median time of a step, as a multiple of a bare loop's; in turns, so that both find the same machine."""
    torch = importlib.import_module("torch")
    loops = (_ours(base, torch), _bare(base, torch))
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS * (IMAGES // BATCH)):
        for which in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            next(loops[which])
            times[which].append(time.perf_counter() - began)
    warm = IMAGES // BATCH
    ours, bare = (statistics.median(each[warm:]) for each in times)
    sys.stdout.write(f"a step: {1000 * ours:.1f} ms, bare {1000 * bare:.1f} ms; medians of {len(times[0]) - warm}\n")
    return ours / bare


def _ours(base: Path, torch: Any) -> Iterator[None]:
    """The program's steps, one after the other."""
    entry, train, data, declared = map(importlib.import_module, ("entry", "train", "data", "hyperparameters"))
    names = ("training", "task", "place", "batches")
    training, task, place, batches = (importlib.import_module(f"pytorch.{name}") for name in names)
    given, job = declared.Hyperparameters(epochs=EPOCHS, batch_size=BATCH), entry.Job.read(base)
    images, validation = (data.read(job, name, 10) for name in ("train", "validation"))
    what = task.Task(train.make_network(given, images, 10), images, validation, "images", [])
    loop = training.Training(given, job, place.Place(torch.device("cpu"), 0, 1), what)

    for epoch in itertools.count():
        for number, batch in enumerate(batches.batches(IMAGES, BATCH, epoch, given.seed), 1):
            loop.step(batch)
            if number % training.PULSE == 0 and loop.ends():
                return
            yield


def _bare(base: Path, torch: Any) -> Iterator[None]:
    """The same mathematics as its textbooks write it."""
    channel = base / "input" / "data" / "train"
    images, labels = (torch.from_numpy(np.load(channel / f"{name}.npy")) for name in ("images", "labels"))
    torch.manual_seed(0)
    network = importlib.import_module("network").Network(3, 10, 32)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.01)

    while True:
        for rows in torch.randperm(IMAGES).split(BATCH):
            loss = torch.nn.functional.cross_entropy(network(images[rows]), labels[rows])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            yield


def _jobs(folder: Path) -> tuple[float, float]:
    """Time a picture takes two processes, as a multiple of one's; time of an interrupted job, of an uninterrupted's."""
    began = time.perf_counter()
    alone = _speed(_run(_job(folder / "one"), 1))
    whole = time.perf_counter() - began
    both = _speed(_run(_job(folder / "two"), 2))
    began = time.perf_counter()
    base = _job(folder / "stopped")
    _run(base, 1, stop_after=EPOCHS // 2)
    _run(base, 1)
    return alone / both, (time.perf_counter() - began) / whole


def _run(base: Path, processes: int, stop_after: int = 0) -> str:
    """Run a job to its end, or tell it to end after an epoch; returns its log."""
    places = {"PYTHONPATH": f"{PROGRAM.parent}{os.pathsep}{PROGRAM}", "SAGEMAKER_BASE_DIR": str(base)}
    variables = {**os.environ, **places, "PROCESSES_PER_HOST": str(processes)}
    command = [sys.executable, "-u", "-m", "entry", "train"]
    log = ""
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as job:
        for line in job.stdout or ():
            log += line
            if stop_after and line.startswith(f"[epoch {stop_after},"):
                job.send_signal(signal.SIGTERM)
    if job.returncode:
        raise SystemExit(log)
    return log


def _speed(log: str) -> float:
    """Pictures a second, the median of the epochs after the first."""
    return statistics.median(float(found) for found in re.findall(r"images_per_second=([0-9.]+)", log)[1:])


if __name__ == "__main__":
    sys.exit(main())
