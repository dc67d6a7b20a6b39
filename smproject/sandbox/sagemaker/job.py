"""What SageMaker remembers of a job."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from smproject.sandbox.sagemaker import warm_pools
from smproject.sandbox.service import Caller, Request, now

_IDLE = ("Starting", "Pending", "Interrupted", "Restarting")  # secondary statuses without an instance to pay


def folder_of(home: Path, kind: str, account: str, name: str) -> Path:
    """Return the folder of a job's files while it runs, in the sandbox's home."""
    return home / "jobs" / account / f"{kind.lower()}-{name}"


@dataclass
class Job:
    """A job; `kind` is Processing, Training or Transform, `request` what it was created with."""

    kind: str
    name: str
    arn: str
    caller: Caller
    request: Request
    status: str = "InProgress"
    secondary: list[dict[str, Any]] = field(default_factory=list)
    failure_reason: str = ""
    exit_message: str = ""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    created: datetime = field(default_factory=now)
    started: datetime | None = None
    ended: datetime | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    reused: tuple[str, datetime] | None = None  # the job that has its warm pool, and since when

    def move(self, secondary: str, message: str = "") -> None:
        """Enter a secondary status, as training jobs show them."""
        if self.secondary:
            self.secondary[-1]["EndTime"] = now()
        self.secondary.append({"Status": secondary, "StartTime": now(), "StatusMessage": message or secondary})

    def end(self, status: str, reason: str = "", secondary: str = "") -> None:
        """End the job; the secondary status is the same unless it is given."""
        self.failure_reason, self.ended = reason, now()
        self.move(secondary or status, reason)
        with self.lock:
            self.status = status  # last: who sees the status finds everything else

    def ask_to_stop(self) -> bool:
        """Begin to stop a job that is in progress; tell whether it was."""
        with self.lock:
            if self.status != "InProgress":
                return False
            self.status = "Stopping"
        self.stopping.set()
        return True

    def describe(self) -> dict[str, Any]:
        """Return the Describe response: the request and what became of it."""
        times = {f"{self.kind}StartTime": self.started, f"{self.kind}EndTime": self.ended}
        return {
            **{k: v for k, v in self.request.items() if k != "Tags"},
            f"{self.kind}JobArn": self.arn,
            f"{self.kind}JobStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.ended or self.started or self.created,
            **{key: value for key, value in times.items() if value},
            **({"FailureReason": self.failure_reason} if self.failure_reason else {}),
            **(self._training() if self.kind == "Training" else self._processing()),
        }

    def billable(self) -> float:
        """Return for how many seconds the job has had its instances, up to now or to its end."""
        if self.started is None:
            return 0.0
        end = self.ended or now()
        idle = [item for item in self.secondary if item["Status"] in _IDLE and item["StartTime"] >= self.started]
        waited = sum(((item.get("EndTime", end) - item["StartTime"]) for item in idle), timedelta())
        return (end - self.started - waited).total_seconds()

    def _processing(self) -> dict[str, Any]:
        return {"ExitMessage": self.exit_message} if self.exit_message else {}

    def _training(self) -> dict[str, Any]:
        model = f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output/model.tar.gz"
        pool = warm_pools.status(self)
        seconds = int((self.ended - self.started).total_seconds()) if self.ended and self.started else 0
        return {
            "SecondaryStatus": self.secondary[-1]["Status"] if self.secondary else "Starting",
            "SecondaryStatusTransitions": self.secondary,
            "FinalMetricDataList": self.metrics,
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": int(self.billable()) if self.ended else 0,
            **({"WarmPoolStatus": pool} if pool else {}),
            **({"ModelArtifacts": {"S3ModelArtifacts": model}} if self.status in ("Completed", "Stopped") else {}),
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        shown = ("JobName", "JobArn", "JobStatus", "EndTime")
        full = self.describe()
        found = {f"{self.kind}{key}": full[f"{self.kind}{key}"] for key in shown if f"{self.kind}{key}" in full}
        same = ("CreationTime", "LastModifiedTime", "WarmPoolStatus")
        return found | {key: full[key] for key in same if key in full}
