"""Executing a pipeline: steps run as soon as what they need has succeeded, side by side where they can."""

from __future__ import annotations

import json
import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.events import events_of
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import cache, retries
from smproject.sandbox.sagemaker.definition import Step
from smproject.sandbox.sagemaker.execution import Execution, StepRun
from smproject.sandbox.sagemaker.expressions import Scope
from smproject.sandbox.sagemaker.steps import RUNNERS, StepFailure, StepStopped, Work
from smproject.sandbox.sagemaker.transfer import location
from smproject.sandbox.service import INTERRUPTED, ServiceError, now, told
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
_FAILED = "Step failure: One or multiple steps failed."


class Executor:
    """Runs one execution to its end; `earlier` are the pipeline's executions whose results may be reused."""

    def __init__(self, world: World, execution: Execution, earlier: list[Execution]) -> None:
        self.world, self.execution, self.earlier = world, execution, earlier
        self.scope = Scope(execution.parameters, execution.variables(), {}, self._property_file)

    def run(self) -> None:
        """Execute every step that is reached; the execution's status tells the end."""
        try:
            role, source = self.execution.role_arn, self.execution.pipeline_arn
            self.credentials = self.world.assume(role, "sagemaker.amazonaws.com", "SageMakerPipelines", source)
            with ThreadPoolExecutor(self.execution.max_parallel) as pool:
                self._loop(pool)
            self._finish()
        except ServiceError as error:
            self._end("Failed", f"ClientError: {error.message}")
        except Exception as error:
            LOG.exception("execution %s failed in the sandbox", self.execution.arn)
            self._end("Failed", f"InternalServerError: the sandbox could not run the pipeline: {error!r}")

    def interrupt(self) -> None:
        """Fail an execution whose threads are gone, with the steps that were running."""
        for run in self.execution.runs.values():
            if run.status == "Executing":
                self._end_step(run, "Failed", f"InternalServerError: {INTERRUPTED}")
        self._end("Failed", f"InternalServerError: {INTERRUPTED}")

    def _loop(self, pool: ThreadPoolExecutor) -> None:
        running: set[Future[None]] = set()
        while True:
            for step in self._ready():
                self.execution.runs[step.name] = StepRun(step)
                self._announce_step(self.execution.runs[step.name])
                running.add(pool.submit(self._run_step, self.execution.runs[step.name]))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()

    def _ready(self) -> list[Step]:
        """Return the steps that can start now; none after a failure or a stop."""
        runs = self.execution.runs
        if self.execution.stopping.is_set() or any(run.status == "Failed" for run in runs.values()):
            return []
        return [
            step for step in self.execution.definition.steps.values() if step.name not in runs and self._unblocked(step)
        ]

    def _unblocked(self, step: Step) -> bool:
        runs = self.execution.runs
        if any(name not in runs or runs[name].status != "Succeeded" for name in step.needs):
            return False
        return step.inside is None or self.execution.outcomes[step.inside[0]] == step.inside[1]

    def _run_step(self, run: StepRun) -> None:
        self._end_step(run, *self._outcome(run))

    def _end_step(self, run: StepRun, status: str, reason: str) -> None:
        run.failure_reason = reason
        run.ended = self.execution.modified = now()
        run.status = status  # last: who sees the status finds everything else
        self._announce_step(run)

    def _outcome(self, run: StepRun) -> tuple[str, str]:
        """Run a step; return its status and, when it did not succeed, why."""
        try:
            self._attempt(run)
        except StepStopped as error:
            return "Stopped", str(error)
        except StepFailure as error:
            return "Failed", str(error)
        except (ClientError, ServiceError) as error:
            return "Failed", f"ClientError: {told(error)[1]}"
        except Exception as error:
            LOG.exception("step %s failed in the sandbox", run.step.name)
            return "Failed", f"InternalServerError: {error!r}"
        self.scope.properties[run.step.name] = run.properties
        return "Succeeded", ""

    def _attempt(self, run: StepRun) -> None:
        arguments = {} if run.step.type == "Condition" else self.scope.resolve(run.step.content.get("Arguments", {}))
        run.cache_key = cache.key(run.step.content, arguments)
        if self._reuse(run):
            return
        client = self.world.client("sagemaker", self.credentials, self.execution.caller.region)
        work = Work(self.execution, run, self.scope, arguments, client)
        delays = None
        while True:
            try:
                RUNNERS[run.step.type](work)
            except (ClientError, StepFailure) as error:
                delays = delays or retries.delays(run.step.content, error)
                delay = next(delays, None)
                if delay is None or self.execution.stopping.wait(delay):
                    raise
                run.attempts += 1
            else:
                return

    def _reuse(self, run: StepRun) -> bool:
        """Take over the newest result of the same step with the same inputs that has not expired."""
        if run.cache_key is None:
            return False
        for execution in reversed(self.earlier):
            found = execution.runs.get(run.step.name)
            fits = found and found.status == "Succeeded" and found.cache_key == run.cache_key and not found.cached_from
            if found and fits and now() - found.started < cache.expires_after(run.step.content):
                run.metadata, run.properties, run.cached_from = found.metadata, found.properties, execution.arn
                return True
        return False

    def _property_file(self, step: str, name: str) -> Any:
        """Read a property file from the S3 output that holds it."""
        files = self.execution.definition.steps[step].content.get("PropertyFiles", [])
        file = next((item for item in files if item["PropertyFileName"] == name), None)
        if file is None:
            raise ServiceError("ClientError", f"Step {step} declares no property file {name}.")
        outputs = self.scope.properties[step]["ProcessingOutputConfig"]["Outputs"]
        uri = next(item["S3Output"]["S3Uri"] for item in outputs if item["OutputName"] == file["OutputName"])
        bucket, key = location(f"{uri.rstrip('/')}/{file['FilePath']}")
        credentials: Credentials = self.credentials
        try:
            body = self.world.client("s3", credentials, self.execution.caller.region).get_object(
                Bucket=bucket, Key=key
            )["Body"]
            return json.loads(body.read())
        except (ClientError, json.JSONDecodeError) as error:
            raise ServiceError(
                "ClientError", f"Failed to read property file {name} at s3://{bucket}/{key}: {error}"
            ) from error

    def _finish(self) -> None:
        statuses = {run.status for run in self.execution.runs.values()}
        if "Failed" in statuses:
            self._end("Failed", _FAILED)
        elif self.execution.stopping.is_set():
            self._end("Stopped", "")
        else:
            self._end("Succeeded", "")

    def _end(self, status: str, reason: str) -> None:
        before = self.execution.status
        self.execution.failure_reason, self.execution.modified = reason, now()
        with self.execution.lock:
            self.execution.status = status
        detail = {"previousPipelineExecutionStatus": before, "currentPipelineExecutionStatus": status}
        self._emit("SageMaker Model Building Pipeline Execution Status Change", detail)

    def _announce_step(self, run: StepRun) -> None:
        detail = {
            "stepName": run.step.name,
            "stepType": run.step.type,
            "currentStepStatus": run.status,
            "failureReason": run.failure_reason,
            "stepStartTime": run.started.isoformat(),
        }
        cached = {"cacheHitResult": {"sourcePipelineExecutionArn": run.cached_from}} if run.cached_from else {}
        self._emit("SageMaker Model Building Pipeline Execution Step Status Change", detail | cached)

    def _emit(self, kind: str, detail: dict[str, Any]) -> None:
        execution, caller = self.execution, self.execution.caller
        arns = {"pipelineArn": execution.pipeline_arn, "pipelineExecutionArn": execution.arn}
        resources = [execution.pipeline_arn, execution.arn]
        events_of(self.world).emit(caller.account, caller.region, "aws.sagemaker", kind, arns | detail, resources)
