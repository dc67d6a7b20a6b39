"""Running one job: image, inputs, configuration, program, outputs, by the job's role."""

from __future__ import annotations

import json
import logging
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox import images
from smproject.sandbox.events import events_of
from smproject.sandbox.image_store import Image
from smproject.sandbox.log import Log
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import contract, runtime, transfer
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.service import ServiceError, now, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
GRACE_SECONDS = 120  # between SIGTERM and SIGKILL, as SageMaker documents for StopTrainingJob
_POLL_SECONDS = 0.05


def run(world: World, job: Job, act: Callable[[Path], None]) -> None:
    """Run a job to its end by `act`, in a folder of its own; whatever goes wrong becomes its FailureReason."""
    folder = world.home / "jobs" / job.caller.account / f"{job.kind.lower()}-{job.name}"
    try:
        act(folder)
    except (ServiceError, ClientError) as error:
        job.end("Failed", f"ClientError: {told(error)[1]}"[:1024])
    except Exception as error:
        LOG.exception("job %s failed in the sandbox", job.name)
        job.end("Failed", f"InternalServerError: the sandbox could not run the job: {error!r}"[:1024])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        announce(world, job)


def run_program(world: World, job: Job, credentials: Credentials, folder: Path) -> None:
    """Run the program of a processing or training job."""

    def client(service: str) -> Any:
        return world.client(service, credentials, job.caller.region)

    job.move("Starting", "Preparing the instances for the job")
    image = images.find(world, contract.image_uri(job), credentials)
    ml = folder / "ml"
    contract.prepare(job, ml)
    job.move("Downloading", "Downloading input data")
    for uri, path in contract.inputs(job):
        transfer.download(client("s3"), uri, ml / path)
    job.started = now()
    job.move("Training", f"Running in the sandbox's {runtime.name()} runtime")
    code, stopped = _execute(world, job, folder, image, credentials)
    job.exit_message = _read(ml / "output" / "message")
    job.metrics = _metrics(job, _read(folder / "log", limit=None))
    if code == 0 or stopped:
        job.move("Uploading", "Uploading generated output")
        _upload(client("s3"), job, folder)
    _end(job, code, stopped, ml)


def _execute(world: World, job: Job, folder: Path, image: Image, credentials: Credentials) -> tuple[int, str]:
    """Run the program; return its exit code and, when it was stopped, why."""
    log, logs = Log(folder / "log"), world.client("logs", credentials, job.caller.region)
    env = contract.environment(job, world.endpoint, credentials)
    launch = runtime.Launch(folder, image, contract.command(job, image), env, network=not contract.isolated(job))
    try:
        log.follow_if_allowed(logs, f"/aws/sagemaker/{job.kind}Jobs", f"{job.name}/algo-1-{int(time.time())}")
        job.program = runtime.start(world.processes, launch, log.file.fileno())
        stopped = _wait(job, job.program, contract.max_runtime(job))
        world.processes.forget(job.program.process)
    except OSError as error:
        message = f"CannotStartContainerError: the image's command did not start: {error}"
        raise ServiceError("ClientError", message) from error
    finally:
        log.close()
    code = job.program.process.returncode
    return (code if code >= 0 else 128 - code), stopped  # a signal's number is told as shells and containers do


def _wait(job: Job, program: runtime.Program, limit: float) -> str:
    """Wait for the end; on a stop or the time limit ask the program to stop, then make it."""
    deadline = time.monotonic() + limit
    stopped, kill_at = "", 0.0
    while not program.ends(_POLL_SECONDS):
        late = time.monotonic() > deadline
        if not stopped and (job.stopping.is_set() or late):
            stopped, kill_at = ("MaxRuntimeExceeded" if late else "Stopped"), time.monotonic() + GRACE_SECONDS
            job.move("Stopping", "Stopping the job")
            program.terminate()
        if stopped and time.monotonic() > kill_at:
            program.kill()
    return stopped


def _upload(s3: Any, job: Job, folder: Path) -> None:
    ml = folder / "ml"
    for path, uri, key in contract.outputs(job):
        if (ml / path).is_dir():
            transfer.upload_folder(s3, ml / path, uri, key)
    for path, uri, key in contract.archives(job):
        if (ml / path).is_dir() and any((ml / path).iterdir()):
            transfer.upload_archive(s3, ml / path, uri, key, folder / "archive.tar.gz")


def _end(job: Job, code: int, stopped: str, ml: Path) -> None:
    if stopped:
        job.end("Stopped", secondary=stopped)
    elif code == 0:
        job.end("Completed")
    else:
        job.end("Failed", f"AlgorithmError: {_why(job, ml)}, exit code: {code}"[:1024])


def _why(job: Job, ml: Path) -> str:
    """Return what SageMaker tells of a failure: a training job's own words; of a processing job, where to look."""
    return _read(ml / "output" / "failure") if job.kind == "Training" else "See job logs for more information"


def _read(path: Path, limit: int | None = 1024) -> str:
    return path.read_text(errors="replace").strip()[:limit] if path.is_file() else ""


def _metrics(job: Job, log: str) -> list[dict[str, Any]]:
    """Return the last value that each metric's regular expression finds in the log."""
    found = []
    for definition in job.request.get("AlgorithmSpecification", {}).get("MetricDefinitions", []):
        values = [value for match in re.finditer(definition["Regex"], log) if (value := _number(match)) is not None]
        if values:
            found.append({"MetricName": definition["Name"], "Value": values[-1], "Timestamp": now()})
    return found


def _number(match: re.Match[str]) -> float | None:
    """Return the number that a metric's expression captures; None when it captures something else."""
    try:
        return float(match[1] if match.re.groups else match[0])
    except (TypeError, ValueError):
        return None


def announce(world: World, job: Job) -> None:
    """Tell EventBridge of a job's end."""
    detail = {k: v for k, v in job.describe().items() if not isinstance(v, (dict, list))}
    text = json.loads(json.dumps(detail, default=str))
    kind = f"SageMaker {job.kind} Job State Change"
    events_of(world).emit(job.caller.account, job.caller.region, "aws.sagemaker", kind, text, [job.arn])
