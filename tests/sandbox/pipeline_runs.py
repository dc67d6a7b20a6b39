"""SageMaker pipelines from hand-written definitions, run to their end."""

from __future__ import annotations

import json
import uuid
from typing import Any

from harness import eventually
from workbench import Workbench

Item = dict[str, Any]
AT_REST = {"Succeeded", "Failed", "Stopped"}


class Pipelines:
    """Makes and executes pipelines whose steps run Python code in the workbench's image."""

    def __init__(self, bench: Workbench) -> None:
        self.bench, self.api = bench, bench.api

    def process(self, name: str, code: str = "pass", /, **members: Any) -> Item:
        """Return a processing step; `Inputs`, `Outputs`, `Arguments` and `Environment` go where they belong."""
        request: Item = self.bench.processing(code)
        if arguments := members.pop("Arguments", None):
            request["AppSpecification"]["ContainerArguments"] = arguments
        if outputs := members.pop("Outputs", None):
            request["ProcessingOutputConfig"] = {"Outputs": [self.output(*output) for output in outputs.items()]}
        for member in {"Environment", "ProcessingInputs"} & set(members):
            request[member] = members.pop(member)
        return {"Name": name, "Type": "Processing", "Arguments": request, **members}

    def output(self, name: str, uri: Any) -> Item:
        """Return a processing output whose folder is named like it."""
        target = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
        return {"OutputName": name, "S3Output": target}

    def create(self, steps: list[Item], parameters: list[Item] | None = None, **request: Any) -> str:
        """Create a pipeline; return its name."""
        name = f"pipeline-{uuid.uuid4().hex[:8]}"
        definition = self.definition(steps, parameters)
        self.api.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=self.bench.role, **request)
        return name

    def definition(self, steps: list[Item], parameters: list[Item] | None = None) -> str:
        """Return a definition as JSON."""
        return json.dumps({"Version": "2020-12-01", "Parameters": parameters or [], "Steps": steps})

    def start(self, pipeline: str, parameters: dict[str, str] | None = None, **request: Any) -> str:
        """Start an execution; return its ARN."""
        given = [{"Name": key, "Value": value} for key, value in (parameters or {}).items()]
        made = self.api.start_pipeline_execution(PipelineName=pipeline, PipelineParameters=given, **request)
        return str(made["PipelineExecutionArn"])

    def ended(self, execution: str) -> Item:
        """Wait for an execution's end; return its description."""

        def look() -> Item | None:
            found: Item = self.api.describe_pipeline_execution(PipelineExecutionArn=execution)
            return found if found["PipelineExecutionStatus"] in AT_REST else None

        return eventually(look)

    def steps(self, execution: str) -> dict[str, Item]:
        """Return an execution's steps by name, in the order in which they started."""
        listed = self.api.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=execution, SortOrder="Ascending"
        )
        return {item["StepName"]: item for page in listed for item in page["PipelineExecutionSteps"]}

    def statuses(self, execution: str) -> dict[str, str]:
        """Return the status of each step."""
        return {name: step["StepStatus"] for name, step in self.steps(execution).items()}

    def run(
        self, steps: list[Item], parameters: list[Item] | None = None, /, **given: str
    ) -> tuple[Item, dict[str, Item]]:
        """Create a pipeline and execute it; return the execution and its steps."""
        execution = self.start(self.create(steps, parameters), given)
        return self.ended(execution), self.steps(execution)

    def printed(self, step: Item) -> list[str]:
        """Return what the processing job of a step has printed."""
        return self.bench.log("Processing", step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2])
