"""Runs an execution: stage by stage, in turn with the pipeline's other executions, telling EventBridge."""

from __future__ import annotations

import logging
import threading

from botocore.exceptions import BotoCoreError, ClientError

from smproject.sandbox.codepipeline import conditions
from smproject.sandbox.codepipeline import rollback as rollbacks
from smproject.sandbox.codepipeline.actions import RUNNERS
from smproject.sandbox.codepipeline.model import ActionRun, ConditionRun, Execution, Pipeline, now
from smproject.sandbox.codepipeline.notices import Notices
from smproject.sandbox.codepipeline.structure import by_run_order
from smproject.sandbox.codepipeline.turns import arrive, leave, take_turn
from smproject.sandbox.codepipeline.variables import UnresolvedError, resolve
from smproject.sandbox.codepipeline.work import AbandonedError, ActionFailedError, Work, explain, take_on
from smproject.sandbox.service import INTERRUPTED, Request, ServiceError
from smproject.sandbox.world import World

LOG = logging.getLogger(__name__)


class Executor:
    """Runs one execution: from its first stage, again from a stage that failed, or to roll a stage back."""

    def __init__(self, world: World, pipeline: Pipeline, execution: Execution) -> None:
        self.world, self.pipeline, self.execution = world, pipeline, execution
        self.notices = Notices(world, pipeline, execution)

    def launch(self, first: str | None = None, done: frozenset[str] = frozenset()) -> None:
        """Start in the background at stage `first`, whose actions named in `done` are not run again.

        A rollback runs that stage only.
        """
        self.notices.pipeline("STARTED" if self.execution.attempt == 1 else "RESUMED")
        self.go_on(first, done)

    def go_on(self, first: str | None, done: frozenset[str]) -> None:
        """Do as `launch`, for an execution that people know to be running."""
        stages: list[Request] = self.execution.declaration["stages"]
        start = [stage["name"] for stage in stages].index(first) if first else 0
        left = stages[start : start + 1 if self.execution.target else None]
        arrive(self.pipeline, self.execution, left[0]["name"])
        self.world.background(f"pipeline {self.pipeline.name} {self.execution.id}", lambda: self._run(left, done))

    def interrupt(self, stage: Request, runs: list[ActionRun]) -> None:
        """Fail a stage whose actions' threads are gone."""
        for run in runs:
            run.end("Failed", "InternalError", f"{INTERRUPTED} Retry the stage.")
            self.notices.action(run, "FAILED")
        self._set_stage(stage, "Failed", runs)
        self._fail(stage, runs[0])

    def complete(self) -> None:
        """End an execution that has come through all its stages."""
        self._end("Succeeded")

    def _run(self, stages: list[Request], done: frozenset[str]) -> None:
        try:
            for position, stage in enumerate(stages):
                following = stages[position + 1]["name"] if position + 1 < len(stages) else None
                if not self._stage(stage, done if position == 0 else frozenset(), following):
                    return
            self._end("Succeeded")
        except Exception as error:
            LOG.exception("Execution %s of pipeline %s crashed", self.execution.id, self.pipeline.name)
            self._crash(error)

    def _stage(self, stage: Request, done: frozenset[str], following: str | None) -> bool:
        """Run a stage when its turn comes; return whether the execution goes on."""
        name = stage["name"]
        if self.execution.stages.get(name) != "InProgress":  # else it was inside before the sandbox was stopped
            if not take_turn(self.pipeline, self.execution, name):
                self._end("Superseded" if self.execution.status == "Superseded" else "Stopped")
                return False
            if (entry := self._entry(stage)) and entry.status == "Failed":
                return self._keep_out(stage, entry, following)
            self._set_stage(stage, "InProgress")
        failed, stopped = self._actions(stage, done)
        self._set_stage(stage, "Failed" if failed else "Stopped" if stopped else "Succeeded", failed)
        if failed:
            self._fail(stage, failed[0])
            return False
        leave(self.pipeline, self.execution, name, None if stopped else following)
        if stopped:
            self._end("Stopped")
        return not stopped

    def _entry(self, stage: Request) -> ConditionRun | None:
        """Evaluate the condition at a stage's entry, if it has one."""
        entry = conditions.evaluate(stage, self.execution)
        if entry:
            with self.pipeline.changed:
                self.execution.entries[stage["name"]] = entry
        return entry

    def _keep_out(self, stage: Request, entry: ConditionRun, following: str | None) -> bool:
        """Skip a stage whose condition is not met, or fail; a rule that could not be evaluated fails in any case."""
        skips = entry.result == "SKIP" and not any(rule.error for rule in entry.rules)
        self._set_stage(stage, "Skipped" if skips else "Failed")
        leave(self.pipeline, self.execution, stage["name"], following if skips else None)
        if not skips:
            self._end("Failed", f"The entry condition of stage {stage['name']} failed: {entry.summary}")
        return skips

    def _fail(self, stage: Request, run: ActionRun) -> None:
        """End the execution with a failed stage, and have the stage rolled back where it asks for that."""
        with self.pipeline.changed:
            leave(self.pipeline, self.execution, stage["name"], None)
            rollback, note = rollbacks.automatic(self.pipeline, stage, self.execution)
        reason = f"Action {run.name} of stage {stage['name']} failed: {(run.error or {}).get('message')}"
        self._end("Failed", f"{reason} {note}".strip())
        if rollback:
            Executor(self.world, self.pipeline, rollback).launch(stage["name"])

    def _actions(self, stage: Request, done: frozenset[str]) -> tuple[list[ActionRun], bool]:
        """Run a stage's actions, those of one runOrder together; return those that failed, and whether to stop."""
        for group in by_run_order(stage):
            if self.execution.stop:
                return [], True
            runs = [self._run_of(stage["name"], action) for action in group if action["name"] not in done]
            threads = [threading.Thread(target=self._action, args=(run,), daemon=True) for run in runs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failed := [run for run in runs if run.status == "Failed"]:
                return failed, False
        return [], bool(self.execution.stop)

    def _run_of(self, stage: str, action: Request) -> ActionRun:
        """Return the run that waits since before a stop of the sandbox, else a new one."""
        latest = self.execution.latest(stage, action["name"])
        if latest and latest.status == "InProgress":
            return latest
        self.execution.actions.append(ActionRun(stage, action))
        return self.execution.actions[-1]

    def _action(self, run: ActionRun) -> None:
        if not run.token:
            self.notices.action(run, "STARTED")
        try:
            work = self._prepare(run)
            RUNNERS[run.declaration["actionTypeId"]["provider"]](work)
            run.end("Succeeded")
        except AbandonedError:
            run.end("Abandoned")
        except ActionFailedError as error:
            run.end("Failed", error.code, str(error))
        except UnresolvedError as error:
            run.end("Failed", "ConfigurationError", str(error))
        except (ServiceError, ClientError, BotoCoreError) as error:
            failure = explain(error)
            run.end("Failed", failure.code, str(failure))
        except Exception as error:
            LOG.exception("Action %s of pipeline %s crashed", run.name, self.pipeline.name)
            run.end("Failed", "InternalError", f"The sandbox failed in this action: {error!r}")
        self.notices.action(run, {"Succeeded": "SUCCEEDED", "Failed": "FAILED"}.get(run.status, "ABANDONED"))
        with self.pipeline.changed:
            self.execution.updated = now()
            self.pipeline.changed.notify_all()

    def _prepare(self, run: ActionRun) -> Work:
        """Resolve the action's configuration, find its artifacts, and take on its role."""
        run.configuration = resolve(run.declaration.get("configuration") or {}, self.execution)
        for wanted in run.declaration.get("inputArtifacts") or []:
            artifact = self.execution.artifact(wanted["name"])
            if artifact is None:
                raise ActionFailedError("ConfigurationError", f"The input artifact {wanted['name']} was not produced.")
            run.inputs.append(artifact)
        role = self.execution.declaration["roleArn"]
        credentials = self.world.assume(role, "codepipeline.amazonaws.com", self.execution.id, self.pipeline.arn)
        if own := run.declaration.get("roleArn"):
            sts = self.world.client("sts", credentials, self.pipeline.region)
            credentials = take_on(own, role, sts, self.execution.id)
        return Work(self.world, self.pipeline, self.execution, run, credentials)

    def _set_stage(self, stage: Request, status: str, failed: list[ActionRun] | None = None) -> None:
        with self.pipeline.changed:
            self.execution.stages[stage["name"]] = status
            self.execution.updated = now()
        state = {"InProgress": "STARTED"}.get(status, status.upper())
        self.notices.stage(stage["name"], state, failed or [])

    def _end(self, status: str, summary: str = "") -> None:
        with self.pipeline.changed:
            self.execution.status, self.execution.summary = status, summary or self.execution.summary
            self.execution.updated = now()
            self.pipeline.changed.notify_all()
        self.notices.pipeline(status.upper())

    def _crash(self, error: Exception) -> None:
        """Never leave an execution hanging: free what it holds and say why it failed."""
        for stage in [name for name, holder in self.pipeline.occupied.items() if holder is self.execution]:
            leave(self.pipeline, self.execution, stage, None)
            self.execution.stages[stage] = "Failed"
        self._end("Failed", f"The sandbox failed in this execution: {error!r}")
