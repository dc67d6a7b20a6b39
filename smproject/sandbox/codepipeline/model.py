"""What CodePipeline remembers: pipelines, their executions, and each run of an action."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.service import Request

FINAL = {"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"}


def now() -> datetime:
    """Return the time, to the millisecond that AWS shows."""
    moment = datetime.now(timezone.utc)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def new_id() -> str:
    """Return an identifier such as those of executions and approval tokens."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Artifact:
    """An artifact of an execution, where it lies in the artifact store."""

    name: str
    bucket: str
    key: str

    def described(self) -> Request:
        """Return the shape of ListActionExecutions."""
        return {"name": self.name, "s3location": {"bucket": self.bucket, "key": self.key}}


@dataclass
class ActionRun:
    """One run of an action; what it learns (`external_id`, `variables`) can be seen while it runs."""

    stage: str
    declaration: Request
    status: str = "InProgress"
    id: str = field(default_factory=new_id)
    started: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    updated_by: str | None = None
    configuration: dict[str, str] = field(default_factory=dict)  # with its variables resolved
    inputs: list[Artifact] = field(default_factory=list)
    outputs: list[Artifact] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    revision: Request | None = None  # of a source action: revisionId, revisionSummary, created
    summary: str | None = None
    error: Request | None = None  # code and message
    external_id: str | None = None
    external_url: str | None = None
    log_stream_arn: str | None = None
    token: str | None = None  # of an approval that waits
    decision: Request | None = None  # of an approval: status and summary

    @property
    def name(self) -> str:
        """The action's name."""
        return str(self.declaration["name"])

    def end(self, status: str, code: str = "", message: str = "") -> None:
        """Write down how the run ended."""
        self.status, self.updated, self.token = status, now(), None
        if code:
            self.error = {"code": code, "message": message}


@dataclass
class RuleRun:
    """One run of a rule of a condition."""

    name: str
    declaration: Request
    status: str = "InProgress"
    summary: str = ""
    id: str = field(default_factory=new_id)
    updated: datetime = field(default_factory=now)
    configuration: dict[str, str] = field(default_factory=dict)  # with its variables resolved
    error: Request | None = None  # code and message


@dataclass
class ConditionRun:
    """How the condition at a stage's entry came out; `result` is what happens where it is not met."""

    result: str
    status: str
    summary: str
    rules: list[RuleRun]
    updated: datetime = field(default_factory=now)


@dataclass
class Execution:
    """One execution of a pipeline, by the declaration that was in force when it started."""

    declaration: Request
    trigger: Request
    variables: dict[str, str]
    revisions: dict[str, str] = field(default_factory=dict)  # of source actions, where the starter overrides them
    told: dict[str, dict[str, str]] = field(default_factory=dict)  # to source actions, of the event that started it
    status: str = "InProgress"
    summary: str | None = None
    stop: str | None = None  # "finish" or "abandon", once someone has asked
    stop_reason: str = ""
    attempt: int = 1
    id: str = field(default_factory=new_id)
    started: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    stages: dict[str, str] = field(default_factory=dict)  # status of each stage that was entered or skipped
    entries: dict[str, ConditionRun] = field(default_factory=dict)  # by stage: the condition at its entry
    actions: list[ActionRun] = field(default_factory=list)
    target: Execution | None = None  # of a rollback: the execution whose artifacts and variables it uses

    @property
    def mode(self) -> str:
        """QUEUED, SUPERSEDED or PARALLEL."""
        return str(self.declaration["executionMode"])

    @property
    def type(self) -> str:
        """STANDARD or ROLLBACK."""
        return "ROLLBACK" if self.target else "STANDARD"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in FINAL

    def history(self) -> list[ActionRun]:
        """Return the runs of actions that this execution builds on, the oldest first: those of its target, its own."""
        return [*(self.target.history() if self.target else []), *self.actions]

    def artifact(self, name: str) -> Artifact | None:
        """Return the newest artifact of a name."""
        made = (artifact for run in reversed(self.history()) for artifact in run.outputs if run.status == "Succeeded")
        return next((artifact for artifact in made if artifact.name == name), None)

    def latest(self, stage: str, action: str) -> ActionRun | None:
        """Return the newest run of an action."""
        return next((run for run in reversed(self.actions) if (run.stage, run.name) == (stage, action)), None)

    def source_runs(self) -> Iterator[ActionRun]:
        """Yield the runs that brought a revision in."""
        return (run for run in self.history() if run.revision)


@dataclass
class Pipeline:
    """A pipeline; `changed` guards the executions and wakes whoever waits for one of them."""

    account: str
    region: str
    declaration: Request
    tags: dict[str, str]
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    versions: dict[int, Request] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)  # oldest first
    tokens: dict[str, Execution] = field(default_factory=dict)  # by clientRequestToken
    occupied: dict[str, Execution] = field(default_factory=dict)  # stage -> who is inside (not in PARALLEL mode)
    waiting: dict[str, list[Execution]] = field(default_factory=dict)  # stage -> who wants in, in order
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.declaration["name"])

    @property
    def arn(self) -> str:
        """The pipeline's ARN."""
        return f"arn:aws:codepipeline:{self.region}:{self.account}:{self.name}"

    def replace(self, declaration: Request) -> None:
        """Put a new version in force."""
        self.declaration, self.updated = declaration, now()
        self.versions[declaration["version"]] = declaration


def present(**values: Any) -> Request:
    """Return the members that have a value."""
    return {name: value for name, value in values.items() if value not in (None, "", {}, [])}
