"""Stage files of scoring: what they say to the stack, and what is refused before anything is deployed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.deploy.batch import settings, stage
from pipelines.deploy.batch.configuration import configuration
from pipelines.deploy.realtime.errors import DeployError

ARN = "arn:aws:sagemaker:eu-west-1:222222222222:model-package/sagemaker-leavers-p-model/3"
PROJECT = settings.from_environment(
    {
        "SAGEMAKER_PROJECT_NAME": "leavers",
        "SAGEMAKER_PROJECT_ID": "p-deploy",
        "MODEL_PROJECT_ID": "p-model",
        "AWS_REGION": "eu-west-1",
        "MODEL_PACKAGE_GROUP_NAME": "sagemaker-leavers-p-model",
        "DEPLOY_PIPELINE_NAME": "sagemaker-leavers-p-deploy-model-deploy",
    }
)


def change(content: dict[str, Any], changes: dict[str, Any]) -> None:
    """Set values by paths such as records.split; None takes a key away."""
    for path, value in changes.items():
        *keys, last = path.split(".")
        part = content
        for key in keys:
            part = part[key]
        if value is None:
            part.pop(last)
        else:
            part[last] = value


def read(folder: Path, **changes: Any) -> stage.Stage:
    """Read the shipped file of production with changes."""
    content = yaml.safe_load((stage.FOLDER / "production.yml").read_text())
    change(content, changes)
    (folder / "production.yml").write_text(yaml.safe_dump(content))
    return stage.read_stage("production", folder)


@pytest.mark.parametrize("name", ["staging", "production"])
def test_the_shipped_files_score_new_data_line_by_line(name: str) -> None:
    given = configuration(stage.read_stage(name), PROJECT, ARN)["Parameters"]
    assert given == {
        "Owner": "p-deploy",
        "ModelPackageArn": ARN,
        "InstanceType": "ml.m5.large",
        "InstanceCount": "1",
        "OnNewData": "ENABLED",
        "ScheduleExpression": "",
        "ScheduleTimezone": "UTC",
        "ContentType": "text/csv",
        "Accept": "text/csv",
        "SplitType": "Line",
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": "6",
        "MaxConcurrentTransforms": "4",
        "InputFilter": "$",
        "JoinSource": "None",
        "OutputFilter": "$",
    }


def test_a_schedule_joins_and_filters_reach_the_stack(tmp_path: Path) -> None:
    schedule = {"expression": "cron(0 6 ? * MON-FRI *)", "timezone": "Europe/Paris"}
    records = {"input_filter": "$[1:]", "join_input": True, "output_filter": "$[0,-1]", "strategy": "single_record"}
    changes = {"schedule": schedule, "on_new_data": False} | {f"records.{key}": item for key, item in records.items()}
    given = configuration(read(tmp_path, **changes), PROJECT, ARN)["Parameters"]
    assert (given["ScheduleExpression"], given["ScheduleTimezone"]) == tuple(schedule.values())
    assert (given["OnNewData"], given["BatchStrategy"], given["JoinSource"]) == ("DISABLED", "SingleRecord", "Input")
    assert (given["InputFilter"], given["OutputFilter"]) == ("$[1:]", "$[0,-1]")


def test_images_go_whole_and_are_answered_by_another_type(tmp_path: Path) -> None:
    records = {"content_type": "image/png", "accept": "application/jsonlines", "split": "none"}
    given = configuration(read(tmp_path, **{f"records.{key}": item for key, item in records.items()}), PROJECT, ARN)
    found = [given["Parameters"][name] for name in ("ContentType", "Accept", "SplitType")]
    assert found == ["image/png", "application/jsonlines", "None"]


def test_the_project_s_tags_win(tmp_path: Path) -> None:
    tags = configuration(read(tmp_path, tags={"team": "retention"}), PROJECT, ARN)["Tags"]
    assert tags == {"team": "retention", "sagemaker:project-name": "leavers", "sagemaker:project-id": "p-deploy"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instance_type": "ml.g5.xlarge"}, "instance_type: found 'ml.g5.xlarge'"),
        ({"instance_count": 0}, "instance_count: found 0"),
        ({"on_new_data": "always"}, "on_new_data: found 'always'"),
        ({"schedule": {"expression": "daily", "timezone": "UTC"}}, "schedule.expression: found 'daily'"),
        ({"schedule": {"expression": "rate(1 day)"}}, "schedule.timezone: found nothing"),
        ({"records.split": "none", "records.strategy": "single_record"}, "needs records.split line"),
        ({"records.max_payload_mb": 30}, "is 120; at most 100"),
        ({"records.content_type": "image/png", "records.join_input": True}, "need a content_type of text/csv"),
        ({"records.accept": "application/json", "records.join_input": True}, "need records.accept to be as"),
        ({"records.accept": "json"}, "records.accept: found 'json'"),
        ({"records.input_filter": '$["a"]'}, "records.input_filter"),
        ({"records.input_filter": "$" + "x" * 63}, "records.input_filter"),
        ({"records.colour": "red"}, "records.colour"),
        ({"records.strategy": None}, "records.strategy: found nothing"),
        ({"tags": {"aws:team": "x"}}, "tags.aws:team is a reserved name"),
    ],
)
def test_what_could_not_work_is_refused_by_its_key(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(DeployError) as refused:
        read(tmp_path, **changes)
    assert told in str(refused.value)
    assert str(tmp_path / "production.yml") in str(refused.value)
