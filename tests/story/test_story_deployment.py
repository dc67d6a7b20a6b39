"""What the demonstration deployed: each thing looked at through its own service, in its own account."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError
from deployer import STAGES, Deployer
from harness import ACCOUNTS, eventually
from visitor import Found, Visitor

SDK = """
import sys
from sagemaker.core.resources import Endpoint
answer = Endpoint.get(endpoint_name=sys.argv[1]).invoke(body=sys.argv[2].encode(), content_type="application/json")
print(answer.body.read().decode())
"""


@pytest.fixture
def deployer(visitor: Visitor) -> Deployer:
    return Deployer(visitor)


@pytest.fixture
def deployment(deployer: Deployer) -> str:
    """The execution that reached production first."""
    reached = (item["pipelineExecutionId"] for item in deployer.executions())
    return next(item for item in reached if "Production/Test" in deployer.actions(item))


def test_before_an_approval_the_pipeline_succeeds_and_says_that_nothing_is_approved(deployer: Deployer) -> None:
    first = deployer.executions()[0]
    actions = deployer.actions(first["pipelineExecutionId"])
    rendered = deployer.variables(first["pipelineExecutionId"], "Render/Render")
    assert (first["status"], first["trigger"]["triggerType"]) == ("Succeeded", "CreatePipeline")
    assert set(actions) == {"Source/Source", "Render/Render"}
    assert (rendered["DEPLOY"], rendered["RENDER_RESULT"]) == ("no", "nothing approved yet")


def test_no_registration_started_a_deployment(deployer: Deployer, visitor: Visitor) -> None:
    """Two versions were registered before the first approval: only pushes had started the pipeline until then."""
    starts = [
        call
        for call in visitor.calls
        if call["operation"] == "StartPipelineExecution" and "-model-deploy-trigger/" in call["principal"]
    ]
    assert len(starts) == 3  # two pushes and one approval


def test_the_approval_deployed_that_exact_version(deployer: Deployer, deployment: str) -> None:
    found = deployer.visitor.client("codepipeline").get_pipeline_execution(
        pipelineName=deployer.pipeline, pipelineExecutionId=deployment
    )["pipelineExecution"]
    assert {"name": "ModelPackageArn", "resolvedValue": deployer.version(2)} in found["variables"]
    assert found["trigger"]["triggerType"] == "CloudWatchEvent"


@pytest.mark.parametrize("stage", STAGES)
def test_each_account_serves_the_approved_version_through_a_stack_of_its_own(deployer: Deployer, stage: str) -> None:
    outputs = deployer.deployed(stage)
    assert outputs["EndpointArn"].split(":")[4] == ACCOUNTS[stage]
    assert outputs["EndpointName"] == deployer.endpoint
    assert outputs["ModelPackageArn"] == deployer.version(2)


@pytest.mark.parametrize("stage", STAGES)
def test_cloudformation_acted_with_the_target_account_s_own_role(
    visitor: Visitor, deployer: Deployer, stage: str
) -> None:
    project = visitor.project["ProjectId"]
    by = {
        call["principal"].split("/")[1]
        for call in visitor.calls
        if call["operation"] in ("CreateModel", "CreateEndpoint") and f"::{ACCOUNTS[stage]}:" in call["principal"]
    }
    assert by == {f"sagemaker-{project}-cloudformation"}


@pytest.mark.parametrize("stage", STAGES)
def test_nobody_but_the_pipeline_s_role_takes_on_the_role_that_deploys(visitor: Visitor, stage: str) -> None:
    role = f"arn:aws:iam::{ACCOUNTS[stage]}:role/sagemaker-{visitor.project['ProjectId']}-deploy"
    with pytest.raises(ClientError, match="AccessDenied"):
        visitor.client("sts").assume_role(RoleArn=role, RoleSessionName="me")


@pytest.mark.parametrize("stage", STAGES)
def test_the_endpoint_repeats_the_predictions_of_the_evaluation(deployer: Deployer, stage: str) -> None:
    golden = deployer.golden(2)
    answered = deployer.ask(stage, {"instances": golden["records"]})["predictions"]
    scores = [item["score"] for item in answered]
    assert len(scores) == 20
    assert scores == pytest.approx(golden["scores"], rel=golden["tolerance"], abs=golden["tolerance"])
    assert len(set(scores)) > 10


def test_the_command_line_gets_a_prediction_in_production(visitor: Visitor, deployer: Deployer, tmp_path: Path) -> None:
    golden = deployer.golden(2)
    text = io.StringIO()
    names = [column["name"] for column in golden["columns"]]
    csv.writer(text).writerow(
        ["" if golden["records"][0][name] is None else golden["records"][0][name] for name in names]
    )
    (tmp_path / "body.csv").write_text(text.getvalue())
    answer = tmp_path / "answer.csv"
    visitor.run(
        *("aws", "--profile", "production", "sagemaker-runtime", "invoke-endpoint"),
        *("--endpoint-name", deployer.endpoint, "--content-type", "text/csv"),
        *("--body", f"fileb://{tmp_path / 'body.csv'}", str(answer)),
    )
    assert float(answer.read_text()) == pytest.approx(golden["scores"][0], abs=1e-4)


def test_the_sagemaker_sdk_asks_the_endpoint(visitor: Visitor, deployer: Deployer) -> None:
    golden = deployer.golden(2)
    production = {**visitor.variables, "AWS_PROFILE": "production", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, "-c", SDK, deployer.endpoint, json.dumps(golden["records"][0])]
    done = subprocess.run(command, env=production, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout.strip().splitlines()[-1])["predictions"]
    assert answer["score"] == pytest.approx(golden["scores"][0], abs=1e-4)


def test_the_tests_of_staging_left_a_junit_report(deployer: Deployer, deployment: str) -> None:
    (artifact,) = deployer.actions(deployment)["Staging/Test"]["output"]["outputArtifacts"]
    place = artifact["s3location"]
    body = deployer.visitor.get(f"s3://{place['bucket']}/{place['key']}")["Body"]
    suite = ET.fromstring(_member(body, "endpoint-tests.xml")).find("testsuite")  # noqa: S314  # as above
    assert suite is not None
    assert int(suite.get("tests", "0")) > 10
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "0")


def _member(archive: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return found.read(name)


def test_codebuild_shows_the_tests_in_a_report_group(visitor: Visitor) -> None:
    codebuild = visitor.client("codebuild")
    (group,) = codebuild.list_report_groups()["reportGroups"]
    reports = codebuild.batch_get_reports(
        reportArns=codebuild.list_reports_for_report_group(reportGroupArn=group)["reports"]
    )
    assert {item["status"] for item in reports["reports"]} >= {"SUCCEEDED"}


def test_who_approves_is_shown_the_model_its_metrics_and_its_report(deployer: Deployer, deployment: str) -> None:
    shown = deployer.actions(deployment)["Approve/Approve"]["input"]["resolvedConfiguration"]
    report = deployer.package(2)["CustomerMetadataProperties"]["EvaluationReport"]
    bucket, _, key = report.removeprefix("s3://").partition("/")
    assert deployer.version(2) in shown["CustomData"]
    assert "auc 0.9" in shown["CustomData"]
    assert "tests passed" in shown["CustomData"]
    assert bucket in shown["ExternalEntityLink"] and key in shown["ExternalEntityLink"]


def test_production_had_no_endpoint_before_the_approval(visitor: Visitor) -> None:
    def first(operation: str, principal: str) -> str:
        return min(c["time"] for c in visitor.calls if c["operation"] == operation and principal in c["principal"])

    assert first("PutApprovalResult", "DataScientist") < first("CreateEndpoint", f"::{ACCOUNTS['production']}:")
    assert "production has no endpoint yet" in visitor.output


def test_requests_and_answers_are_captured_in_the_target_account(visitor: Visitor, deployer: Deployer) -> None:
    bucket = f"sagemaker-project-{visitor.project['ProjectId']}-{ACCOUNTS['production']}"
    record = deployer.golden(2)["records"][0]
    answer = deployer.ask("production", record)

    def captured() -> list[Found]:
        lines = deployer.captured("production", bucket)
        return [
            line["captureData"] for line in lines if line["captureData"]["endpointInput"]["data"] == json.dumps(record)
        ]

    data = eventually(captured)[0]
    assert json.loads(data["endpointOutput"]["data"]) == answer


def test_invocations_are_counted_in_cloudwatch(visitor: Visitor, deployer: Deployer) -> None:
    dimensions = [{"Name": "EndpointName", "Value": deployer.endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}]
    found = visitor.client("cloudwatch", "production").list_metrics(Namespace="AWS/SageMaker", Dimensions=dimensions)
    assert {"Invocations", "ModelLatency", "Invocation4XXErrors"} <= {item["MetricName"] for item in found["Metrics"]}


def test_the_demonstration_ends_with_the_production_endpoint_s_answer(visitor: Visitor) -> None:
    assert 'and answers: {"predictions":[{"score":' in visitor.output
