"""CodePipeline: how pipelines are started, run, held up, stopped, retried and reported."""

from __future__ import annotations

import io
import json
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, eventually
from workshop import BRANCH, Declared, Workshop, approval, stage


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
    workshop.token(name, execution=chosen)
    resolved = workshop.actions(name, chosen)["Approve"]["input"]["resolvedConfiguration"]
    assert resolved == {"CustomData": "a test"}
    assert workshop.execution(name, chosen)["variables"] == [{"name": "Reason", "resolvedValue": "a test"}]
    with pytest.raises(ClientError, match="Other"):
        workshop.start(name, variables=[{"name": "Other", "value": "x"}])


def test_a_starter_may_choose_the_revision(workshop: Workshop) -> None:
    fresh = Workshop(workshop.sandbox)
    name = fresh.create(stage("Approval", approval()), executionMode="PARALLEL")
    tip = fresh.push("other.txt", b"x", parent=fresh.commit)
    override = {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": fresh.commit}
    older, newer = fresh.start(name, sourceRevisions=[override]), fresh.start(name)
    for execution, commit in ((older, fresh.commit), (newer, tip)):
        fresh.reached(name, "Approve", execution)
        assert fresh.execution(name, execution)["artifactRevisions"][0]["revisionId"] == commit


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
        workshop.reached(name, "Approve", execution)
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
    workshop.reached(name, "Last")


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
    sqs = workshop.sandbox.client("sqs")
    queue = sqs.create_queue(QueueName=f"witness-{name}")["QueueUrl"]
    witness = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=f"on-{name}", EventPattern=json.dumps(pattern), State="DISABLED")["RuleArn"]
    pipeline = f"arn:aws:codepipeline:us-east-1:{ACCOUNTS['development']}:{name}"
    role = workshop.sandbox.role("start-role", "events.amazonaws.com")
    events.put_targets(Rule=f"on-{name}", Targets=[{"Id": "1", "Arn": pipeline, "RoleArn": role}])
    events.put_rule(Name=f"witness-{name}", EventPattern=json.dumps(pattern))
    events.put_targets(Rule=f"witness-{name}", Targets=[{"Id": "1", "Arn": witness}])
    commit = fresh.push("a", b"while the rule is disabled", parent=fresh.commit)
    assert sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]  # the push has met its rules
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


def test_a_rule_starts_a_pipeline_with_variables_out_of_its_event(workshop: Workshop) -> None:
    events, name = (
        workshop.sandbox.client("events"),
        workshop.create(
            stage("Approval", approval()), variables=[{"name": "Arn", "defaultValue": "none"}], executionMode="QUEUED"
        ),
    )
    source = f"test.{uuid.uuid4()}"
    pattern = {"source": [source], "detail": {"Group": ["mine"], "Status": ["Approved"]}}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    transformer = {
        "InputPathsMap": {"arn": "$.detail.Arn"},
        "InputTemplate": '{"variables": [{"name": "Arn", "value": <arn>}]}',
    }
    pipeline = f"arn:aws:codepipeline:us-east-1:{ACCOUNTS['development']}:{name}"
    role = workshop.sandbox.role("start-role", "events.amazonaws.com")
    target = {"Id": "1", "Arn": pipeline, "RoleArn": role, "InputTransformer": transformer}
    events.put_targets(Rule=name, Targets=[target])
    package = "arn:aws:sagemaker:us-east-1:222222222222:model-package/mine/3"
    for group in ("other", "mine"):
        detail = json.dumps({"Group": group, "Status": "Approved", "Arn": package})
        events.put_events(Entries=[{"Source": source, "DetailType": "Test", "Detail": detail}])
    started = eventually(lambda: workshop.executions(name)[:-1])
    assert [found["trigger"]["triggerDetail"] for found in started] == [rule]
    found = workshop.execution(name, started[0]["pipelineExecutionId"])
    assert found["variables"] == [{"name": "Arn", "resolvedValue": package}]


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
