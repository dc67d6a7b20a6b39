"""The API of jobs: what is refused, what fails a job before its program starts, metrics and listings."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox, eventually
from workbench import Workbench

NOTHING = "pass"


def refusal(call: Any) -> tuple[str, str]:
    """Return code and message of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def channel(bench: Workbench, key: str) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": bench.uri(key)}}
    return {"ChannelName": "train", "DataSource": source}


def test_missing_data_fails_the_job_in_aws_words(bench: Workbench) -> None:
    found = bench.train(NOTHING, InputDataConfig=[channel(bench, "absent/data")])
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith(
        f'ClientError: No S3 objects found under S3 URL "{bench.uri("absent/data")}" given in input data source.'
    )


def test_a_missing_bucket_fails_the_job(bench: Workbench) -> None:
    source = {
        "InputName": "data",
        "S3Input": {"S3Uri": "s3://absent-bucket/data", "LocalPath": "/opt/ml/processing/in"},
    }
    source["S3Input"] |= {"S3DataType": "S3Prefix", "S3InputMode": "File"}
    found = bench.process(NOTHING, ProcessingInputs=[source])
    assert found["FailureReason"] == "ClientError: The specified bucket does not exist"


def test_data_that_would_leave_the_jobs_folder_fails_it(bench: Workbench) -> None:
    bench.put("evil/../../outside", "x")
    found = bench.train(NOTHING, InputDataConfig=[channel(bench, "evil")])
    assert "would lie outside the job's folder" in found["FailureReason"]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("222222222222.dkr.ecr.us-east-1.amazonaws.com/absent:v1", "does not exist in the registry"),
        ("python:3.12", "only images that were pushed to its own Amazon ECR"),
    ],
)
def test_a_missing_image_fails_the_job_readably(bench: Workbench, image: str, reason: str) -> None:
    found = bench.train(NOTHING, AlgorithmSpecification={"TrainingImage": image})
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith(f"ClientError: Requested image {image} not found. ")
    assert reason in found["FailureReason"]


def test_outputs_outside_opt_ml_fail_the_job(bench: Workbench) -> None:
    target = {"S3Uri": bench.uri("out"), "LocalPath": "/etc", "S3UploadMode": "EndOfJob"}
    found = bench.process(NOTHING, ProcessingOutputConfig={"Outputs": [{"OutputName": "data", "S3Output": target}]})
    assert found["FailureReason"] == "ClientError: LocalPath /etc must lie under /opt/ml."


@pytest.mark.parametrize("kind", ["Training", "Processing"])
def test_a_taken_name_is_refused(bench: Workbench, kind: str) -> None:
    name = bench.start(kind, getattr(bench, kind.lower())(NOTHING))
    code, message = refusal(lambda: bench.start(kind, {"Name": name, **getattr(bench, kind.lower())(NOTHING)}))
    assert code == "ResourceInUse"
    assert name in message
    assert bench.ended(kind, name)[f"{kind}JobStatus"] == "Completed"


def test_two_accounts_may_use_one_name_at_once(bench: Workbench, sandbox: Sandbox) -> None:
    code = "import os, time; time.sleep(0.3); print(sorted(os.listdir('/opt/ml/model')))"
    request = bench.training(code, OutputDataConfig={"S3OutputPath": bench.uri("shared")})
    own = bench.start("Training", {**request, "Name": "same-name"})
    request["RoleArn"] = sandbox.role("job-role", "sagemaker.amazonaws.com", profile="staging")
    request["AlgorithmSpecification"]["TrainingImage"] = _copied(bench, "staging")
    staging = sandbox.client("sagemaker", "staging")
    staging.create_training_job(TrainingJobName="same-name", **request)
    assert bench.ended("Training", own)["TrainingJobStatus"] == "Completed"
    other = eventually(lambda: _ended(staging, "same-name"))
    assert other["TrainingJobStatus"] == "Completed", other.get("FailureReason")
    assert ":333333333333:" in other["TrainingJobArn"]


def _copied(bench: Workbench, profile: str) -> str:
    """Copy the image into an account's own registry; return its address."""
    own, other = bench.sandbox.client("ecr"), bench.sandbox.client("ecr", profile)
    where = {"repositoryName": bench.bucket, "imageIds": [{"imageTag": "v1"}]}
    [image] = own.batch_get_image(**where)["images"]
    other.create_repository(repositoryName=bench.bucket)
    named = {"imageTag": "v1", "imageDigest": image["imageId"]["imageDigest"]}
    other.put_image(repositoryName=bench.bucket, imageManifest=image["imageManifest"], **named)
    return bench.image.replace(ACCOUNTS["development"], ACCOUNTS[profile])


def _ended(api: Any, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] = api.describe_training_job(TrainingJobName=name)
    return None if found["TrainingJobStatus"] == "InProgress" else found


@pytest.mark.parametrize("service", [(), ("codebuild.amazonaws.com",)])
def test_a_role_that_sagemaker_may_not_assume_is_refused(
    bench: Workbench, sandbox: Sandbox, service: tuple[str, ...]
) -> None:
    role = sandbox.role("job-other", *service) if service else "arn:aws:iam::222222222222:role/absent"
    _, message = refusal(lambda: bench.start("Training", bench.training(NOTHING, RoleArn=role)))
    assert role in message


def test_an_absent_job_is_refused(bench: Workbench) -> None:
    api = bench.api
    assert refusal(lambda: api.describe_training_job(TrainingJobName="absent"))[0] == "ValidationException"
    assert refusal(lambda: api.stop_processing_job(ProcessingJobName="absent"))[0] == "ResourceNotFound"


def test_metrics_are_the_last_numbers_in_the_log(bench: Workbench) -> None:
    definitions = [
        {"Name": "loss", "Regex": r"loss=([0-9.]+)"},
        {"Name": "words", "Regex": r"loss=[0-9.]+ (\w+)"},
        {"Name": "absent", "Regex": r"accuracy=([0-9.]+)"},
    ]
    code = "print('loss=0.5 high'); print('loss=0.25 low')"
    found = bench.train(code, AlgorithmSpecification={"MetricDefinitions": definitions})
    assert [(item["MetricName"], item["Value"]) for item in found["FinalMetricDataList"]] == [("loss", 0.25)]


def test_a_training_job_shows_its_course(bench: Workbench) -> None:
    found = bench.train(NOTHING)
    course = [item["Status"] for item in found["SecondaryStatusTransitions"]]
    assert course == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert found["CreationTime"] <= found["TrainingStartTime"] <= found["TrainingEndTime"]
    assert found["RoleArn"] == bench.role


@pytest.mark.parametrize("kind", ["Training", "Processing"])
def test_jobs_are_listed_newest_first_in_pages(bench: Workbench, kind: str) -> None:
    names = [f"listed-{kind.lower()}-{number}" for number in range(3)]
    for name in names:
        bench.start(kind, {"Name": name, **getattr(bench, kind.lower())(NOTHING)})
    for name in names:
        bench.ended(kind, name)
    pages = bench.api.get_paginator(f"list_{kind.lower()}_jobs")
    wanted = {"NameContains": f"listed-{kind.lower()}", "PaginationConfig": {"PageSize": 2}}
    listed = [item for page in pages.paginate(**wanted) for item in page[f"{kind}JobSummaries"]]
    assert [item[f"{kind}JobName"] for item in listed] == names[::-1]
    assert {item[f"{kind}JobStatus"] for item in listed} == {"Completed"}
    oldest = pages.paginate(**wanted, SortOrder="Ascending", StatusEquals="Completed").build_full_result()
    assert [item[f"{kind}JobName"] for item in oldest[f"{kind}JobSummaries"]] == names
    none = pages.paginate(**wanted, StatusEquals="Failed").build_full_result()
    assert none[f"{kind}JobSummaries"] == []


def test_tags_of_a_job_are_kept(bench: Workbench) -> None:
    found = bench.train(NOTHING, Tags=[{"Key": "team", "Value": "ml"}])
    arn = found["TrainingJobArn"]
    bench.api.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "dev"}])
    bench.api.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert bench.api.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "dev"}]
