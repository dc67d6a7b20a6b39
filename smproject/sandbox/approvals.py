"""The manual approvals that pipelines of any account wait for, found and decided by ordinary AWS calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from smproject.errors import SandboxError
from smproject.sandbox import profiles
from smproject.sandbox.lifecycle import ACCOUNTS, Running


@dataclass(frozen=True)
class Approval:
    """An approval action that waits: where it is, and what it shows to whoever decides."""

    profile: str
    pipeline: str
    stage: str
    action: str
    execution: str
    token: str
    data: str
    link: str

    def shown(self) -> dict[str, str]:
        """Return what a person may see: all but the token."""
        facts = {key: value for key, value in vars(self).items() if key not in ("token", "data")}
        return {**facts, "account": ACCOUNTS[self.profile][0], "customData": self.data}


def waiting(running: Running, pipeline: str | None = None) -> list[Approval]:
    """Return what waits in all accounts, or in the pipelines of one name."""
    found = []
    for profile in ACCOUNTS:
        api = _client(running, profile)
        for page in api.get_paginator("list_pipelines").paginate():
            names = [listed["name"] for listed in page["pipelines"]]
            found += [each for name in names if pipeline in (None, name) for each in _of_pipeline(api, profile, name)]
    return found


def decide(running: Running, approval: Approval, status: str, comment: str) -> None:
    """Approve or reject; raises SandboxError when somebody else was faster."""
    api = _client(running, approval.profile)
    try:
        api.put_approval_result(
            pipelineName=approval.pipeline,
            stageName=approval.stage,
            actionName=approval.action,
            result={"status": status, "summary": comment},
            token=approval.token,
        )
    except (api.exceptions.InvalidApprovalTokenException, api.exceptions.ApprovalAlreadyCompletedException) as error:
        raise SandboxError(f"{approval.action} of pipeline {approval.pipeline} waits no longer: {error}") from error


def _of_pipeline(api: Any, profile: str, pipeline: str) -> Iterator[Approval]:
    for stage in api.get_pipeline_state(name=pipeline)["stageStates"]:
        for action in stage["actionStates"]:
            run = action.get("latestExecution", {})
            if token := run.get("token"):
                execution = stage["latestExecution"]["pipelineExecutionId"]
                shown = _configuration(api, pipeline, execution, run["actionExecutionId"])
                place = (profile, pipeline, stage["stageName"], action["actionName"], execution, token)
                yield Approval(*place, shown.get("CustomData", ""), shown.get("ExternalEntityLink", ""))


def _configuration(api: Any, pipeline: str, execution: str, run: str) -> dict[str, str]:
    """Return an action run's configuration with its variables filled in."""
    pages = api.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution}
    )
    details = (detail for page in pages for detail in page["actionExecutionDetails"])
    inputs: Iterator[dict[str, Any]] = (each["input"] for each in details if each["actionExecutionId"] == run)
    return dict(next(inputs, {}).get("resolvedConfiguration", {}))


def _client(running: Running, profile: str) -> Any:
    return profiles.session(running, profile).client("codepipeline")
