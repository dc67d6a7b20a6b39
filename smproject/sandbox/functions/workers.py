"""The processes of all functions: started when an event finds none free, kept for the next event, ended when stale."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from smproject.sandbox.functions.code import CodeStore
from smproject.sandbox.functions.environment import Environment
from smproject.sandbox.functions.model import Function, Version, new_id
from smproject.sandbox.functions.worker import Event, Outcome, Worker
from smproject.sandbox.log import Log
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.sagemaker import runtime
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html: those that this machine's Python stands for.
RUNTIMES = {f"python3.{minor}" for minor in range(10, 15)}
_IDLE = 4  # processes kept for the next event
Key = tuple[str, str, str]  # a function's ARN, a version's number and revision


class Workers:
    """Runs events, each in a process that runs nothing else meanwhile."""

    TRANSIENT: ClassVar[dict[str, Any]] = {"_idle": OrderedDict(), "_busy": {}}  # processes end with the sandbox

    def __init__(self, world: World, store: CodeStore) -> None:
        self._world, self._store = world, store
        self._idle: OrderedDict[Worker, Key] = OrderedDict()
        self._busy: dict[str, int] = {}
        self._lock = threading.Lock()

    def run(self, function: Function, version: Version, event: Event) -> Outcome:
        """Run one event to its end; raises ServiceError when the version can't run or the function has no room."""
        if version.settings["Runtime"] not in RUNTIMES:
            chosen, ours = version.settings["Runtime"], ", ".join(sorted(RUNTIMES))
            message = f"The runtime {chosen} is not supported: the sandbox runs {ours}."
            raise ServiceError("InvalidRuntimeException", message)
        self._enter(function)
        try:
            key = (function.arn, version.number, version.revision)
            worker = self._free(key) or self._start(function, version)
            outcome = worker.run(event)
            self._keep(function, worker, key)
            return outcome
        finally:
            with self._lock:
                self._busy[function.arn] -= 1

    def retire(self, arn: str) -> None:
        """End the free processes of a function that has changed or is gone."""
        with self._lock:
            stale = [worker for worker, key in self._idle.items() if key[0] == arn]
            for worker in stale:
                del self._idle[worker]
        for worker in stale:
            worker.stop()

    def _enter(self, function: Function) -> None:
        with self._lock:
            running = self._busy.get(function.arn, 0)
            if function.reserved is not None and running >= function.reserved:
                raise ServiceError("TooManyRequestsException", "Rate Exceeded.")
            self._busy[function.arn] = running + 1

    def _free(self, key: Key) -> Worker | None:
        with self._lock:
            found = next((worker for worker, of in reversed(self._idle.items()) if of == key), None)
            if found:
                del self._idle[found]
            return found

    def _keep(self, function: Function, worker: Worker, key: Key) -> None:
        """Keep a process for the next event, unless it is not to be used again; end the one that waits longest."""
        surplus = [] if worker.alive else [worker]
        with self._lock:
            if worker.alive:
                self._idle[worker] = key
            while len(self._idle) > _IDLE:
                surplus.append(self._idle.popitem(last=False)[0])
        for each in surplus:
            each.stop()

    def _start(self, function: Function, version: Version) -> Worker:
        role = version.settings["Role"]
        credentials = self._world.assume(role, "lambda.amazonaws.com", function.name, function.arn)
        name = new_id()
        folder = self._world.home / "functions" / f"run-{name}"
        folder.mkdir(parents=True)
        group = version.settings["LoggingConfig"]["LogGroup"]
        stream = f"{time.strftime('%Y/%m/%d')}/[{version.number}]{name.replace('-', '')}"
        environment = self._environment(function, version, credentials, folder, (group, stream))
        log = self._log(credentials, function.region, folder, (group, stream))
        try:
            return Worker(self._world.processes, environment, log)
        except BaseException:
            log.close()
            environment.remove()
            raise

    def _log(self, credentials: Credentials, region: str, folder: Path, place: tuple[str, str]) -> Log:
        log = Log(folder / "log")
        try:
            log.follow(self._world.client("logs", credentials, region), *place)
        except ClientError as error:  # a function whose role may not log runs all the same
            LOG.warning("%s has no logs: %s", place[0], error)
        return log

    def _environment(
        self, function: Function, version: Version, credentials: Credentials, folder: Path, log: tuple[str, str]
    ) -> Environment:
        chosen = version.settings
        variables = {
            **chosen.get("Environment", {}).get("Variables", {}),
            **runtime.access(self._world.endpoint, function.region, credentials),
            "_HANDLER": chosen["Handler"],
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{chosen['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": version.number,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(chosen["MemorySize"]),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log[0],
            "AWS_LAMBDA_LOG_STREAM_NAME": log[1],
        }
        layers = tuple(self._store.folder(layer) for layer in version.layers)
        code = self._store.folder(version.code)
        return Environment(folder, code, layers, version.number, chosen["Timeout"], chosen["MemorySize"], variables)
