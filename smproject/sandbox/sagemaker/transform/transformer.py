"""Running a transform job: the model's server is started, asked for each object's records, and stopped.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from urllib3.exceptions import HTTPError

from smproject.sandbox.log import Log
from smproject.sandbox.sagemaker.hosting import variant
from smproject.sandbox.sagemaker.hosting.containers import Access
from smproject.sandbox.sagemaker.hosting.models import Model
from smproject.sandbox.sagemaker.hosting.server import Server, UnhealthyError
from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.sagemaker.transfer import encryption, location
from smproject.sandbox.sagemaker.transform import paths
from smproject.sandbox.sagemaker.transform.records import MEGABYTE, Cut, Processing, assembled
from smproject.sandbox.service import ServiceError, now
from smproject.sandbox.world import World

_START_SECONDS = 480.0
_DEFAULT_SECONDS, _DEFAULT_RETRIES = 600, 3
_CONCURRENT = 4  # requests at a time at the most, whatever the job asks for: the machine is one's own
_JOINED = ("text/csv", "application/json", "application/jsonlines")
_SEE_LOGS = "See job logs for more information"


class StoppedError(Exception):
    """The job is to stop."""


def refuse(request: dict[str, Any]) -> None:
    """Raise ServiceError for a job that AWS refuses, or that would do here what it isn't told."""
    if "DataCaptureConfig" in request:
        raise ServiceError("NotImplemented", "The sandbox does not implement DataCaptureConfig of transform jobs.")
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        raise ServiceError("NotImplemented", f"The sandbox does not implement SplitType {split}, only None and Line.")
    if int(request["TransformResources"]["InstanceCount"]) != 1:
        raise ServiceError("ValidationException", "The sandbox runs jobs on one instance only.")
    if request.get("BatchStrategy") == "SingleRecord" and split == "None":
        message = "SplitType must not be None when BatchStrategy is SingleRecord"
        raise ServiceError("ValidationException", message)
    processing = Processing.of(request)
    for path in (processing.input, processing.output):
        paths.check(path)
    if processing.is_any and processing.kind not in _JOINED:
        raise ServiceError("ValidationException", f"DataProcessing needs a ContentType of {', '.join(_JOINED)}.")


def run(world: World, job: Job, model: Model, folder: Path) -> None:
    """Run a job to its end."""
    job.move("Starting", "Preparing the instances for the job")
    access = Access.of(world, job.caller, model.role, job.arn)
    image = variant.server_image(access, model, f"model {model.name}")
    variant.load(access, model, folder)
    log = Log(folder / "log")
    log.follow_if_allowed(
        access.client("logs"), "/aws/sagemaker/TransformJobs", f"{job.name}/algo-1-{int(time.time())}"
    )
    server = Server(world.processes, variant.launch(access, model, image, folder, _environment(job)), log)
    try:
        server.start(_START_SECONDS)
        job.started = now()
        _Transform(job, access.client("s3"), server).run()
    except UnhealthyError as error:
        raise ServiceError("ClientError", f"The container did not pass the ping health check. {error}") from error
    except StoppedError:
        job.end("Stopped")
    else:
        job.end("Completed")
    finally:
        server.stop()
        log.close()


def _environment(job: Job) -> dict[str, str]:
    """Return the variables that tell a container of its batch, and the job's own."""
    told = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": job.request.get("MaxConcurrentTransforms"),
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": job.request.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}.get(
            job.request.get("BatchStrategy", "")
        ),
    }
    known = {name: str(value) for name, value in told.items() if value is not None}
    return known | dict(job.request.get("Environment", {}))


@dataclass(frozen=True)
class _Transform:
    job: Job
    s3: Any
    server: Server

    def run(self) -> None:
        """Transform each object of the input."""
        request, told = self.job.request, self.server.parameters()
        single = request.get("BatchStrategy") or told.get("BatchStrategy", "")
        payload = int(request.get("MaxPayloadInMB", told.get("MaxPayloadInMB", 6)))
        by_line = request["TransformInput"].get("SplitType") == "Line"
        is_single = single.replace("_", "").lower() == "singlerecord"
        cut = Cut(by_line, is_single, payload * MEGABYTE, Processing.of(request))
        workers = int(request.get("MaxConcurrentTransforms") or told.get("MaxConcurrentTransforms", 1))
        with ThreadPoolExecutor(min(max(workers, 1), _CONCURRENT)) as pool:
            for bucket, key, name in self._objects():
                self._object(cut, pool, (bucket, key, name))

    def _object(self, cut: Cut, pool: ThreadPoolExecutor, place: tuple[str, str, str]) -> None:
        bucket, key, name = place
        content = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        if self.job.request["TransformInput"].get("CompressionType") == "Gzip":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError) as error:
                raise ServiceError("ClientError", f"s3://{bucket}/{key} is not gzip: {error}") from error
        batches = list(cut.batches(content))

        def ask(batch: list[bytes]) -> bytes:
            return cut.result(batch, self._ask(cut.body(batch), f"s3://{bucket}/{key}"))

        results = list(pool.map(ask, batches))
        self._store(name, assembled(results, self._output.get("AssembleWith") == "Line"))

    @property
    def _output(self) -> dict[str, Any]:
        found: dict[str, Any] = self.job.request["TransformOutput"]
        return found

    def _store(self, name: str, content: bytes) -> None:
        """Store an object's results under its own name, with `.out` behind it."""
        bucket, prefix = location(self._output["S3OutputPath"])
        key = str(PurePosixPath(prefix) / f"{name}.out")
        self.s3.put_object(Bucket=bucket, Key=key, Body=content, **encryption(self._output.get("KmsKeyId")))

    def _ask(self, body: bytes, uri: str) -> bytes:
        """Ask the model, again after what may pass; raises ServiceError for an answer that is none."""
        client = self.job.request.get("ModelClientConfig", {})
        tries = 1 + int(client.get("InvocationsMaxRetries", _DEFAULT_RETRIES))
        problem = ""
        for _ in range(tries):
            if self.job.stopping.is_set():
                raise StoppedError
            try:
                answer = self.server.invoke(
                    body, self._headers(), client.get("InvocationsTimeoutInSeconds", _DEFAULT_SECONDS)
                )
            except HTTPError as error:
                problem = f"the container did not answer: {error}"
                continue
            if answer.status == 200:
                return bytes(answer.data)
            said = answer.data[:200].decode(errors="replace")
            problem = f"Bad HTTP status received from algorithm: {answer.status}: {said}"
            if answer.status < 500:
                break
        raise ServiceError("ClientError", f"{_SEE_LOGS}: {uri}: {problem}")

    def _headers(self) -> dict[str, str]:
        told = {
            "Content-Type": self.job.request["TransformInput"].get("ContentType"),
            "Accept": self._output.get("Accept"),
        }
        return {name: value for name, value in told.items() if value}

    def _objects(self) -> Iterator[tuple[str, str, str]]:
        """Yield bucket and key of each input, and its name below the prefix; raises ServiceError when there is none."""
        source = self.job.request["TransformInput"]["DataSource"]["S3DataSource"]
        found = (
            self._manifest(source["S3Uri"]) if source["S3DataType"] == "ManifestFile" else self._below(source["S3Uri"])
        )
        empty = True
        for place in found:
            empty = False
            yield place
        if empty:
            raise ServiceError("ClientError", f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input.')

    def _below(self, uri: str) -> Iterator[tuple[str, str, str]]:
        bucket, prefix = location(uri)
        folder = prefix.rpartition("/")[0]
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                if not item["Key"].endswith("/"):
                    yield bucket, item["Key"], item["Key"].removeprefix(f"{folder}/" if folder else "")

    def _manifest(self, uri: str) -> Iterator[tuple[str, str, str]]:
        bucket, key = location(uri)
        try:
            head, *names = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            prefix = head["prefix"]
        except (ValueError, KeyError, TypeError) as error:
            raise ServiceError("ClientError", f"{uri} is not a manifest: {error!r}") from error
        for name in names:
            place, start = location(prefix)
            yield place, f"{start}{name}", name
