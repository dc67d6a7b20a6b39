"""What SageMaker remembers of a pipeline's execution and its steps."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.sagemaker.definition import Definition, Step
from smproject.sandbox.service import Caller, now


@dataclass
class StepRun:
    """One step of one execution; `properties` is what later steps may refer to."""

    step: Step
    status: str = "Executing"
    started: datetime = field(default_factory=now)
    ended: datetime | None = None
    failure_reason: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    cache_key: str | None = None
    cached_from: str = ""
    attempts: int = 1

    def describe(self) -> dict[str, Any]:
        """Return the ListPipelineExecutionSteps item."""
        optional = {
            "EndTime": self.ended,
            "FailureReason": self.failure_reason,
            "Metadata": self.metadata,
            "CacheHitResult": {"SourcePipelineExecutionArn": self.cached_from} if self.cached_from else None,
            "StepDisplayName": self.step.content.get("DisplayName"),
            "StepDescription": self.step.content.get("Description"),
        }
        return {
            "StepName": self.step.name,
            "StartTime": self.started,
            "StepStatus": self.status,
            "AttemptCount": self.attempts,
            **{key: value for key, value in optional.items() if value},
        }


@dataclass
class Execution:
    """One execution of a pipeline, with the definition it started with."""

    arn: str
    pipeline_name: str
    pipeline_arn: str
    role_arn: str
    caller: Caller
    definition: Definition
    parameters: dict[str, Any]
    request: dict[str, Any]
    max_parallel: int
    status: str = "Executing"
    failure_reason: str = ""
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    runs: dict[str, StepRun] = field(default_factory=dict)
    outcomes: dict[str, bool] = field(default_factory=dict)  # condition step -> its outcome
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask_to_stop(self) -> bool:
        """Begin to stop an execution under way; tell whether it was."""
        with self.lock:
            if self.status != "Executing":
                return False
            self.status = "Stopping"
        self.stopping.set()
        return True

    @property
    def id(self) -> str:
        """Return the last part of the ARN."""
        return self.arn.rpartition("/")[2]

    def variables(self) -> dict[str, Any]:
        """Return the execution variables."""
        return {
            "PipelineName": self.pipeline_name,
            "PipelineArn": self.pipeline_arn,
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": self.arn,
            "StartDateTime": self.created.isoformat(),
            "CurrentDateTime": now().isoformat(),
        }

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        return {
            "PipelineArn": self.pipeline_arn,
            "CreatedBy": {"IamIdentity": {"Arn": self.caller.arn}},
            **self.summary(),
            "LastModifiedTime": self.modified,
            "CreationTime": self.created,
            "FailureReason": self.failure_reason or None,
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        optional = {
            "PipelineExecutionDisplayName": self.request.get("PipelineExecutionDisplayName"),
            "PipelineExecutionDescription": self.request.get("PipelineExecutionDescription"),
            "PipelineExecutionFailureReason": self.failure_reason,
        }
        return {
            "PipelineExecutionArn": self.arn,
            "StartTime": self.created,
            "PipelineExecutionStatus": self.status,
            **{key: value for key, value in optional.items() if value},
        }
