"""Pipelines and their executions: the operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.sagemaker.definition import PARAMETER_TYPES, Definition, parse
from smproject.sandbox.sagemaker.execution import Execution
from smproject.sandbox.sagemaker.executor import Executor
from smproject.sandbox.sagemaker.registry import creator
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, now, page, unique_id
from smproject.sandbox.world import World

_PARALLEL = 10  # steps side by side, where the pipeline doesn't say


@dataclass
class Pipeline:
    """A pipeline and its executions, oldest first."""

    name: str
    arn: str
    caller: Caller
    request: Request
    definition: Definition
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    executions: list[Execution] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        shown = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
        last = {"LastRunTime": self.executions[-1].created} if self.executions else {}
        return {
            "PipelineArn": self.arn,
            "PipelineName": self.name,
            "PipelineDefinition": self.definition.text,
            "PipelineStatus": "Active",
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "CreatedBy": creator(self.caller),
            **last,
            **{key: self.request[key] for key in shown if key in self.request},
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        times = {"LastExecutionTime": self.executions[-1].created} if self.executions else {}
        shown = (
            "PipelineArn",
            "PipelineName",
            "PipelineDisplayName",
            "PipelineDescription",
            "RoleArn",
            "CreationTime",
            "LastModifiedTime",
        )
        return {key: value for key, value in self.describe().items() if key in shown} | times


class Pipelines:
    """The operations on pipelines and executions."""

    def __init__(self, world: World, tags: Tags) -> None:
        self.world, self.tags = world, tags
        self.pipelines: dict[str, Pipeline] = {}

    def create_pipeline(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a pipeline from its definition."""
        name = request["PipelineName"]
        arn = caller.arn_of("sagemaker", f"pipeline/{name}")
        if arn in self.pipelines:
            message = f"Pipeline with name ({name}) already exists."
            unique = "Pipeline names must be unique within an AWS account and region."
            raise ServiceError("ValidationException", f"{unique} {message}")
        self.pipelines[arn] = Pipeline(name, arn, caller, request, self._definition(caller, request))
        self.tags.set(arn, request.get("Tags", []))
        return {"PipelineArn": arn}

    def update_pipeline(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a pipeline; executions under way keep the definition they started with."""
        pipeline = self._find(caller, request["PipelineName"])
        if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
            pipeline.definition = self._definition(caller, request)
        pipeline.request, pipeline.modified = pipeline.request | request, now()
        return {"PipelineArn": pipeline.arn}

    def describe_pipeline(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a pipeline by name or ARN."""
        return self._find(caller, request["PipelineName"]).describe()

    def list_pipelines(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's pipelines, newest first unless SortOrder says otherwise."""
        prefix, text = caller.arn_of("sagemaker", "pipeline/"), request.get("PipelineNamePrefix", "")
        mine = [p.summary() for arn, p in self.pipelines.items() if arn.startswith(prefix) and p.name.startswith(text)]
        newest_first = request.get("SortOrder", "Descending") == "Descending"
        mine.sort(key=lambda item: item["CreationTime"], reverse=newest_first)
        return page(mine, request, "PipelineSummaries")

    def delete_pipeline(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a pipeline that is not executing."""
        pipeline = self._find(caller, request["PipelineName"])
        if any(e.status in ("Executing", "Stopping") for e in pipeline.executions):
            raise ServiceError(
                "ConflictException", f"Pipeline {pipeline.name} is executing: stop its executions first."
            )
        del self.pipelines[pipeline.arn]
        return {"PipelineArn": pipeline.arn}

    def start_pipeline_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Start an execution; the same ClientRequestToken starts one only."""
        pipeline = self._find(caller, request["PipelineName"])
        token = request.get("ClientRequestToken")
        same = next((e for e in pipeline.executions if token and e.request.get("ClientRequestToken") == token), None)
        if same is None:
            same = self._new_execution(pipeline, caller, request)
            executor = Executor(self.world, same, pipeline.executions[:])
            pipeline.executions.append(same)
            self.world.background(f"execution {same.id}", executor.run)
        return {"PipelineExecutionArn": same.arn}

    def stop_pipeline_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Stop an execution with the jobs that it runs."""
        execution = self._execution(caller, request)
        if not execution.ask_to_stop():
            message = f"Pipeline execution with ARN {execution.arn} is {execution.status}, not executing."
            raise ServiceError("ConflictException", message)
        return {"PipelineExecutionArn": execution.arn}

    def describe_pipeline_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe an execution."""
        return self._execution(caller, request).describe()

    def describe_pipeline_definition_for_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return the definition that an execution started with."""
        execution = self._execution(caller, request)
        return {"PipelineDefinition": execution.definition.text, "CreationTime": execution.created}

    def list_pipeline_executions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a pipeline's executions, newest first unless SortOrder says otherwise."""
        found = [e.summary() for e in self._find(caller, request["PipelineName"]).executions]
        return page(_ordered(found, request), request, "PipelineExecutionSummaries")

    def list_pipeline_execution_steps(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the steps that an execution has started, newest first unless SortOrder says otherwise."""
        found = [run.describe() for run in list(self._execution(caller, request).runs.values())]
        return page(_ordered(found, request), request, "PipelineExecutionSteps")

    def list_pipeline_parameters_for_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the parameters of an execution."""
        values = self._execution(caller, request).parameters
        return page(
            [{"Name": key, "Value": str(value)} for key, value in values.items()], request, "PipelineParameters"
        )

    def resume(self) -> None:
        """Fail the executions that a stop of the sandbox has cut off."""
        for pipeline in list(self.pipelines.values()):
            for execution in pipeline.executions:
                if execution.status in ("Executing", "Stopping"):
                    Executor(self.world, execution, []).interrupt()

    def _definition(self, caller: Caller, request: Request) -> Definition:
        if text := request.get("PipelineDefinition"):
            return parse(text)
        place = request.get("PipelineDefinitionS3Location")
        if not place:
            raise ServiceError("ValidationException", "PipelineDefinition or PipelineDefinitionS3Location is required.")
        s3 = self.world.client("s3", caller.credentials)
        version = {"VersionId": place["VersionId"]} if "VersionId" in place else {}
        found = s3.get_object(Bucket=place["Bucket"], Key=place["ObjectKey"], **version)
        return parse(found["Body"].read().decode())

    def _new_execution(self, pipeline: Pipeline, caller: Caller, request: Request) -> Execution:
        parallel = request.get("ParallelismConfiguration") or pipeline.request.get("ParallelismConfiguration") or {}
        return Execution(
            f"{pipeline.arn}/execution/{unique_id(12)}",
            pipeline.name,
            pipeline.arn,
            pipeline.request["RoleArn"],
            caller,
            pipeline.definition,
            _parameters(pipeline.definition, request),
            request,
            int(parallel.get("MaxParallelExecutionSteps", _PARALLEL)),
        )

    def _find(self, caller: Caller, name: str) -> Pipeline:
        arn = name if name.startswith("arn:") else caller.arn_of("sagemaker", f"pipeline/{name}")
        if arn not in self.pipelines or not caller.owns(arn):
            raise ServiceError("ResourceNotFound", f"Pipeline '{arn}' does not exist.")
        return self.pipelines[arn]

    def _execution(self, caller: Caller, request: Request) -> Execution:
        arn = request["PipelineExecutionArn"]
        pipeline = self.pipelines.get(arn.partition("/execution/")[0])
        found = next((e for e in pipeline.executions if e.arn == arn), None) if pipeline else None
        if found is None or not caller.owns(arn):
            raise ServiceError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.")
        return found


def _parameters(definition: Definition, request: Request) -> dict[str, Any]:
    """Return each parameter's value, converted to its type."""
    given = {item["Name"]: item["Value"] for item in request.get("PipelineParameters", [])}
    if unknown := sorted(set(given) - set(definition.parameters)):
        raise ServiceError(
            "ValidationException", f"Unknown parameters: [{', '.join(unknown)}] are not in the pipeline definition."
        )
    values = {}
    for name, declared in definition.parameters.items():
        if name not in given and "DefaultValue" not in declared:
            raise ServiceError("ValidationException", f"Parameter {name} has no default value and must be given.")
        values[name] = _converted(name, declared, given.get(name, declared.get("DefaultValue")))
    return values


def _converted(name: str, declared: dict[str, Any], value: Any) -> Any:
    try:
        converted = PARAMETER_TYPES[declared["Type"]](value)
    except (KeyError, ValueError) as error:
        raise ServiceError(
            "ValidationException", f"Parameter {name} must be of type {declared['Type']}, not {value!r}."
        ) from error
    allowed = declared.get("EnumValues")
    if allowed and converted not in allowed:
        raise ServiceError("ValidationException", f"Parameter {name} must be one of {allowed}, not {value!r}.")
    return converted


def _ordered(items: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    return items if request.get("SortOrder") == "Ascending" else items[::-1]
