"""What the sandbox adds to the model-build pipeline's own scripts: `make bench`.

Two ratios of medians, measured alternately in one run:
- an execution without cache against the same scripts run bare, one after another, on the same data (limit 1.25);
- a fully cached execution against one without cache (limit 0.1).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smproject.demo import data, watch
from smproject.demo.building import Building
from smproject.demo.console import Console
from smproject.sandbox import lifecycle
from smproject.sandbox.image_store import ImageStore

ROUNDS = 3
LIMITS = {"uncached execution / bare scripts": 1.25, "cached execution / uncached execution": 0.1}
ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "pipelines" / "build" / "tabular"
PORT = 4567


def main() -> int:
    """Measure and print; return 1 when a ratio is over its limit."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "sandbox"
        running = lifecycle.up(home, PORT, "us-east-1")
        os.environ.update(lifecycle.environment(running))
        try:
            ratios = _measure(Path(folder), Building(Console(_say), running, Path(folder) / "checkout"))
        finally:
            lifecycle.down(home)
    for name, ratio in ratios.items():
        _say(f"{name}: {ratio:.2f} (limit {LIMITS[name]})")
    return int(any(ratio > LIMITS[name] for name, ratio in ratios.items()))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _measure(folder: Path, building: Building) -> dict[str, float]:
    building.publish()
    building.create_project()
    building.first_build()  # fills the cache
    sagemaker = building.client("sagemaker")
    pipeline = sagemaker.list_pipelines()["PipelineSummaries"][0]["PipelineName"]
    uncached, bare = _without_cache(sagemaker, pipeline), Bare(building)
    times: dict[str, list[float]] = {"bare": [], "uncached": [], "cached": []}
    for number in range(ROUNDS):
        times["bare"].append(_timed(bare.run, folder / f"bare-{number}"))
        times["uncached"].append(_timed(_execute, sagemaker, uncached))
        times["cached"].append(_timed(_execute, sagemaker, pipeline))
        _say(", ".join(f"{name} {values[-1]:.2f} s" for name, values in times.items()))
    plain, cold, warm = (statistics.median(values) for values in times.values())
    return dict(zip(LIMITS, (cold / plain, warm / cold), strict=True))


def _timed(work: Callable[..., None], *arguments: Any) -> float:
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def _without_cache(sagemaker: Any, pipeline: str) -> str:
    """Create the same pipeline with caching off; return its name."""
    found = sagemaker.describe_pipeline(PipelineName=pipeline)
    definition = json.loads(found["PipelineDefinition"])
    for step in definition["Steps"]:
        step.pop("CacheConfig", None)
    name = f"{pipeline}-uncached"
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=found["RoleArn"])
    return name


def _execute(sagemaker: Any, pipeline: str) -> None:
    arn = sagemaker.start_pipeline_execution(PipelineName=pipeline)["PipelineExecutionArn"]
    while (found := sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))[
        "PipelineExecutionStatus"
    ] == "Executing":
        time.sleep(0.02)
    if found["PipelineExecutionStatus"] != "Succeeded":
        raise watch.StoryError(f"{arn} is {found['PipelineExecutionStatus']}: {found.get('FailureReason')}")


class Bare:
    """The pipeline's scripts as plain programs, in the image's own environment and with the job's own settings."""

    def __init__(self, building: Building) -> None:
        self.data, _ = data.csv()
        job = building.client("sagemaker").list_training_jobs()["TrainingJobSummaries"][0]["TrainingJobName"]
        request = building.client("sagemaker").describe_training_job(TrainingJobName=job)
        self.hyperparameters = request["HyperParameters"]
        uri = request["AlgorithmSpecification"]["TrainingImage"]
        image = ImageStore(building.running.home / "images").get(uri.partition("@")[2])
        if image is None:
            raise watch.StoryError(f"The training image {uri} was not built on this machine.")
        self.image = image
        self.python = str(self.image.environment / "bin" / "python")

    def run(self, folder: Path) -> None:
        """Process, train and evaluate, with the files where SageMaker would put them."""
        source, processed, ml = folder / "data", folder / "processed", folder / "ml"
        source.mkdir(parents=True)
        (source / "churn.csv").write_bytes(self.data)
        places = ("--input", source, "--output", processed, "--data-uri", "s3://bench/churn.csv")
        self._python(
            SCRIPTS / "process.py", "--target", data.TARGET, "--problem-type", "binary_classification", *places
        )
        self._lay_out_training(ml, processed)
        program = str(self.image.root / "opt/program")
        self._python("-m", "entry", "train", PYTHONPATH=program, SAGEMAKER_BASE_DIR=str(ml))
        (folder / "model").mkdir()
        with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as archive:
            for path in (ml / "model").iterdir():
                archive.add(path, path.name)
        measured = ("--model", folder / "model", "--test", processed / "test", "--output", folder / "evaluation")
        self._python(SCRIPTS / "evaluate.py", *measured)

    def _lay_out_training(self, ml: Path, processed: Path) -> None:
        names = ("train", "validation", "metadata")
        for name in names:
            shutil.copytree(processed / name, ml / "input" / "data" / name)
        for path in ("input/config", "model", "output/data"):
            (ml / path).mkdir(parents=True)
        channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
        (ml / "input/config/inputdataconfig.json").write_text(json.dumps(dict.fromkeys(names, channel)))
        (ml / "input/config/hyperparameters.json").write_text(json.dumps(self.hyperparameters))

    def _python(self, *command: Any, **env: str) -> None:
        words = [self.python, *(str(word) for word in command)]
        variables = {**os.environ, "PYTHONPATH": str(SCRIPTS.parent / "scripts"), **env}
        subprocess.run(words, check=True, capture_output=True, env=variables)


if __name__ == "__main__":
    sys.exit(main())
