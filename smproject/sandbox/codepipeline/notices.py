"""The events that CodePipeline sends as executions, stages and actions change.

Source: docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.codepipeline.model import ActionRun, Artifact, Execution, Pipeline, present
from smproject.sandbox.events import events_of
from smproject.sandbox.world import World


class Notices:
    """Sends the events of one execution."""

    def __init__(self, world: World, pipeline: Pipeline, execution: Execution) -> None:
        self._world, self._pipeline, self._execution = world, pipeline, execution

    def pipeline(self, state: str) -> None:
        """Tell that the execution's state changed."""
        trigger = self._execution.trigger
        named = {"trigger-type": trigger["triggerType"], "trigger-detail": trigger["triggerDetail"]}
        self._send("Pipeline Execution", {"state": state, "execution-trigger": named})

    def stage(self, name: str, state: str, failed: list[ActionRun]) -> None:
        """Tell that a stage's state changed, with the actions that failed."""
        reasons = [{"action": run.name, "additionalInformation": (run.error or {}).get("message")} for run in failed]
        self._send("Stage Execution", {"stage": name, "state": state} | present(**{"failed-actions": reasons}))

    def action(self, run: ActionRun, state: str) -> None:
        """Tell that an action's state changed."""
        error = run.error or {}
        result = {
            "external-execution-id": run.external_id,
            "external-execution-url": run.external_url,
            "external-execution-summary": error.get("message") or run.summary,
            "error-code": error.get("code"),
        }
        where = {"stage": run.stage, "action": run.name, "action-execution-id": run.id, "state": state}
        artifacts = {"input-artifacts": _located(run.inputs), "output-artifacts": _located(run.outputs)}
        facts = {"type": run.declaration["actionTypeId"], "region": self._pipeline.region}
        self._send(
            "Action Execution", {**where, **facts, **present(**artifacts, **{"execution-result": present(**result)})}
        )

    def _send(self, what: str, detail: dict[str, Any]) -> None:
        execution, pipeline = self._execution, self._pipeline
        common = {
            "pipeline": pipeline.name,
            "execution-id": execution.id,
            "start-time": execution.started.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            "version": float(execution.declaration["version"]),
            "pipeline-execution-attempt": float(execution.attempt),
        }
        title = f"CodePipeline {what} State Change"
        events = events_of(self._world)
        events.emit(pipeline.account, pipeline.region, "aws.codepipeline", title, {**common, **detail}, [pipeline.arn])


def _located(artifacts: list[Artifact]) -> list[dict[str, Any]]:
    return [artifact.described() for artifact in artifacts]
