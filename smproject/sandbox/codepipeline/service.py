"""CodePipeline's operations."""

from __future__ import annotations

from collections.abc import Sequence

from smproject.sandbox.codepipeline import interrupted, rollback, structure, triggers, views
from smproject.sandbox.codepipeline.executor import Executor
from smproject.sandbox.codepipeline.model import ActionRun, Execution, Pipeline, now
from smproject.sandbox.codepipeline.notices import Notices
from smproject.sandbox.codepipeline.variables import start_values
from smproject.sandbox.events import events_of
from smproject.sandbox.git_work import Work
from smproject.sandbox.service import Caller, Request, Service, ServiceError, page
from smproject.sandbox.world import World


class CodePipelineService(Service):
    """Pipelines of both types, by account and region. Sources are not polled: an event or a person starts them."""

    name = "codepipeline"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._pipelines: dict[tuple[str, str, str], Pipeline] = {}

    def resume(self) -> None:
        """Take up the executions that a stop of the sandbox has cut off."""
        for pipeline in list(self._pipelines.values()):
            interrupted.resume(self.world, pipeline)

    def create_pipeline(self, caller: Caller, request: Request) -> Request:
        """Make a pipeline and start its first execution."""
        name = request["pipeline"]["name"]
        if (caller.account, caller.region, name) in self._pipelines:
            raise ServiceError("PipelineNameInUseException", f"A pipeline with the name '{name}' already exists")
        declaration = self._checked(caller, {**request["pipeline"], "version": 1})
        tags = {tag["key"]: tag["value"] for tag in request.get("tags") or []}
        pipeline = Pipeline(caller.account, caller.region, declaration, tags)
        pipeline.replace(declaration)
        self._pipelines[caller.account, caller.region, name] = pipeline
        trigger = {"triggerType": "CreatePipeline", "triggerDetail": caller.arn}
        self._start(pipeline, Execution(declaration, trigger, {}))
        return {"pipeline": declaration, "tags": request.get("tags") or []}

    def update_pipeline(self, caller: Caller, request: Request) -> Request:
        """Put a new version in force; executions that run keep theirs."""
        pipeline = self._find(caller, request["pipeline"]["name"])
        version = pipeline.declaration["version"] + 1
        pipeline.replace(self._checked(caller, {**request["pipeline"], "version": version}))
        return {"pipeline": pipeline.declaration}

    def get_pipeline(self, caller: Caller, request: Request) -> Request:
        """Return a version of a pipeline, the one in force unless another is named."""
        pipeline = self._find(caller, request["name"])
        version = request.get("version") or pipeline.declaration["version"]
        if version not in pipeline.versions:
            message = f"Pipeline '{pipeline.name}' has no version {version}"
            raise ServiceError("PipelineVersionNotFoundException", message)
        times = {"created": pipeline.created, "updated": pipeline.updated}
        return {"pipeline": pipeline.versions[version], "metadata": {"pipelineArn": pipeline.arn, **times}}

    def list_pipelines(self, caller: Caller, request: Request) -> Request:
        """List the pipelines of the caller's account and region."""
        here = (caller.account, caller.region)
        mine = [views.pipeline_summary(found) for key, found in sorted(self._pipelines.items()) if key[:2] == here]
        return page(mine, request, "pipelines", "maxResults", "nextToken", default=1000)

    def delete_pipeline(self, caller: Caller, request: Request) -> None:
        """Delete a pipeline and abandon what runs; deleting one that is not there is no error, as on AWS."""
        pipeline = self._pipelines.pop((caller.account, caller.region, request["name"]), None)
        for execution in pipeline.executions if pipeline else []:
            execution.stop = "abandon"
        if pipeline:
            _wake(pipeline)

    def start_pipeline_execution(self, caller: Caller, request: Request) -> Request:
        """Start an execution; a clientRequestToken that was seen before gives the execution that it started."""
        pipeline = self._find(caller, request["name"])
        rule = events_of(self.world).rule_behind(caller.credentials.access_key)
        trigger = {"triggerType": "StartPipelineExecution", "triggerDetail": caller.arn}
        trigger = {"triggerType": "CloudWatchEvent", "triggerDetail": rule} if rule else trigger
        values = start_values(pipeline.declaration, request.get("variables") or [])
        overrides = {
            override["actionName"]: override["revisionValue"] for override in request.get("sourceRevisions") or []
        }
        with pipeline.changed:
            token = request.get("clientRequestToken")
            if token and token in pipeline.tokens:
                return {"pipelineExecutionId": pipeline.tokens[token].id}
            execution = Execution(pipeline.declaration, trigger, values, overrides)
            pipeline.executions.append(execution)
            pipeline.tokens |= {token: execution} if token else {}
            Executor(self.world, pipeline, execution).launch()
        return {"pipelineExecutionId": execution.id}

    def delivered(self, delivery: str, work: Work, files: Sequence[str]) -> list[str]:
        """Start what waits for an event at a git host; return what that is, nothing where the delivery is known."""
        started = []
        for pipeline in list(self._pipelines.values()):
            for action in triggers.sources(pipeline.declaration, work, files):
                token = f"{delivery} {action['name']}"
                with pipeline.changed:
                    if token in pipeline.tokens:
                        continue
                    trigger = {"triggerType": "WebhookV2", "triggerDetail": action["configuration"]["ConnectionArn"]}
                    execution = Execution(pipeline.declaration, trigger, {}, {action["name"]: work.commit})
                    execution.told = {action["name"]: triggers.told(work)}
                    pipeline.tokens[token] = execution
                    self._start(pipeline, execution)
                started.append(f"execution {execution.id} of pipeline {pipeline.name}")
        if started:
            self.world.touched(self.name, "", "StartPipelineExecution")
        return started

    def stop_pipeline_execution(self, caller: Caller, request: Request) -> Request:
        """Stop an execution after its running actions, or (`abandon`) at once."""
        pipeline = self._find(caller, request["pipelineName"])
        execution = _execution(pipeline, request["pipelineExecutionId"])
        wanted = "abandon" if request.get("abandon") else "finish"
        with pipeline.changed:
            if execution.is_over:
                message = f"The pipeline execution {execution.id} is {execution.status} and cannot be stopped."
                raise ServiceError("PipelineExecutionNotStoppableException", message)
            if execution.stop in (wanted, "abandon"):
                message = f"The pipeline execution {execution.id} is already stopping ({execution.stop})."
                raise ServiceError("DuplicatedStopRequestException", message)
            execution.stop, execution.stop_reason = wanted, request.get("reason") or ""
            execution.status, execution.updated = "Stopping", now()
            Notices(self.world, pipeline, execution).pipeline("STOPPING")
        _wake(pipeline)
        return {"pipelineExecutionId": execution.id}

    def retry_stage_execution(self, caller: Caller, request: Request) -> Request:
        """Run a failed stage again: its failed actions, or all of them, and then the stages after it."""
        pipeline = self._find(caller, request["pipelineName"])
        execution, stage = _execution(pipeline, request["pipelineExecutionId"]), request["stageName"]
        declared = _stage(execution.declaration, stage)
        with pipeline.changed:
            if not execution.is_over or execution.stages.get(stage) not in ("Failed", "Stopped"):
                message = f"Stage {stage} of execution {execution.id} is {execution.stages.get(stage, 'not reached')}."
                raise ServiceError("StageNotRetryableException", message)
            if any(stage in newer.stages for newer in pipeline.executions[pipeline.executions.index(execution) + 1 :]):
                message = f"A newer execution than {execution.id} has entered stage {stage}."
                raise ServiceError("NotLatestPipelineExecutionException", message)
            execution.status, execution.summary, execution.stop = "InProgress", None, None
            execution.attempt += 1
            runs = (execution.latest(stage, action["name"]) for action in declared["actions"])
            done = {run.name for run in runs if run and run.status == "Succeeded"}
            kept = frozenset(done if request["retryMode"] == "FAILED_ACTIONS" else ())
            Executor(self.world, pipeline, execution).launch(stage, kept)
        return {"pipelineExecutionId": execution.id}

    def rollback_stage(self, caller: Caller, request: Request) -> Request:
        """Run a stage again as an execution ran it that succeeded in it."""
        pipeline, stage = self._find(caller, request["pipelineName"]), request["stageName"]
        _stage(pipeline.declaration, stage)
        with pipeline.changed:
            target = _execution(pipeline, request["targetPipelineExecutionId"])
            execution = rollback.manual(pipeline, stage, target, caller.arn)
            Executor(self.world, pipeline, execution).launch(stage)
        return {"pipelineExecutionId": execution.id}

    def put_approval_result(self, caller: Caller, request: Request) -> Request:
        """Approve or reject an action that waits for it; the token is in GetPipelineState."""
        pipeline = self._find(caller, request["pipelineName"])
        stage, action = request["stageName"], request["actionName"]
        if action not in [declared["name"] for declared in _stage(pipeline.declaration, stage)["actions"]]:
            raise ServiceError("ActionNotFoundException", f"Stage {stage} of {pipeline.name} has no action {action}.")
        with pipeline.changed:
            run = _approval(pipeline, stage, action, request["token"])
            run.decision, run.updated_by = request["result"], caller.arn
        _wake(pipeline)
        return {"approvedAt": now()}

    def get_pipeline_state(self, caller: Caller, request: Request) -> Request:
        """Show each stage and action as it is now."""
        pipeline = self._find(caller, request["name"])
        stages = [views.stage_state(pipeline, stage) for stage in pipeline.declaration["stages"]]
        facts = {"pipelineName": pipeline.name, "pipelineVersion": pipeline.declaration["version"]}
        return {**facts, "stageStates": stages, "created": pipeline.created, "updated": pipeline.updated}

    def get_pipeline_execution(self, caller: Caller, request: Request) -> Request:
        """Describe an execution."""
        pipeline = self._find(caller, request["pipelineName"])
        return {"pipelineExecution": views.execution_view(_execution(pipeline, request["pipelineExecutionId"]))}

    def list_pipeline_executions(self, caller: Caller, request: Request) -> Request:
        """List executions, the newest first."""
        pipeline = self._find(caller, request["pipelineName"])
        stage = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
        found = [e for e in reversed(pipeline.executions) if not stage or e.stages.get(stage) == "Succeeded"]
        summaries = [views.execution_summary(execution) for execution in found]
        return page(summaries, request, "pipelineExecutionSummaries", "maxResults", "nextToken")

    def list_action_executions(self, caller: Caller, request: Request) -> Request:
        """List runs of actions, the newest first."""
        pipeline = self._find(caller, request["pipelineName"])
        chosen = request.get("filter", {})
        wanted = chosen.get("pipelineExecutionId") or chosen.get("latestInPipelineExecution", {}).get(
            "pipelineExecutionId"
        )
        executions = [_execution(pipeline, wanted)] if wanted else pipeline.executions
        runs = [
            (run.started, number, execution, run)
            for execution in executions
            for number, run in enumerate(execution.actions)
        ]
        runs.sort(key=lambda found: found[:2], reverse=True)
        details = [views.action_detail(execution, run) for _, _, execution, run in runs]
        return page(details, request, "actionExecutionDetails", "maxResults", "nextToken")

    def tag_resource(self, caller: Caller, request: Request) -> None:
        """Add tags to a pipeline."""
        tags = self._by_arn(caller, request).tags
        tags.update({tag["key"]: tag["value"] for tag in request["tags"]})

    def untag_resource(self, caller: Caller, request: Request) -> None:
        """Remove tags from a pipeline."""
        tags = self._by_arn(caller, request).tags
        for key in request["tagKeys"]:
            tags.pop(key, None)

    def list_tags_for_resource(self, caller: Caller, request: Request) -> Request:
        """List a pipeline's tags."""
        tags = [{"key": key, "value": value} for key, value in sorted(self._by_arn(caller, request).tags.items())]
        return page(tags, request, "tags", "maxResults", "nextToken")

    def _find(self, caller: Caller, name: str) -> Pipeline:
        pipeline = self._pipelines.get((caller.account, caller.region, name))
        if pipeline is None:
            message = f"Account '{caller.account}' does not have a pipeline with name '{name}'"
            raise ServiceError("PipelineNotFoundException", message)
        return pipeline

    def _by_arn(self, caller: Caller, request: Request) -> Pipeline:
        for pipeline in self._pipelines.values():
            if pipeline.arn == request["resourceArn"] and pipeline.account == caller.account:
                return pipeline
        raise ServiceError("ResourceNotFoundException", f"There is no pipeline {request['resourceArn']}.")

    def _checked(self, caller: Caller, given: Request) -> Request:
        """Return a declaration with its defaults, or refuse it."""
        actions = {"runOrder": 1, "configuration": {}, "outputArtifacts": [], "inputArtifacts": []}
        stages = [{**s, "actions": [{**actions, **action} for action in s["actions"]]} for s in given["stages"]]
        declaration = {"pipelineType": "V1", "executionMode": "SUPERSEDED", **given, "stages": stages}
        structure.check(declaration, caller.region)
        try:
            arn = caller.arn_of("codepipeline", given["name"])
            self.world.assume(given["roleArn"], "codepipeline.amazonaws.com", "check", arn)
        except ServiceError as error:
            message = (
                f"CodePipeline is not authorized to perform AssumeRole on role {given['roleArn']}: {error.message}"
            )
            raise ServiceError("InvalidStructureException", message) from error
        return declaration

    def _start(self, pipeline: Pipeline, execution: Execution) -> None:
        """Start what nobody gives variables to; it fails at once when one has no value."""
        pipeline.executions.append(execution)
        try:
            execution.variables = start_values(pipeline.declaration, [])
        except ServiceError as error:
            execution.status, execution.summary = "Failed", error.message
        else:
            Executor(self.world, pipeline, execution).launch()


def _execution(pipeline: Pipeline, execution_id: str) -> Execution:
    for execution in pipeline.executions:
        if execution.id == execution_id:
            return execution
    message = f"Pipeline '{pipeline.name}' has no execution with ID '{execution_id}'"
    raise ServiceError("PipelineExecutionNotFoundException", message)


def _stage(declaration: Request, name: str) -> Request:
    for stage in declaration["stages"]:
        if stage["name"] == name:
            return dict(stage)
    raise ServiceError("StageNotFoundException", f"Pipeline '{declaration['name']}' has no stage {name}")


def _approval(pipeline: Pipeline, stage: str, action: str, token: str) -> ActionRun:
    """Find the approval that a token opens."""
    runs = [execution.latest(stage, action) for execution in pipeline.executions]
    waiting = [run for run in runs if run and run.token == token]
    if not waiting:
        raise ServiceError(
            "InvalidApprovalTokenException", f"No approval {action} of stage {stage} waits with this token."
        )
    if waiting[0].decision:
        raise ServiceError(
            "ApprovalAlreadyCompletedException", "The approval action has already been approved or rejected."
        )
    return waiting[0]


def _wake(pipeline: Pipeline) -> None:
    with pipeline.changed:
        pipeline.changed.notify_all()
