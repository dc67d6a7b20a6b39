"""Batch transform: which records the model is asked for, and what lies in the output afterwards."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from hosting_bench import LABEL
from pipeline_runs import Pipelines
from workbench import Item, Workbench, push

# Answers each record with its length; tells of itself on /execution-parameters when its environment says what.
PROGRAM = """\
import json, os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

requests, lock = [], threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1

    def do_GET(self):
        told = os.environ.get("TOLD", "")
        self.answer(200 if self.path == "/ping" or told else 404, told.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            requests.append(len(body))
            count = len(requests)
        print("request", count, self.headers.get("Content-Type"), self.headers.get("Accept"), len(body), flush=True)
        if b"bad" in body:
            self.answer(400, b"a bad record")
        elif b"shaky" in body and count == 1:
            self.answer(503, b"not yet")
        elif os.environ.get("WHOLE"):
            self.answer(200, os.environ["WHOLE"].format(**os.environ).encode())
        else:
            lines = [len(line) if self.headers["Content-Type"] == "text/csv" else {"size": len(line)}
                     for line in body.splitlines()]
            self.answer(200, "\\n".join(map(json.dumps, lines)).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
DOCKERFILE = f"""\
FROM python:3.12-slim
{LABEL}COPY server.py /opt/program/server.py
ENTRYPOINT ["python3", "/opt/program/server.py"]
"""


class Transforms:
    """Runs transform jobs with a model whose answers are the records' sizes."""

    def __init__(self, bench: Workbench, image: str) -> None:
        self.bench, self.api = bench, bench.api
        self.model = f"sizes-{uuid.uuid4().hex[:8]}"
        self.api.create_model(ModelName=self.model, PrimaryContainer={"Image": image}, ExecutionRoleArn=bench.role)

    def request(self, files: dict[str, bytes | str], **facts: Any) -> Item:
        """Put files under a prefix of their own; return a request for all of them, by line unless told otherwise."""
        prefix = f"in/{uuid.uuid4().hex[:8]}"
        for name, content in files.items():
            body = content if isinstance(content, bytes) else content.encode()
            self.bench.s3.put_object(Bucket=self.bench.bucket, Key=f"{prefix}/{name}", Body=body)
        source: Item = {"S3DataType": "S3Prefix", "S3Uri": self.bench.uri(f"{prefix}/")}
        source |= facts.pop("Source", {})
        given = {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"}
        output = {"S3OutputPath": self.bench.uri(prefix.replace("in/", "out/")), "AssembleWith": "Line"}
        return {
            "ModelName": self.model,
            "TransformInput": given | facts.pop("Input", {}),
            "TransformOutput": output | facts.pop("Output", {}),
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **facts,
        }

    def run(self, files: dict[str, bytes | str], **facts: Any) -> tuple[Item, dict[str, str]]:
        """Run a job to its end; return its description, and its output by name."""
        request = self.request(files, **facts)
        job = self.bench.ended("Transform", self.bench.start("Transform", request))
        path = str(job["TransformOutput"]["S3OutputPath"])
        keys = self.bench.keys(path.removeprefix(self.bench.uri("")))
        found = {key.split("/", 2)[2]: self.bench.get(self.bench.uri(key)).decode() for key in keys}
        return job, found

    def sent(self, job: Item) -> list[str]:
        """Return what the server printed of each request: type, accepted type and size."""

        def look() -> list[str]:
            lines = self.bench.log("Transform", job["TransformJobName"])
            return [line.split(" ", 2)[2] for line in lines if line.startswith("request")]

        return eventually(look)


@pytest.fixture(scope="module")
def transforms(bench: Workbench, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Transforms:
    folder = tmp_path_factory.mktemp("sizes")
    (folder / "server.py").write_text(PROGRAM)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return Transforms(bench, push(sandbox, folder, f"sizes-{uuid.uuid4().hex[:8]}"))


def test_every_object_gets_its_predictions_one_line_a_record(transforms: Transforms) -> None:
    job, output = transforms.run({"a.csv": "1,2\n1,22\n", "b/c.csv": "1"}, Output={"Accept": "text/csv"})
    assert job["TransformJobStatus"] == "Completed", job
    assert output == {"a.csv.out": "3\n4\n", "b/c.csv.out": "1\n"}
    assert sorted(transforms.sent(job)) == ["text/csv text/csv 1", "text/csv text/csv 9"]
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    listed = transforms.api.list_transform_jobs(NameContains=job["TransformJobName"])["TransformJobSummaries"]
    assert [item["TransformJobStatus"] for item in listed] == ["Completed"]


def test_one_record_a_request_when_asked_so(transforms: Transforms) -> None:
    job, output = transforms.run({"a.csv": "1\n22\n333\n"}, BatchStrategy="SingleRecord")
    assert output == {"a.csv.out": "1\n2\n3\n"}
    assert len(transforms.sent(job)) == 3


def test_requests_stay_under_the_payload(transforms: Transforms) -> None:
    line = "x" * 400_000 + "\n"
    job, output = transforms.run({"a.csv": line * 5}, MaxPayloadInMB=1, MaxConcurrentTransforms=2)
    assert output == {"a.csv.out": "400000\n" * 5}
    assert sorted(transforms.sent(job)) == ["text/csv None 400001"] + ["text/csv None 800002"] * 2


def test_a_record_over_the_payload_fails_the_job(transforms: Transforms) -> None:
    job, output = transforms.run({"a.csv": "x" * 1_100_000}, MaxPayloadInMB=1)
    assert job["TransformJobStatus"] == "Failed"
    assert "MaxPayloadInMB is 1" in job["FailureReason"]
    assert output == {}


def test_what_the_container_says_of_itself_counts_where_the_job_says_nothing(transforms: Transforms) -> None:
    told = json.dumps({"BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 1, "MaxConcurrentTransforms": 2})
    job, _ = transforms.run({"a.csv": "1\n2\n"}, Environment={"TOLD": told})
    assert len(transforms.sent(job)) == 2


def test_the_container_is_told_that_it_serves_a_batch(transforms: Transforms) -> None:
    told = "{SAGEMAKER_BATCH} {SAGEMAKER_MAX_PAYLOAD_IN_MB} {SAGEMAKER_BATCH_STRATEGY} {OWN}"
    environment = {"WHOLE": told, "OWN": "mine"}
    _, output = transforms.run({"a": "1"}, Environment=environment, MaxPayloadInMB=3, BatchStrategy="MultiRecord")
    assert output == {"a.out": "true 3 MULTI_RECORD mine\n"}


def test_a_file_goes_whole_where_nothing_splits_it(transforms: Transforms) -> None:
    job, output = transforms.run(
        {"a.gz": gzip.compress(b"one\ntwo")},
        Input={"SplitType": "None", "CompressionType": "Gzip"},
        Output={"AssembleWith": "None"},
    )
    assert output == {"a.gz.out": "3\n3"}
    assert transforms.sent(job) == ["text/csv None 7"]


@pytest.mark.parametrize(
    ("processing", "expected"),
    [
        ({"InputFilter": "$[1:]"}, "3\n4\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input"}, "id1,a,b,3\nid2,aa,b,4\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}, "id1,3\nid2,4\n"),
        ({"InputFilter": "$[1]", "OutputFilter": "$[0]"}, "1\n2\n"),
    ],
)
def test_columns_are_cut_and_joined(transforms: Transforms, processing: Item, expected: str) -> None:
    _, output = transforms.run({"a.csv": "id1,a,b\nid2,aa,b\n"}, DataProcessing=processing)
    assert output == {"a.csv.out": expected}


@pytest.mark.parametrize(
    ("processing", "expected"),
    [
        ({"JoinSource": "Input"}, {"id": 1, "in": [1, 2], "SageMakerOutput": {"size": 23}}),
        ({"InputFilter": "$.in", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
         {"id": 1, "SageMakerOutput": {"size": 6}}),
        ({"InputFilter": "$.in[*]", "OutputFilter": "$.size"}, 6),
    ],
)  # fmt: skip
def test_members_are_cut_and_joined(transforms: Transforms, processing: Item, expected: Any) -> None:
    content = {"a.jsonl": '{"id": 1, "in": [1, 2]}\n'}
    _, output = transforms.run(content, DataProcessing=processing, Input={"ContentType": "application/jsonlines"})
    assert json.loads(output["a.jsonl.out"]) == expected


def test_a_manifest_names_the_objects(transforms: Transforms, bench: Workbench) -> None:
    bench.put("lists/a.csv", "1\n")
    bench.put("lists/b.csv", "22\n")
    uri = bench.put("manifest.json", json.dumps([{"prefix": bench.uri("lists/")}, "b.csv"]))
    _, output = transforms.run({}, Source={"S3DataType": "ManifestFile", "S3Uri": uri})
    assert output == {"b.csv.out": "2\n"}


def test_a_record_that_the_model_refuses_fails_the_job_and_says_which_file(transforms: Transforms) -> None:
    job, output = transforms.run({"a.csv": "good\n", "b.csv": "bad\n"})
    assert job["TransformJobStatus"] == "Failed"
    assert "b.csv: Bad HTTP status received from algorithm: 400: a bad record" in job["FailureReason"]
    assert output == {"a.csv.out": "4\n"}


def test_a_failure_of_the_server_is_tried_again_as_often_as_asked(transforms: Transforms) -> None:
    job, output = transforms.run({"a.csv": "shaky\n"}, ModelClientConfig={"InvocationsMaxRetries": 1})
    assert (job["TransformJobStatus"], output) == ("Completed", {"a.csv.out": "5\n"})
    job, _ = transforms.run({"a.csv": "shaky\n"}, ModelClientConfig={"InvocationsMaxRetries": 0})
    assert job["TransformJobStatus"] == "Failed"


def test_an_empty_input_fails_the_job(transforms: Transforms) -> None:
    job, _ = transforms.run({})
    assert job["TransformJobStatus"] == "Failed"
    assert "No S3 objects found" in job["FailureReason"]


def test_the_output_is_encrypted_with_the_jobs_key(transforms: Transforms, bench: Workbench, sandbox: Sandbox) -> None:
    key = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    job, _ = transforms.run({"a.csv": "1\n"}, Output={"KmsKeyId": key})
    path = job["TransformOutput"]["S3OutputPath"].removeprefix(bench.uri(""))
    assert bench.s3.head_object(Bucket=bench.bucket, Key=f"{path}/a.csv.out")["SSEKMSKeyId"] == key


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"ModelName": "none"}, "Could not find model"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://a/b"}}, "DataCaptureConfig"),
        ({"Input": {"SplitType": "RecordIO"}}, "SplitType RecordIO"),
        ({"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}, "one instance"),
        ({"Input": {"SplitType": "None"}, "BatchStrategy": "SingleRecord"}, "SplitType must not be None"),
        ({"DataProcessing": {"InputFilter": "$..a"}}, "is not a JSONPath"),
        ({"DataProcessing": {"JoinSource": "Input"}, "Input": {"ContentType": "image/png"}}, "needs a ContentType"),
    ],
)
def test_a_job_that_cannot_be_is_refused(transforms: Transforms, facts: Item, problem: str) -> None:
    request = {**transforms.request({}, **facts), **({"ModelName": "none"} if "ModelName" in facts else {})}
    with pytest.raises(ClientError, match=problem):
        transforms.bench.start("Transform", request)


def test_a_step_of_a_pipeline_transforms_and_tells_where_to(transforms: Transforms, bench: Workbench) -> None:
    pipelines = Pipelines(bench)
    request = transforms.request({"a.csv": "1\n22\n"})
    request["TransformOutput"]["S3OutputPath"] = {
        "Std:Join": {"On": "/", "Values": [bench.uri("step"), {"Get": "Execution.PipelineExecutionId"}]}
    }
    told = {"Get": "Steps.score.TransformOutput.S3OutputPath"}
    steps: list[Item] = [
        {"Name": "score", "Type": "Transform", "Arguments": request},
        {"Name": "tell", "Type": "Fail", "Arguments": {"ErrorMessage": told}},
    ]
    execution, ended = pipelines.run(steps)
    path = bench.uri(f"step/{execution['PipelineExecutionArn'].rpartition('/')[2]}")
    assert ended["tell"]["FailureReason"] == path
    assert bench.get(f"{path}/a.csv.out") == b"1\n2\n"
    arn = ended["score"]["Metadata"]["TransformJob"]["Arn"]
    assert arn.rpartition("/")[2].startswith("pipelines-")


def test_a_model_step_makes_the_model_that_the_next_transforms_with(transforms: Transforms, bench: Workbench) -> None:
    pipelines = Pipelines(bench)
    made = transforms.api.describe_model(ModelName=transforms.model)
    model = {"PrimaryContainer": {"Image": made["PrimaryContainer"]["Image"]}, "ExecutionRoleArn": bench.role}
    request = transforms.request({"a.csv": "1\n"}) | {"ModelName": {"Get": "Steps.make.ModelName"}}
    steps: list[Item] = [
        {"Name": "make", "Type": "Model", "Arguments": model},
        {"Name": "score", "Type": "Transform", "Arguments": request},
    ]
    execution, ended = pipelines.run(steps)
    assert execution["PipelineExecutionStatus"] == "Succeeded", ended
    assert ended["make"]["Metadata"]["Model"]["Arn"].rpartition("/")[2].startswith("pipelines-")


def test_eventbridge_hears_how_a_job_ended(transforms: Transforms, sandbox: Sandbox) -> None:
    events, sqs, name = sandbox.client("events"), sandbox.client("sqs"), f"transforms-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Transform Job State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "a", "Arn": arn}])
    job, _ = transforms.run({"a.csv": "1\n"})
    [message] = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []))
    detail = json.loads(message["Body"])["detail"]
    assert (detail["TransformJobName"], detail["TransformJobStatus"]) == (job["TransformJobName"], "Completed")
    events.remove_targets(Rule=name, Ids=["a"])
    events.delete_rule(Name=name)
