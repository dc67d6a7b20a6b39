"""A project of batch that scores in its own account, from its creation through Service Catalog to its deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from batch import PROJECT, Project, Scoring, published
from connected import twin
from demonstration import SMPROJECT
from harness import ACCOUNTS, eventually


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project after its creation, when nothing is registered yet."""
    with published(tmp_path_factory.mktemp("batch")) as made:
        made.create()
        yield made


@pytest.fixture(scope="module")
def first(project: Project) -> dict[str, str]:
    """How the run ended that came with the creation."""
    return project.ended()


@pytest.fixture(scope="module")
def versions(project: Project, first: object) -> list[str]:
    """Two versions of the model, of which nobody has approved one."""
    return [project.register(1), project.register(2)]


@pytest.fixture(scope="module")
def scoring(project: Project, versions: list[str]) -> Scoring:
    """What scores once the first version is approved."""
    project.approve(versions[0])
    run = project.ended()
    assert run["status"] == "Succeeded", run
    return Scoring(project, project.id)


def test_with_no_model_registered_the_first_run_does_nothing_cleanly(project: Project, first: dict[str, str]) -> None:
    assert first["status"] == "Succeeded", first
    assert (first["DEPLOY"], first["RENDER_RESULT"]) == ("no", "nothing approved yet")
    assert Scoring(project, project.id).outputs() == {}


def test_new_data_are_scored_by_the_approved_version_one_line_a_record(scoring: Scoring, versions: list[str]) -> None:
    assert scoring.outputs()["ModelPackageArn"] == versions[0]
    assert scoring.score("monday.csv", "a,b\n1,22\n333,4\n") == {"monday.csv.out": "1,3\n1,4\n1,5\n"}


def test_predictions_are_encrypted_with_the_project_s_key(scoring: Scoring) -> None:
    scoring.score("key.csv", "1\n")
    s3, kms = scoring.client("s3"), scoring.client("kms")
    key = kms.describe_key(KeyId=f"alias/{scoring.name}")["KeyMetadata"]["Arn"]
    listed = s3.list_objects_v2(Bucket=scoring.bucket)["Contents"]
    assert {s3.head_object(Bucket=scoring.bucket, Key=each["Key"])["SSEKMSKeyId"] for each in listed} == {key}


def test_a_rejected_version_is_never_used(project: Project, scoring: Scoring, versions: list[str]) -> None:
    project.approve(versions[1], "Rejected")
    given = [{"name": "ModelPackageArn", "value": versions[1]}]
    project.client("codepipeline").start_pipeline_execution(name=project.pipeline, variables=given)
    run = project.ended()
    assert (run["status"], run["DEPLOY"]) == ("Succeeded", "no")
    assert "is Rejected now, not Approved" in run["RENDER_RESULT"]
    assert project.executions() == []
    assert scoring.outputs()["ModelPackageArn"] == versions[0]


def test_a_schedule_scores_everything_and_another_version_and_back_follow_approvals(
    project: Project, scoring: Scoring, versions: list[str]
) -> None:
    before = scoring.put("old.csv", "1\n22\n")
    scoring.ended(before)
    wanted = "schedule:\n  expression: rate(30 minutes)\n  timezone: Europe/Paris\n"
    stage = "pipelines/deploy/batch/stages/production.yml"
    off = "schedule: off  # score everything under input/\n"
    run = project.push({stage: (off, wanted)}, "Score twice an hour")
    assert run["status"] == "Succeeded", run
    scheduled = scoring.ended("input/")  # a rate begins at once
    assert scoring.predictions(scheduled)["old.csv.out"] == "1,1\n1,2\n"
    for version, arn in ((2, versions[1]), (1, versions[0])):
        project.approve(arn, "Rejected")
        project.approve(arn)
        run = project.ended()
        assert (run["status"], run["MODEL_PACKAGE_ARN"]) == ("Succeeded", arn), run
        assert scoring.outputs()["ModelPackageArn"] == arn
        assert scoring.score(f"by-{version}.csv", "1\n") == {f"by-{version}.csv.out": f"{version},1\n"}


def test_a_failed_execution_is_told_to_the_topic_and_names_the_file(scoring: Scoring) -> None:
    sqs, sns = scoring.client("sqs"), scoring.client("sns")
    url = sqs.create_queue(QueueName="failures")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(
        TopicArn=scoring.outputs()["FailuresTopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    execution = scoring.ended(scoring.put("broken.csv", "1\nbad\n"))
    assert execution["PipelineExecutionStatus"] == "Failed"
    [message] = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []))
    told = json.loads(message["Body"])["detail"]
    assert told["pipelineExecutionArn"] == execution["PipelineExecutionArn"]
    api = scoring.client("sagemaker")
    steps = api.list_pipeline_execution_steps(PipelineExecutionArn=execution["PipelineExecutionArn"])
    [step] = steps["PipelineExecutionSteps"]
    assert "broken.csv: Bad HTTP status received from algorithm: 400" in step["FailureReason"]


def test_its_roles_may_do_what_they_did_and_no_more(project: Project, scoring: Scoring) -> None:
    audit = project.demonstration.run(str(SMPROJECT), "audit", "--project", PROJECT, "--output", "json")
    findings = json.loads(audit.stdout)
    mine = [each for each in findings if project.id in each["where"] or each["kind"] == "missing"]
    assert mine
    assert [each for each in mine if not each.get("reason")] == []


def test_nothing_is_left_of_it_but_what_people_made(project: Project, scoring: Scoring) -> None:
    cloudformation: Any = scoring.client("cloudformation")
    cloudformation.delete_stack(StackName=scoring.name)
    eventually(lambda: scoring.outputs() == {})
    project.client("sagemaker").delete_project(ProjectName=PROJECT)
    assert project.at_rest()["ProjectStatus"] == "DeleteCompleted"
    mark = project.id
    iam, sagemaker, events = (scoring.client(service) for service in ("iam", "sagemaker", "events"))
    roles = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    left = {
        "roles": [name for name in roles if mark in name],
        "models": sagemaker.list_models()["Models"],
        "pipelines": sagemaker.list_pipelines()["PipelineSummaries"],
        "rules": [rule["Name"] for rule in events.list_rules()["Rules"] if mark in rule["Name"]],
        "schedules": scoring.client("scheduler").list_schedules()["Schedules"],
        "topics": [topic for topic in scoring.client("sns").list_topics()["Topics"] if mark in topic["TopicArn"]],
        "queues": scoring.client("sqs").list_queues(QueueNamePrefix=scoring.name).get("QueueUrls", []),
        "parameters": scoring.client("ssm").get_parameters_by_path(Path=f"/sagemaker-projects/{mark}")["Parameters"],
    }
    assert {kind: found for kind, found in left.items() if found} == {}
    # The key, the buckets and the repository stay.
    kept = [bucket["Name"] for bucket in scoring.client("s3").list_buckets()["Buckets"]]
    assert {scoring.bucket, f"sagemaker-project-{mark}-{ACCOUNTS['development']}"} <= set(kept)


def test_code_on_a_git_host_scores_as_well(project: Project, versions: list[str]) -> None:
    project.approve(versions[0])
    other = twin(project)
    assert (run := other.ended())["status"] == "Succeeded", run
    assert Scoring(other, other.id).score("monday.csv", "a,b\n1,22\n") == {"monday.csv.out": "1,3\n1,4\n"}
