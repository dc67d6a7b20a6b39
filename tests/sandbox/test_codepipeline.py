"""CodePipeline: how pipelines are checked, started, run, held up, stopped, retried and reported."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox, eventually

SECONDS = 60
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
        eventually(lambda: self.execution(name, wanted)["status"] not in ("InProgress", "Stopping"), SECONDS)
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

    def stages(self, name: str) -> dict[str, Declared]:
        return {found["stageName"]: found for found in self.api.get_pipeline_state(name=name)["stageStates"]}

    def token(self, name: str, stage_name: str = "Approval", execution: str = "") -> str:
        """Wait until an approval (of an execution) is asked for; return its token."""

        def look() -> str:
            found = self.stages(name)[stage_name]
            mine = not execution or found.get("latestExecution", {}).get("pipelineExecutionId") == execution
            return str(found["actionStates"][0].get("latestExecution", {}).get("token", "")) if mine else ""

        return eventually(look, SECONDS)

    def answer(self, name: str, token: str, status: str = "Approved", summary: str = "by a test") -> None:
        self.api.put_approval_result(
            pipelineName=name,
            stageName="Approval",
            actionName="Approve",
            result={"status": status, "summary": summary},
            token=token,
        )


@pytest.fixture(scope="module")
def workshop(sandbox: Sandbox) -> Workshop:
    return Workshop(sandbox)


def refusal(workshop: Workshop, declared: Declared) -> tuple[str, str]:
    """Return the code and message with which a pipeline is refused; none of it must remain."""
    with pytest.raises(ClientError) as refused:
        workshop.api.create_pipeline(pipeline=declared)
    with pytest.raises(workshop.api.exceptions.PipelineNotFoundException):
        workshop.api.get_pipeline(name=declared["name"])
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_creating_a_pipeline_runs_it(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()))
    workshop.answer(name, workshop.token(name))
    ended = workshop.ended(name, "Succeeded")
    assert ended["trigger"]["triggerType"] == "CreatePipeline"
    assert ended["artifactRevisions"][0]["revisionId"] == workshop.commit
    assert workshop.executions(name)[0]["sourceRevisions"][0]["revisionSummary"] == "A change"
    states = workshop.stages(name)
    assert {found["latestExecution"]["status"] for found in states.values()} == {"Succeeded"}
    assert states["Approval"]["actionStates"][0]["latestExecution"]["summary"] == "by a test"


def test_the_source_action_stores_the_branchs_tree(workshop: Workshop) -> None:
    kms = workshop.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    declared = workshop.declare(stage("Approval", approval()))
    declared["artifactStore"]["encryptionKey"] = {"id": kms, "type": "KMS"}
    workshop.api.create_pipeline(pipeline=declared)
    workshop.token(declared["name"])
    source = workshop.actions(declared["name"])["Source"]
    place = source["output"]["outputArtifacts"][0]["s3location"]
    assert place["key"].startswith(f"{declared['name']}/Code/")
    stored = workshop.sandbox.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])
    assert (stored["ServerSideEncryption"], stored["SSEKMSKeyId"]) == ("aws:kms", kms)
    with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
        assert archive.read("README.md") == b"hello\n"
    variables = source["output"]["outputVariables"]
    assert (variables["CommitId"], variables["BranchName"]) == (workshop.commit, BRANCH)
    assert variables["AuthorDate"].endswith("Z")


def test_calls_are_made_by_the_pipelines_role(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()))
    workshop.token(name)
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    session = f"arn:aws:sts::{ACCOUNTS['development']}:assumed-role/pipeline-role/{execution}"
    lines = [json.loads(line) for line in (workshop.sandbox.home / "calls.jsonl").read_text().splitlines()]
    made = {f"{line['service']}:{line['operation']}" for line in lines if line["principal"] == session}
    assert {"codecommit:GetBranch", "codecommit:GetCommit"} <= made


def test_a_missing_branch_fails_the_source_action(workshop: Workshop) -> None:
    name = workshop.create(stage("Source", workshop.source("absent")), stage("Approval", approval()))
    ended = workshop.ended(name, "Failed")
    error = workshop.actions(name)["Source"]["output"]["executionResult"]["errorDetails"]
    assert 'no branch named "absent"' in error["message"]
    assert error["message"] in ended["statusSummary"]
    assert "latestExecution" not in workshop.stages(name)["Approval"]


def test_a_rejected_approval_fails_the_execution(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()))
    token = workshop.token(name)
    workshop.answer(name, token, "Rejected", "accuracy is too low")
    assert "accuracy is too low" in workshop.ended(name, "Failed")["statusSummary"]
    assert workshop.stages(name)["Approval"]["latestExecution"]["status"] == "Failed"
    with pytest.raises(workshop.api.exceptions.InvalidApprovalTokenException):
        workshop.answer(name, token)


def test_an_approval_notifies_its_topic(workshop: Workshop) -> None:
    sns, sqs = workshop.sandbox.client("sns"), workshop.sandbox.client("sqs")
    topic = sns.create_topic(Name=f"approvals-{uuid.uuid4()}")["TopicArn"]
    queue = sqs.create_queue(QueueName=f"approvals-{uuid.uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    configuration = {"NotificationArn": topic, "CustomData": "commit #{SourceVariables.CommitId}"}
    name = workshop.create(stage("Approval", approval(configuration=configuration)))
    token = workshop.token(name)
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    told = json.loads(message["Body"])["approval"]
    assert (told["pipelineName"], told["token"]) == (name, token)
    assert told["customData"] == f"commit {workshop.commit}"


def test_an_unknown_variable_fails_its_action(workshop: Workshop) -> None:
    configuration = {"CustomData": "#{SourceVariables.Nothing}"}
    name = workshop.create(stage("Approval", approval(configuration=configuration)))
    assert "#{SourceVariables.Nothing}" in workshop.ended(name, "Failed")["statusSummary"]


def test_variables_are_given_at_the_start(workshop: Workshop) -> None:
    configuration = {"CustomData": "#{variables.Reason}"}
    name = workshop.create(
        stage("Approval", approval(configuration=configuration)),
        variables=[{"name": "Reason", "defaultValue": "none"}],
        executionMode="PARALLEL",
    )
    chosen = workshop.start(name, variables=[{"name": "Reason", "value": "a test"}])
    eventually(lambda: len(workshop.actions(name, chosen)) == 2)
    resolved = workshop.actions(name, chosen)["Approve"]["input"]["resolvedConfiguration"]
    assert resolved == {"CustomData": "a test"}
    assert workshop.execution(name, chosen)["variables"] == [{"name": "Reason", "resolvedValue": "a test"}]
    with pytest.raises(ClientError, match="Other"):
        workshop.start(name, variables=[{"name": "Other", "value": "x"}])


def test_a_starter_may_choose_the_revision(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()), executionMode="PARALLEL")
    workshop.push("other.txt", b"x", parent=workshop.commit)
    override = {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": workshop.commit}
    older, newer = workshop.start(name, sourceRevisions=[override]), workshop.start(name)
    for execution in (older, newer):
        eventually(lambda wanted=execution: len(workshop.actions(name, wanted)) == 2)
    revisions = [workshop.execution(name, found)["artifactRevisions"][0]["revisionId"] for found in (older, newer)]
    assert revisions[0] == workshop.commit
    assert revisions[1] != workshop.commit
    workshop.commit = revisions[1]


def test_a_waiting_execution_is_superseded(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()))
    token = workshop.token(name)
    second = workshop.start(name)
    eventually(lambda: workshop.stages(name)["Approval"].get("inboundExecutions"))
    third = workshop.start(name)
    workshop.ended(name, "Superseded", second)
    workshop.answer(name, token)
    workshop.answer(name, workshop.token(name, execution=third))
    workshop.ended(name, "Succeeded", third)
    assert workshop.statuses(name) == ["Succeeded", "Superseded", "Succeeded"]


def test_queued_executions_wait_for_each_other(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()), executionMode="QUEUED")
    first = workshop.executions(name)[0]["pipelineExecutionId"]
    later = [workshop.start(name), workshop.start(name)]
    eventually(lambda: len(workshop.stages(name)["Approval"].get("inboundExecutions", [])) == 2)
    waiting = workshop.stages(name)["Approval"]["inboundExecutions"]
    assert [found["pipelineExecutionId"] for found in waiting] == later
    for execution in (first, *later):
        workshop.answer(name, workshop.token(name, execution=execution))
        workshop.ended(name, "Succeeded", execution)


def test_parallel_executions_do_not_wait(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()), executionMode="PARALLEL")
    first, second = workshop.executions(name)[0]["pipelineExecutionId"], workshop.start(name)
    for execution in (first, second):
        eventually(lambda wanted=execution: "Approve" in workshop.actions(name, wanted))
    assert workshop.statuses(name) == ["InProgress", "InProgress"]


def test_the_same_token_starts_one_execution(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()), executionMode="PARALLEL")
    token = str(uuid.uuid4())
    assert workshop.start(name, clientRequestToken=token) == workshop.start(name, clientRequestToken=token)
    assert len(workshop.executions(name)) == 2


def test_abandoning_ends_a_waiting_action(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()), stage("After", approval("Again")))
    workshop.token(name)
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    asked = {"pipelineName": name, "pipelineExecutionId": execution}
    workshop.api.stop_pipeline_execution(**asked, reason="a test")
    assert workshop.execution(name, execution)["status"] == "Stopping"
    with pytest.raises(workshop.api.exceptions.DuplicatedStopRequestException):
        workshop.api.stop_pipeline_execution(**asked)
    workshop.api.stop_pipeline_execution(**asked, abandon=True, reason="a test")
    workshop.ended(name, "Stopped")
    assert workshop.actions(name)["Approve"]["status"] == "Abandoned"
    assert workshop.executions(name)[0]["stopTrigger"]["reason"] == "a test"
    with pytest.raises(workshop.api.exceptions.PipelineExecutionNotStoppableException):
        workshop.api.stop_pipeline_execution(**asked, abandon=True)


def test_stopping_lets_the_running_action_finish(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()), stage("After", approval("Again")))
    token = workshop.token(name)
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    workshop.api.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
    workshop.answer(name, token)
    workshop.ended(name, "Stopped")
    assert workshop.actions(name)["Approve"]["status"] == "Succeeded"
    assert "latestExecution" not in workshop.stages(name)["After"]


def test_only_the_failed_actions_are_retried(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval(), approval("Other")))
    token = workshop.token(name)
    other = workshop.stages(name)["Approval"]["actionStates"][1]["latestExecution"]["token"]
    workshop.api.put_approval_result(
        pipelineName=name,
        stageName="Approval",
        actionName="Other",
        result={"status": "Approved", "summary": "fine"},
        token=other,
    )
    workshop.answer(name, token, "Rejected")
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    workshop.ended(name, "Failed")
    before = workshop.actions(name)["Other"]["actionExecutionId"]
    asked = {"pipelineName": name, "stageName": "Approval", "pipelineExecutionId": execution}
    workshop.api.retry_stage_execution(**asked, retryMode="FAILED_ACTIONS")
    workshop.answer(name, workshop.token(name))
    workshop.ended(name, "Succeeded")
    assert workshop.actions(name)["Other"]["actionExecutionId"] == before
    with pytest.raises(workshop.api.exceptions.StageNotRetryableException):
        workshop.api.retry_stage_execution(**asked, retryMode="ALL_ACTIONS")


def test_actions_of_a_smaller_run_order_come_first(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval(runOrder=1), approval("Last", runOrder=2)))
    token = workshop.token(name)
    assert "Last" not in workshop.actions(name)
    workshop.answer(name, token)
    eventually(lambda: "Last" in workshop.actions(name))


def test_a_push_starts_the_pipeline_of_its_rule(workshop: Workshop) -> None:
    fresh = Workshop(workshop.sandbox)
    events = workshop.sandbox.client("events")
    name = fresh.create(stage("Approval", approval()), executionMode="QUEUED")
    pattern = {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [f"arn:aws:codecommit:us-east-1:{ACCOUNTS['development']}:{fresh.repository}"],
        "detail": {"referenceType": ["branch"], "referenceName": [BRANCH]},
    }
    rule = events.put_rule(Name=f"on-{name}", EventPattern=json.dumps(pattern), State="DISABLED")["RuleArn"]
    pipeline = f"arn:aws:codepipeline:us-east-1:{ACCOUNTS['development']}:{name}"
    role = workshop.sandbox.role("start-role", "events.amazonaws.com")
    events.put_targets(Rule=f"on-{name}", Targets=[{"Id": "1", "Arn": pipeline, "RoleArn": role}])
    commit = fresh.push("a", b"while the rule is disabled", parent=fresh.commit)
    events.enable_rule(Name=f"on-{name}")
    codecommit = workshop.sandbox.client("codecommit")
    codecommit.create_branch(repositoryName=fresh.repository, branchName="next", commitId=commit)
    fresh.push("b", b"on another branch", branch="next", parent=commit)
    last = fresh.push("c", b"now", parent=commit)
    started = eventually(lambda: fresh.executions(name)[:-1])
    assert [found["trigger"] for found in started] == [{"triggerType": "CloudWatchEvent", "triggerDetail": rule}]
    fresh.answer(name, fresh.token(name))
    execution = started[0]["pipelineExecutionId"]
    fresh.answer(name, fresh.token(name, execution=execution))
    assert fresh.ended(name, "Succeeded", execution)["artifactRevisions"][0]["revisionId"] == last
    assert len(fresh.executions(name)) == 2


def test_state_changes_are_told_to_eventbridge(workshop: Workshop) -> None:
    sqs, events = workshop.sandbox.client("sqs"), workshop.sandbox.client("events")
    queue = sqs.create_queue(QueueName=f"told-{uuid.uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    declared = workshop.declare(stage("Source", workshop.source("absent")), stage("Approval", approval()))
    pattern = {"source": ["aws.codepipeline"], "detail": {"pipeline": [declared["name"]], "state": ["FAILED"]}}
    events.put_rule(Name=declared["name"], EventPattern=json.dumps(pattern))
    events.put_targets(Rule=declared["name"], Targets=[{"Id": "1", "Arn": arn}])
    workshop.api.create_pipeline(pipeline=declared)
    told: dict[str, Declared] = {}

    def look() -> bool:
        received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for event in (json.loads(message["Body"]) for message in received.get("Messages", [])):
            told[event["detail-type"]] = event["detail"]
        return len(told) == 3

    eventually(look)
    kinds = ("Pipeline", "Stage", "Action")
    assert told.keys() == {f"CodePipeline {kind} Execution State Change" for kind in kinds}
    failed = told["CodePipeline Stage Execution State Change"]["failed-actions"]
    assert [found["action"] for found in failed] == ["Source"]
    result = told["CodePipeline Action Execution State Change"]["execution-result"]
    assert result["error-code"] == "ConfigurationError"


@dataclass
class Projects:
    """Makes CodeBuild projects for pipelines."""

    workshop: Workshop

    def create(self, *commands: str, **parts: Any) -> str:
        sandbox, name = self.workshop.sandbox, f"project-{uuid.uuid4().hex[:8]}"
        buildspec = {"version": "0.2", "phases": {"build": {"commands": list(commands)}}, **parts}
        image = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0"}
        sandbox.client("codebuild").create_project(
            name=name,
            source={"type": "CODEPIPELINE", "buildspec": json.dumps(buildspec, indent=2)},
            artifacts={"type": "CODEPIPELINE"},
            environment={**image, "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole=sandbox.role("pipeline-build-role", "codebuild.amazonaws.com"),
        )
        return name

    def build(self, name: str, *commands: str, **more: Any) -> Declared:
        """Declare a build action with a new project."""
        configuration = {"ProjectName": self.create(*commands, **more.pop("buildspec", {})), **more.pop("set", {})}
        return action(name, "Build/CodeBuild", configuration, takes=more.pop("takes", ["Code"]), **more)


@pytest.fixture(scope="module")
def projects(workshop: Workshop) -> Projects:
    return Projects(workshop)


def test_a_build_gets_the_source_and_hands_on_its_artifact(workshop: Workshop, projects: Projects) -> None:
    variables = [{"name": "COMMIT", "value": "#{SourceVariables.CommitId}"}]
    first = projects.build(
        "First",
        "export FOUND=$(cat README.md)",
        'echo "$FOUND $COMMIT $CODEBUILD_RESOLVED_SOURCE_VERSION $CODEBUILD_INITIATOR" > out.txt',
        buildspec={"artifacts": {"files": ["out.txt"]}, "env": {"exported-variables": ["FOUND"]}},
        set={"EnvironmentVariables": json.dumps(variables)},
        makes=["Built"],
        namespace="FirstVariables",
    )
    second = projects.build(
        "Second",
        'export SEEN=$(cat "$CODEBUILD_SRC_DIR_Built/out.txt") TEXT="$TEXT" && test -f README.md',
        buildspec={"env": {"exported-variables": ["SEEN", "TEXT"]}},
        set={
            "PrimarySource": "Code",
            "EnvironmentVariables": json.dumps([{"name": "TEXT", "value": "#{FirstVariables.FOUND}!"}]),
        },
        takes=["Code", "Built"],
    )
    name = workshop.create(stage("First", first), stage("Second", second))
    workshop.ended(name, "Succeeded")
    runs, commit = workshop.actions(name), workshop.commit
    seen = f"hello {commit} {commit} codepipeline/{name}"
    assert runs["Second"]["output"]["outputVariables"] == {"SEEN": seen, "TEXT": "hello!"}
    build = runs["First"]["output"]["executionResult"]["externalExecutionId"]
    assert build.startswith(first["configuration"]["ProjectName"])
    states = workshop.stages(name)["First"]["actionStates"][0]["latestExecution"]
    assert states["externalExecutionId"] == build


def test_a_failed_build_says_why(workshop: Workshop, projects: Projects) -> None:
    exported = {"env": {"exported-variables": ["PIPELINE_RESULT"]}}
    failing = projects.build("Fail", "export PIPELINE_RESULT=unfit", "exit 3", buildspec=exported)
    name = workshop.create(stage("Build", failing))
    ended = workshop.ended(name, "Failed")
    output = workshop.actions(name)["Fail"]["output"]
    error = output["executionResult"]["errorDetails"]
    assert error["code"] == "JobFailed"
    assert error["message"].startswith(
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR"
    )
    assert "exit status 3" in error["message"]
    assert error["message"] in ended["statusSummary"]
    assert output["outputVariables"] == {"PIPELINE_RESULT": "unfit"}
    assert workshop.stages(name)["Build"]["latestExecution"]["status"] == "Failed"


def test_a_missing_project_fails_its_action(workshop: Workshop) -> None:
    build = action("Build", "Build/CodeBuild", {"ProjectName": "absent"}, takes=["Code"])
    name = workshop.create(stage("Build", build))
    assert "absent" in workshop.ended(name, "Failed")["statusSummary"]


def test_abandoning_stops_a_running_build(workshop: Workshop, projects: Projects) -> None:
    name = workshop.create(stage("Build", projects.build("Sleep", "sleep 120")))

    def running() -> str:
        found = workshop.actions(name).get("Sleep", {}).get("output", {}).get("executionResult", {})
        return str(found.get("externalExecutionId", ""))

    build = eventually(running, SECONDS)
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    workshop.api.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=execution, abandon=True)
    workshop.ended(name, "Stopped")
    codebuild = workshop.sandbox.client("codebuild")
    eventually(lambda: codebuild.batch_get_builds(ids=[build])["builds"][0]["buildStatus"] == "STOPPED", SECONDS)


def test_an_action_may_act_as_a_role_of_its_own(workshop: Workshop, projects: Projects) -> None:
    own = workshop.sandbox.role("action-role", "ec2.amazonaws.com")
    name = workshop.create(stage("Build", projects.build("Fail", "true", roleArn=own)))
    workshop.ended(name, "Succeeded")
    lines = [json.loads(line) for line in (workshop.sandbox.home / "calls.jsonl").read_text().splitlines()]
    execution = workshop.executions(name)[0]["pipelineExecutionId"]
    session = f"arn:aws:sts::{ACCOUNTS['development']}:assumed-role/action-role/{execution}"
    assert "StartBuild" in [line["operation"] for line in lines if line["principal"] == session]


def test_a_pipeline_needs_two_stages(workshop: Workshop) -> None:
    code, message = refusal(workshop, workshop.declare())
    assert code == "InvalidStructureException"
    assert message == "Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline"


BAD_STAGES: dict[str, tuple[str, list[Declared]]] = {
    "an artifact that nobody makes": (
        "Input Artifact Bundle Missing in action Build is not declared",
        [stage("Build", action("Build", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Missing"]))],
    ),
    "an artifact that is made at the same time": (
        "Input Artifact Bundle Same in action Two is not declared",
        [
            stage(
                "Build",
                action("One", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Code"], makes=["Same"]),
                action("Two", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Same"]),
            )
        ],
    ),
    "an artifact made twice": (
        "Output Artifact Bundle name must be unique",
        [stage("Build", action("Build", "Build/CodeBuild", {"ProjectName": "p"}, takes=["Code"], makes=["Code"]))],
    ),
    "no input artifact": (
        "declares 0 input artifacts which is less than the minimum count (1)",
        [stage("Build", action("Build", "Build/CodeBuild", {"ProjectName": "p"}))],
    ),
    "no project": (
        "missing required configuration 'ProjectName'",
        [stage("Build", action("Build", "Build/CodeBuild", takes=["Code"]))],
    ),
    "an unknown setting": (
        "contains unknown configuration 'Colour'",
        [stage("Approval", approval(configuration={"Colour": "red"}))],
    ),
    "a provider that is not there": (
        "does not implement Deploy/AWS/ECS",
        [stage("Deploy", action("Deploy", "Deploy/ECS", takes=["Code"]))],
    ),
    "two stages of one name": (
        "Same has been used more than once",
        [stage("Same", approval()), stage("Same", approval())],
    ),
    "two actions of one name": ("Approve has been used more than once", [stage("Twice", approval(), approval())]),
    "a late source": (
        "Only the first stage can contain source actions",
        [stage("Late", action("S", "Source/CodeCommit", {"RepositoryName": "r", "BranchName": "b"}, makes=["X"]))],
    ),
    "a first stage without source": (
        "should start with a stage that only contains source actions",
        [stage("Source", approval()), stage("Next", approval())],
    ),
}


@pytest.mark.parametrize("case", BAD_STAGES)
def test_a_bad_structure_is_refused(workshop: Workshop, case: str) -> None:
    expected, stages = BAD_STAGES[case]
    code, message = refusal(workshop, workshop.declare(*stages))
    assert code in ("InvalidStructureException", "InvalidActionDeclarationException")
    assert expected in message


def test_the_role_must_trust_codepipeline(workshop: Workshop) -> None:
    stranger = workshop.sandbox.role("not-for-pipelines", "lambda.amazonaws.com")
    _, message = refusal(workshop, workshop.declare(stage("Approval", approval()), roleArn=stranger))
    assert f"CodePipeline is not authorized to perform AssumeRole on role {stranger}" in message


def test_a_pipeline_lives_from_creation_to_deletion(workshop: Workshop) -> None:
    declared = workshop.declare(stage("Approval", approval()))
    api, name = workshop.api, declared["name"]
    api.create_pipeline(pipeline=declared, tags=[{"key": "a", "value": "b"}])
    with pytest.raises(api.exceptions.PipelineNameInUseException):
        api.create_pipeline(pipeline=declared)
    declared["stages"][1]["name"] = "Renamed"
    assert api.update_pipeline(pipeline=declared)["pipeline"]["version"] == 2
    got = api.get_pipeline(name=name)
    assert (got["pipeline"]["version"], got["pipeline"]["stages"][1]["name"]) == (2, "Renamed")
    assert api.get_pipeline(name=name, version=1)["pipeline"]["stages"][1]["name"] == "Approval"
    arn = got["metadata"]["pipelineArn"]
    assert api.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    pages = api.get_paginator("list_pipelines").paginate(PaginationConfig={"PageSize": 1})
    listed = [found["name"] for page in pages for found in page["pipelines"]]
    assert listed.count(name) == 1
    assert listed == sorted(listed)
    api.delete_pipeline(name=name)
    with pytest.raises(api.exceptions.PipelineNotFoundException, match=f"does not have a pipeline with name '{name}'"):
        api.get_pipeline_state(name=name)
    api.delete_pipeline(name=name)


def test_another_account_does_not_see_a_pipeline(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()))
    production = workshop.sandbox.client("codepipeline", "production")
    with pytest.raises(production.exceptions.PipelineNotFoundException):
        production.get_pipeline(name=name)


def test_the_aws_cli_shows_a_pipelines_state(workshop: Workshop) -> None:
    name = workshop.create(stage("Approval", approval()))
    workshop.token(name)
    shown = workshop.sandbox.run_cli("codepipeline", "get-pipeline-state", "--name", name)
    states = json.loads(shown.stdout)["stageStates"]
    assert [found["latestExecution"]["status"] for found in states] == ["Succeeded", "InProgress"], shown.stderr


def test_an_operation_that_is_not_there_says_so(workshop: Workshop) -> None:
    with pytest.raises(ClientError, match="does not implement codepipeline:ListWebhooks"):
        workshop.api.list_webhooks()
