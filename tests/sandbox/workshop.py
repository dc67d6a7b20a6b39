"""Builds pipelines for tests and watches what they do, through AWS's API only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from harness import Sandbox, eventually

BRANCH = "main"
Declared = dict[str, Any]


def action(name: str, kind: str, configuration: dict[str, str] | None = None, **more: Any) -> Declared:
    """Declare an action of a kind such as `Build/CodeBuild`; `takes` and `makes` name its artifacts."""
    category, provider = kind.split("/")
    identity = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    artifacts = {
        "inputArtifacts": [{"name": artifact} for artifact in more.pop("takes", [])],
        "outputArtifacts": [{"name": artifact} for artifact in more.pop("makes", [])],
    }
    return {"name": name, "actionTypeId": identity, "configuration": configuration or {}, **artifacts, **more}


def stage(name: str, *actions: Declared) -> Declared:
    return {"name": name, "actions": list(actions)}


def approval(name: str = "Approve", **more: Any) -> Declared:
    return action(name, "Approval/Manual", **more)


@dataclass
class Workshop:
    """A repository, a bucket and a role from which a test builds its pipelines."""

    sandbox: Sandbox
    repository: str = field(default_factory=lambda: f"code-{uuid.uuid4().hex[:8]}")
    bucket: str = field(default_factory=lambda: f"artifacts-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.api = self.sandbox.client("codepipeline")
        self.role = self.sandbox.role("pipeline-role", "codepipeline.amazonaws.com")
        self.sandbox.client("s3").create_bucket(Bucket=self.bucket)
        self.sandbox.client("codecommit").create_repository(repositoryName=self.repository)
        self.commit = self.push("README.md", b"hello\n")

    def push(self, path: str, content: bytes, branch: str = BRANCH, parent: str = "", message: str = "A change") -> str:
        """Commit a file on a branch; return the commit's id."""
        made = self.sandbox.client("codecommit").put_file(
            repositoryName=self.repository,
            branchName=branch,
            filePath=path,
            fileContent=content,
            commitMessage=message,
            **({"parentCommitId": parent} if parent else {}),
        )
        return str(made["commitId"])

    def source(self, branch: str = BRANCH) -> Declared:
        configuration = {"RepositoryName": self.repository, "BranchName": branch, "PollForSourceChanges": "false"}
        return action("Source", "Source/CodeCommit", configuration, makes=["Code"], namespace="SourceVariables")

    def declare(self, *stages: Declared, **more: Any) -> Declared:
        """Declare a pipeline whose first stage is the source, unless the stages begin with one."""
        own = [] if stages and stages[0]["name"] == "Source" else [stage("Source", self.source())]
        facts = {"name": f"p-{uuid.uuid4().hex[:8]}", "roleArn": self.role, "pipelineType": "V2", **more}
        return {**facts, "artifactStore": {"type": "S3", "location": self.bucket}, "stages": [*own, *stages]}

    def create(self, *stages: Declared, **more: Any) -> str:
        declared = self.declare(*stages, **more)
        self.api.create_pipeline(pipeline=declared)
        return str(declared["name"])

    def executions(self, name: str) -> list[Declared]:
        """Return the executions' summaries, the newest first."""
        pages = self.api.get_paginator("list_pipeline_executions").paginate(pipelineName=name)
        return [summary for page in pages for summary in page["pipelineExecutionSummaries"]]

    def statuses(self, name: str) -> list[str]:
        """Return the executions' statuses, the oldest first."""
        return [summary["status"] for summary in reversed(self.executions(name))]

    def execution(self, name: str, execution: str) -> Declared:
        got = self.api.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
        return dict(got["pipelineExecution"])

    def start(self, name: str, **more: Any) -> str:
        return str(self.api.start_pipeline_execution(name=name, **more)["pipelineExecutionId"])

    def ended(self, name: str, status: str, execution: str = "") -> Declared:
        """Wait for an execution (the only one, unless named) to end; check how."""
        wanted = execution or self.executions(name)[0]["pipelineExecutionId"]
        eventually(lambda: self.execution(name, wanted)["status"] not in ("InProgress", "Stopping"))
        found = self.execution(name, wanted)
        assert found["status"] == status, found
        return found

    def actions(self, name: str, execution: str = "") -> dict[str, Declared]:
        """Return the newest run of each action of an execution, the newest one unless named."""
        wanted = execution or self.executions(name)[0]["pipelineExecutionId"]
        pages = self.api.get_paginator("list_action_executions").paginate(
            pipelineName=name, filter={"pipelineExecutionId": wanted}
        )
        details = [detail for page in pages for detail in page["actionExecutionDetails"]]
        return {detail["actionName"]: detail for detail in reversed(details)}

    def reached(self, name: str, action_name: str, execution: str = "") -> Declared:
        """Wait until an execution runs an action; return the run."""
        return eventually(lambda: self.actions(name, execution).get(action_name, {}))

    def stages(self, name: str) -> dict[str, Declared]:
        return {found["stageName"]: found for found in self.api.get_pipeline_state(name=name)["stageStates"]}

    def token(self, name: str, stage_name: str = "Approval", execution: str = "") -> str:
        """Wait until an approval (of an execution) is asked for; return its token."""

        def look() -> str:
            found = self.stages(name)[stage_name]
            mine = not execution or found.get("latestExecution", {}).get("pipelineExecutionId") == execution
            return str(found["actionStates"][0].get("latestExecution", {}).get("token", "")) if mine else ""

        return eventually(look)

    def answer(self, name: str, token: str, status: str = "Approved", summary: str = "by a test") -> None:
        self.api.put_approval_result(
            pipelineName=name,
            stageName="Approval",
            actionName="Approve",
            result={"status": status, "summary": summary},
            token=token,
        )
