"""Somebody who comes after the demonstration and looks at what it left, with AWS's own tools and git."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from harness import ACCOUNTS, Sandbox, eventually

Found = dict[str, Any]
PROJECT = "churn"


@dataclass
class Visitor:
    """A person in the development account; `variables` are those of a shell that `smproject sandbox env` set up."""

    sandbox: Sandbox
    variables: dict[str, str]
    output: str  # what the demonstration printed
    calls: list[Found]  # the call log at its end
    audit: str  # what the audit of the project said then, as JSON
    looks_at: str = PROJECT  # name of the project

    def client(self, service: str, profile: str = "development") -> Any:
        return self.sandbox.client(service, profile)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        """Run a program, which must succeed; return what it printed."""
        done = subprocess.run(command, env=self.variables, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def aws(self, *arguments: str) -> Any:
        """Run the AWS CLI; return its JSON."""
        return json.loads(self.run("aws", *arguments))

    def git(self, folder: Path, *arguments: str) -> str:
        return self.run("git", *arguments, cwd=folder).strip()

    def clone(self, folder: Path) -> Path:
        self.git(folder, "clone", "--quiet", self.outputs["RepositoryCloneUrl"], "code")
        return folder / "code"

    @cached_property
    def project(self) -> Found:
        found: Found = self.client("sagemaker").describe_project(ProjectName=self.looks_at)
        return found

    @cached_property
    def stack(self) -> str:
        product = self.project["ServiceCatalogProvisionedProductDetails"]["ProvisionedProductId"]
        return f"SC-{ACCOUNTS['development']}-{product}"

    @cached_property
    def outputs(self) -> dict[str, str]:
        """Return the outputs of the project's stack."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    @property
    def name(self) -> str:
        """Return the name that the project's repository, images, models and build share."""
        return self.outputs["RepositoryName"]

    @cached_property
    def pipeline(self) -> str:
        """Return the name of the SageMaker pipeline."""
        # SageMaker takes no prefix with a hyphen at its end.
        prefix = self.outputs["ModelBuildPipelinePrefix"].rstrip("-")
        (found,) = self.client("sagemaker").list_pipelines(PipelineNamePrefix=prefix)["PipelineSummaries"]
        return str(found["PipelineName"])

    def executions(self) -> list[str]:
        """Return the ARNs of the SageMaker pipeline's executions, the oldest first."""
        pages = self.client("sagemaker").get_paginator("list_pipeline_executions")
        found = pages.paginate(PipelineName=self.pipeline, SortOrder="Ascending")
        return [item["PipelineExecutionArn"] for page in found for item in page["PipelineExecutionSummaries"]]

    def ended(self, execution: str) -> Found:
        """Wait for the end of an execution; return its description."""
        describe = self.client("sagemaker").describe_pipeline_execution

        def look() -> Found:
            found: Found = describe(PipelineExecutionArn=execution)
            return {} if found["PipelineExecutionStatus"] in ("Executing", "Stopping") else found

        return eventually(look)

    def steps(self, execution: str) -> dict[str, Found]:
        """Return the steps of an execution by name."""
        pages = self.client("sagemaker").get_paginator("list_pipeline_execution_steps")
        found = pages.paginate(PipelineExecutionArn=execution)
        return {step["StepName"]: step for page in found for step in page["PipelineExecutionSteps"]}

    def job(self, step: Found, kind: str) -> Found:
        """Return the description of a step's job; `kind` is Processing or Training."""
        name = step["Metadata"][f"{kind}Job"]["Arn"].rpartition("/")[2]
        describe = getattr(self.client("sagemaker"), f"describe_{kind.lower()}_job")
        found: Found = describe(**{f"{kind}JobName": name})
        return found

    def deliveries(self) -> list[Found]:
        """Return the summaries of the CodePipeline's executions, the oldest first."""
        pages = self.client("codepipeline").get_paginator("list_pipeline_executions")
        found = pages.paginate(pipelineName=self.outputs["ModelBuildPipelineName"])
        return [item for page in found for item in page["pipelineExecutionSummaries"]][::-1]

    def delivered(self, commit: str) -> Found:
        """Wait for the end of the CodePipeline execution of a commit; return its summary."""

        def look() -> Found:
            mine = [item for item in self.deliveries() if commit in {r["revisionId"] for r in item["sourceRevisions"]}]
            return mine[0] if mine and mine[0]["status"] not in ("InProgress", "Stopping") else {}

        return eventually(look)

    def build(self, delivery: Found) -> Found:
        """Return the run of the Build action of a CodePipeline execution."""
        details = self.client("codepipeline").list_action_executions(
            pipelineName=self.outputs["ModelBuildPipelineName"],
            filter={"pipelineExecutionId": delivery["pipelineExecutionId"]},
        )["actionExecutionDetails"]
        found: Found = next(item for item in details if item["actionName"] == "Build")
        return found

    def log(self, group: str, stream: str) -> str:
        """Return the text of the log streams whose names begin so."""
        found = self.client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix=stream)
        return "\n".join(event["message"].rstrip("\n") for event in found["events"])

    def get(self, uri: str) -> Found:
        """Return an object of S3, its Body as bytes."""
        place = urlparse(uri)
        found: Found = self.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))
        return {**found, "Body": found["Body"].read()}
