"""A build as BatchGetBuilds shows it, changed by the thread that runs the build and read by everyone else."""

from __future__ import annotations

import copy
import threading
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.codebuild.failure import PhaseFailure

Build = dict[str, Any]


class BuildRecord:
    """The facts of one build; `facts` may be read without the lock by the thread that runs the build."""

    def __init__(self, facts: Build) -> None:
        self.facts = facts
        self._lock = threading.Lock()

    @property
    def uuid(self) -> str:
        """The part of the build's id that comes after the project's name."""
        return str(self.facts["id"].partition(":")[2])

    @property
    def status(self) -> str:
        """The build's status."""
        return str(self.facts["buildStatus"])

    @property
    def interrupted(self) -> bool:
        """Whether the build was stopped, or its time is up."""
        return self.status in ("STOPPED", "TIMED_OUT")

    def shown(self) -> Build:
        """Return a copy to show."""
        with self._lock:
            return copy.deepcopy(self.facts)

    def change(self, **facts: Any) -> None:
        """Set facts."""
        with self._lock:
            self.facts |= facts

    def begin(self, name: str) -> None:
        """Begin a phase."""
        with self._lock:
            self.facts["currentPhase"] = name
            self.facts["phases"].append({"phaseType": name, "startTime": datetime.now(timezone.utc)})

    def end(self, failure: PhaseFailure | None) -> dict[str, Any]:
        """End the phase that was begun last, and return it; the first failure decides the build's status."""
        ended = datetime.now(timezone.utc)
        context = {"statusCode": failure.code, "message": failure.message} if failure else _NOTHING
        with self._lock:
            phase: dict[str, Any] = self.facts["phases"][-1]
            phase["phaseStatus"] = failure.status if failure else "SUCCEEDED"
            phase |= {"endTime": ended, "contexts": [dict(context)]}
            phase["durationInSeconds"] = int((ended - phase["startTime"]).total_seconds())
            if failure and (self.status == "IN_PROGRESS" or failure.status != "FAILED"):
                self.facts["buildStatus"] = failure.status
        return phase

    def interrupt(self, failure: PhaseFailure) -> None:
        """End the build in the phase that it had come to."""
        phases = self.facts["phases"]
        if not phases or "endTime" in phases[-1]:
            self.begin("FINALIZING" if phases else "SUBMITTED")
        self.end(failure)
        self.complete()

    def complete(self) -> None:
        """End the build."""
        self.begin("COMPLETED")
        status = "SUCCEEDED" if self.status == "IN_PROGRESS" else self.status
        self.change(buildStatus=status, buildComplete=True, endTime=datetime.now(timezone.utc))


_NOTHING = {"statusCode": "", "message": ""}
