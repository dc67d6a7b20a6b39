"""InvokeEndpoint: what reaches a container, what comes back, what is captured and what is counted."""

from __future__ import annotations

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, eventually
from hosting_bench import Serving
from workbench import Workbench

LIMIT = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def serving(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    return Serving(bench, tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def endpoint(serving: Serving) -> str:
    return serving.endpoint(serving.config(serving.model("a"), serving.model("b"), weights=(3.0, 1.0)))


def error(serving: Serving, endpoint: str, body: str | bytes = b"x", **request: Any) -> dict[str, Any]:
    """Return the response of an invocation that fails."""
    with pytest.raises(ClientError) as refused:
        serving.invoke(endpoint, body, **request)
    return dict(refused.value.response)


def test_a_body_goes_through_byte_by_byte(serving: Serving, endpoint: str) -> None:
    body = bytes(range(256)) * 10
    answer = serving.invoke(endpoint, body, ContentType="application/x-npy")
    assert (answer["Body"], answer["ContentType"]) == (body, "application/json")
    assert answer["InvokedProductionVariant"] in {"A", "B"}


def test_a_body_may_look_like_a_form(serving: Serving, endpoint: str) -> None:
    form = {"ContentType": "application/x-www-form-urlencoded"}
    assert serving.invoke(endpoint, b"Action=ListUsers&a=1", **form)["Body"] == b"Action=ListUsers&a=1"


def test_headers_reach_the_container_and_come_back(serving: Serving, endpoint: str) -> None:
    request = {"ContentType": "text/csv", "Accept": "text/plain", "CustomAttributes": "trace=1", "InferenceId": "id-1"}
    answer = serving.invoke(endpoint, '{"tell": 1}', **request)
    seen = {name.lower(): value for name, value in json.loads(answer["Body"])["headers"].items()}
    assert (seen["content-type"], seen["accept"]) == ("text/csv", "text/plain")
    assert seen["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert seen["x-amzn-sagemaker-inference-id"] == "id-1"
    assert answer["CustomAttributes"] == "trace=1 back"
    assert "authorization" not in seen


def test_weights_share_the_traffic(serving: Serving, endpoint: str) -> None:
    def share() -> Counter[str]:
        with ThreadPoolExecutor(4) as pool:
            return Counter(pool.map(lambda _: serving.tell(endpoint)["model"], range(200)))

    assert 110 < share()["a"] < 190  # 150 are to be expected: this is more than six standard deviations off
    weights = [{"VariantName": "A", "DesiredWeight": 0.0}, {"VariantName": "B", "DesiredInstanceCount": 2}]
    serving.api.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=weights)
    found = serving.settled(endpoint)["ProductionVariants"]
    assert [(item["CurrentWeight"], item["CurrentInstanceCount"]) for item in found] == [(0.0, 1), (1.0, 2)]
    assert set(share()) == {"b"}
    assert json.loads(serving.invoke(endpoint, TargetVariant="A")["Body"])["model"] == "a"
    weights = [{"VariantName": "A", "DesiredWeight": 3.0}]
    serving.api.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=weights)
    serving.settled(endpoint)


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (415, "client"), (500, "server"), (503, "server")])
def test_a_containers_error_comes_back_as_a_model_error(
    serving: Serving, endpoint: str, status: int, side: str
) -> None:
    found = error(serving, endpoint, json.dumps({"status": status}), TargetVariant="A")
    assert found["Error"]["Code"] == "ModelError"
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert f"Received {side} error ({status}) from primary with message " in found["Error"]["Message"]
    assert found["OriginalStatusCode"] == status
    assert json.loads(found["OriginalMessage"])["model"] == "a"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    assert found["LogStreamArn"] == f"arn:aws:logs:us-east-1:{ACCOUNTS['development']}:log-group:{group}"


def test_a_body_over_the_limit_is_refused(serving: Serving, endpoint: str) -> None:
    assert len(serving.invoke(endpoint, b"x" * LIMIT)["Body"]) == LIMIT
    found = error(serving, endpoint, b"x" * (LIMIT + 1))
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert f"exceeded {LIMIT} bytes" in found["Error"]["Message"]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"TargetVariant": "C"}, "no production variant C"),
        ({"TargetModel": "other.tar.gz"}, "Target-Model"),
        ({"TargetContainerHostname": "second"}, "Target-Container-Hostname"),
    ],
)
def test_what_an_invocation_would_ignore_is_refused(
    serving: Serving, endpoint: str, request_: dict[str, str], told: str
) -> None:
    found = error(serving, endpoint, **request_)["Error"]
    assert (found["Code"], told in found["Message"]) == ("ValidationError", True)


def test_other_ways_to_invoke_are_not_pretended(serving: Serving, endpoint: str) -> None:
    request = {"EndpointName": endpoint, "InputLocation": "s3://bucket/key"}
    with pytest.raises(ClientError, match="does not implement"):
        serving.runtime.invoke_endpoint_async(**request)


def test_invocations_are_logged_as_iam_names_them(serving: Serving, endpoint: str) -> None:
    serving.tell(endpoint)
    calls = [json.loads(line) for line in (serving.sandbox.home / "calls.jsonl").read_text().splitlines()]
    assert ("sagemaker", "InvokeEndpoint") in {(call["service"], call["operation"]) for call in calls}


def test_requests_and_answers_are_captured(serving: Serving) -> None:
    key = serving.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": serving.bench.uri("captured"),
        "KmsKeyId": key,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    name = serving.endpoint(serving.config(serving.model(), DataCaptureConfig=capture))
    serving.invoke(name, "1,2", ContentType="text/csv", InferenceId="first")
    error(serving, name, '{"status": 400}')
    prefix = f"captured/{name}/A/{datetime.now(timezone.utc):%Y/%m/%d/%H}/"
    [stored] = eventually(lambda: serving.bench.keys(prefix))
    assert stored.endswith(".jsonl")
    [line] = serving.bench.get(serving.bench.uri(stored)).decode().splitlines()
    found = json.loads(line)
    assert found["eventVersion"] == "0"
    assert found["eventMetadata"]["inferenceId"] == "first"
    assert {"eventId", "inferenceTime"} < set(found["eventMetadata"])
    sent = {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"}
    assert found["captureData"]["endpointInput"] == sent
    answered = {"observedContentType": "application/json", "mode": "OUTPUT", "encoding": "BASE64"}
    answered["data"] = base64.b64encode(b"1,2").decode()
    assert found["captureData"]["endpointOutput"] == answered
    head = serving.bench.s3.head_object(Bucket=serving.bench.bucket, Key=stored)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    summary = serving.api.describe_endpoint(EndpointName=name)["DataCaptureConfig"]
    assert (summary["CaptureStatus"], summary["CurrentSamplingPercentage"]) == ("Started", 100)


def test_what_is_still_waiting_is_captured_when_the_endpoint_ends(serving: Serving) -> None:
    capture = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": serving.bench.uri("ending"),
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    name = serving.endpoint(serving.config(serving.model(), DataCaptureConfig=capture))
    serving.invoke(name, "last")
    serving.api.delete_endpoint(EndpointName=name)
    [stored] = eventually(lambda: serving.bench.keys(f"ending/{name}/"))
    found = json.loads(serving.bench.get(serving.bench.uri(stored)))
    assert set(found["captureData"]) == {"endpointInput"}


def test_a_share_of_the_requests_is_captured(serving: Serving) -> None:
    capture = {
        "InitialSamplingPercentage": 0,
        "DestinationS3Uri": serving.bench.uri("none"),
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    name = serving.endpoint(serving.config(serving.model(), DataCaptureConfig=capture))
    serving.invoke(name)
    serving.api.delete_endpoint(EndpointName=name)
    serving.api.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1})
    assert serving.bench.keys("none/") == []


def test_invocations_are_counted_and_timed(serving: Serving) -> None:
    config = serving.config(serving.model(), Variant={"InitialInstanceCount": 2})
    name = serving.endpoint(config)
    for _ in range(3):
        serving.tell(name, seconds=0.05)
    error(serving, name, '{"status": 400}')
    error(serving, name, '{"status": 500}')

    def metric(metric: str, statistic: str, **more: str) -> float:
        dimensions = {"EndpointName": name, "VariantName": "A", **more}
        now = datetime.now(timezone.utc)
        found = serving.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=[statistic],
        )["Datapoints"]
        return float(found[0][statistic]) if found else 0.0

    # moto's statistics are those of all sets of dimensions that hold the given ones: the full set is asked for.
    full = {"EndpointConfigName": config}
    eventually(lambda: metric("Invocations", "Sum", **full) == 5)
    assert metric("InvocationsPerInstance", "Sum", **full) == 2.5
    assert metric("Invocation4XXErrors", "Sum", **full) == 1
    assert metric("Invocation5XXErrors", "Average", **full) == 0.2
    assert 50_000 <= metric("ModelLatency", "Maximum", **full) < 5_000_000
    assert 0 < metric("OverheadLatency", "Average", **full) < 1_000_000
    [plain] = serving.cloudwatch.list_metrics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": "EndpointName", "Value": name}],
    )["Metrics"][:1]
    assert {item["Name"] for item in plain["Dimensions"]} == {"EndpointName", "VariantName"}


def test_an_alarm_on_errors_goes_off(serving: Serving) -> None:
    name = serving.endpoint(serving.config(serving.model()))
    alarm = serving.alarm(endpoint=name)
    slow = serving.alarm("ModelLatency", name, ExtendedStatistic="p99", Threshold=40_000.0, Statistic=None)
    eventually(lambda: serving.state(alarm)["StateValue"] == "OK")
    error(serving, name, '{"status": 500, "seconds": 0.05}')
    eventually(lambda: serving.state(alarm)["StateValue"] == "ALARM")
    eventually(lambda: serving.state(slow)["StateValue"] == "ALARM")
    assert "greater than the threshold (0.0)" in serving.state(alarm)["StateReason"]
