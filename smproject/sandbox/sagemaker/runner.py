"""Running one job: image, inputs, configuration, programs, outputs, by the job's role."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox import images
from smproject.sandbox.events import events_of
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import checkpoints, contract, hosts, metrics, runtime, spot, transfer
from smproject.sandbox.sagemaker.cluster import Cluster, Outcome
from smproject.sandbox.sagemaker.hosts import Host
from smproject.sandbox.sagemaker.job import Job, folder_of
from smproject.sandbox.service import ServiceError, now, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)


def run(world: World, job: Job, act: Callable[[Path], None]) -> None:
    """Run a job to its end by `act`, in a folder of its own; whatever goes wrong becomes its FailureReason."""
    folder = folder_of(world.home, job.kind, job.caller.account, job.name)
    retries = int(job.request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0))
    while not _ends(job, act, folder, retries):
        retries -= 1
        job.move("Restarting", "Restarting the job after an internal error")
    announce(world, job)


def _ends(job: Job, act: Callable[[Path], None], folder: Path, retries: int) -> bool:
    """Try to run a job to its end; tell whether it came to one, or is to be tried again."""
    try:
        act(folder)
    except (ServiceError, ClientError) as error:
        job.end("Failed", f"ClientError: {told(error)[1]}"[:1024])
    except Exception as error:
        LOG.exception("job %s failed in the sandbox", job.name)
        if retries > 0 and not job.stopping.is_set():
            return False
        job.end("Failed", f"InternalServerError: the sandbox could not run the job: {error!r}"[:1024])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return True


def run_program(world: World, job: Job, credentials: Credentials, folder: Path) -> None:
    """Run the programs of a processing or training job, again after each interruption of its spot instances."""
    s3 = world.client("s3", credentials, job.caller.region)
    found = hosts.of(job, folder)
    outcome = _attempt(world, job, credentials, folder, found)
    while outcome.stopped == spot.INTERRUPTED:
        if reason := spot.wait(job, folder):
            job.end("Stopped", secondary=reason)
            return
        shutil.rmtree(folder)
        outcome = _attempt(world, job, credentials, folder, found)
    job.exit_message = _read(outcome.host.ml / "output" / "message")
    if outcome.code == 0 or outcome.stopped:
        job.move("Uploading", "Uploading generated output")
        _upload(s3, job, folder, found)
    _end(job, outcome)


def _attempt(world: World, job: Job, credentials: Credentials, folder: Path, found: Sequence[Host]) -> Outcome:
    """Run the programs once, on new hosts."""
    s3 = world.client("s3", credentials, job.caller.region)
    job.move("Starting", "Preparing the instances for the job")
    image = images.find(world, contract.image_uri(job), credentials)
    for host in found:
        contract.prepare(job, host)
    job.move("Downloading", "Downloading input data")
    for source in contract.inputs(job):
        for host, keys in source.shares(transfer.input_keys(s3, source.uri), list(found)):
            transfer.fetch(s3, source.uri, keys, host.ml / source.path)
    job.started = job.started or now()
    deadline = time.monotonic() + contract.max_runtime(job) - job.billable()
    with checkpoints.kept(s3, job, found):
        job.move("Training", f"Running in the sandbox's {runtime.name()} runtime")
        cluster = Cluster(world, job, folder, found, image, credentials)
        outcome = cluster.run(lambda: _reason_to_stop(job, folder, deadline))
    job.metrics = metrics.read(job, found)
    return outcome


def _reason_to_stop(job: Job, folder: Path, deadline: float) -> str:
    """Return why a job's programs are to be stopped, as its secondary status tells it; empty while they may run."""
    reasons = {
        "MaxWaitTimeExceeded": spot.is_overdue(job),
        "MaxRuntimeExceeded": time.monotonic() > deadline,
        "Stopped": job.stopping.is_set(),
        spot.INTERRUPTED: spot.is_interrupted(job, folder),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _upload(s3: Any, job: Job, folder: Path, found: Sequence[Host]) -> None:
    for path, uri, key in contract.outputs(job):
        for host in found:
            if (host.ml / path).is_dir():
                transfer.upload_folder(s3, host.ml / path, uri, key)
    for path, uri, key in contract.archives(job):
        folders = [host.ml / path for host in found if (host.ml / path).is_dir()]
        if any(any(each.iterdir()) for each in folders):
            transfer.upload_archive(s3, folders, uri, key, folder / "archive.tar.gz")


def _end(job: Job, outcome: Outcome) -> None:
    if outcome.stopped:
        job.end("Stopped", secondary=outcome.stopped)
    elif outcome.code == 0:
        job.end("Completed")
    else:
        job.end("Failed", f"AlgorithmError: {_why(job, outcome.host.ml)}, exit code: {outcome.code}"[:1024])


def _why(job: Job, ml: Path) -> str:
    """Return what SageMaker tells of a failure: a training job's own words; of a processing job, where to look."""
    return _read(ml / "output" / "failure") if job.kind == "Training" else "See job logs for more information"


def _read(path: Path) -> str:
    return path.read_text(errors="replace").strip()[:1024] if path.is_file() else ""


def announce(world: World, job: Job) -> None:
    """Tell EventBridge of a job's end."""
    detail = {k: v for k, v in job.describe().items() if not isinstance(v, (dict, list))}
    text = json.loads(json.dumps(detail, default=str))
    kind = f"SageMaker {job.kind} Job State Change"
    events_of(world).emit(job.caller.account, job.caller.region, "aws.sagemaker", kind, text, [job.arn])
