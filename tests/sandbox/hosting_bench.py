"""Endpoints in a few words: a tiny server as an image, models, configurations, and the end of what is deployed."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import eventually
from workbench import Item, Workbench, push

# The server: answers with what it sees. Its body may ask it to wait, to fail, or to end.
PROGRAM = """\
import json, os, pathlib, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

exec(os.environ.get("START", ""))
ml = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
model = (ml / "model" / "model.txt").read_text() if (ml / "model" / "model.txt").exists() else ""


class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1  # buffered: head and body leave together

    def do_GET(self):
        self.answer(200, b"", {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        order = json.loads(body) if body.startswith(b"{") else {}
        if order.get("end"):
            print("ending as asked", flush=True)
            os._exit(3)
        time.sleep(order.get("seconds", 0))
        status = order.get("status") or int(os.environ.get("STATUS", "200"))
        exec(order.get("code", "seen = None"), globals())
        told = {"model": model, "pid": os.getpid(), "arguments": sys.argv[1:], "seen": seen}
        told["headers"] = dict(self.headers)
        answer = body if order == {} else json.dumps(told).encode()
        self.answer(status, answer, {"Content-Type": os.environ.get("ANSWERS", "application/json")})

    def answer(self, status, body, headers):
        self.send_response(status)
        custom = self.headers.get("X-Amzn-SageMaker-Custom-Attributes")
        if custom:
            headers["X-Amzn-SageMaker-Custom-Attributes"] = custom + " back"
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told):
        print("request", self.command, self.path, flush=True)


print("serving", model, flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
LABEL = "LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true\n"
DOCKERFILE = """\
FROM python:3.12-slim
{label}COPY server.py /opt/program/server.py
ENTRYPOINT ["python3", "/opt/program/server.py"]
"""


class Serving:
    """Deploys endpoints of the development account in one sandbox."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench, self.sandbox, self.api, self.role = bench, bench.sandbox, bench.api, bench.role
        self.runtime = self.sandbox.client("sagemaker-runtime")
        self.cloudwatch = self.sandbox.client("cloudwatch")
        self.image = self.push(folder, LABEL)

    def push(self, folder: Path, label: str) -> str:
        """Build and push the server's image; return its address."""
        (folder / "server.py").write_text(PROGRAM)
        (folder / "Dockerfile").write_text(DOCKERFILE.format(label=label))
        return push(self.sandbox, folder, _name("server"))

    def pack(self, text: str) -> str:
        """Put a model's archive, whose model.txt holds a text, into the bucket; return its URI."""
        return self.put_archive(lambda archive: add(archive, "model.txt", text.encode()))

    def put_archive(self, fill: Callable[[tarfile.TarFile], None]) -> str:
        """Put an archive into the bucket; return its URI."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            fill(archive)
        key = f"models/{uuid.uuid4().hex}/model.tar.gz"
        self.bench.s3.put_object(Bucket=self.bench.bucket, Key=key, Body=content.getvalue())
        return self.bench.uri(key)

    def model(self, text: str = "one", **environment: str) -> str:
        """Create a model whose archive holds a text; return its name."""
        return self.model_of({"Image": self.image, "ModelDataUrl": self.pack(text), "Environment": environment})

    def model_of(self, container: Item, **request: Any) -> str:
        """Create a model of a container; return its name."""
        name = _name("model")
        self.api.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.role, **request)
        return name

    def config(self, *models: str, weights: tuple[float, ...] = (), **request: Any) -> str:
        """Create a configuration with a variant for each model (A, B, ...); return its name."""
        name, variants = _name("config"), []
        for number, model in enumerate(models):
            variant: Item = {"VariantName": "AB"[number], "ModelName": model, "InstanceType": "ml.m5.large"}
            variant |= {"InitialInstanceCount": 1, "InitialVariantWeight": weights[number] if weights else 1.0}
            variants.append(variant | request.pop("Variant", {}))
        self.api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **request)
        return name

    def begin(self, config: str, **request: Any) -> str:
        """Create an endpoint; return its name at once."""
        name = str(request.pop("Name", _name("endpoint")))
        self.api.create_endpoint(EndpointName=name, EndpointConfigName=config, **request)
        return name

    def endpoint(self, config: str, **request: Any) -> str:
        """Create an endpoint and wait until it serves; return its name."""
        name = self.begin(config, **request)
        found = self.settled(name)
        assert found["EndpointStatus"] == "InService", found
        return name

    def settled(self, name: str) -> Item:
        """Wait until an endpoint is on its way no more; return its description."""

        def look() -> Item | None:
            found: Item = self.api.describe_endpoint(EndpointName=name)
            passing = {"Creating", "Updating", "RollingBack", "Deleting"}
            return None if found["EndpointStatus"] in passing else found

        return eventually(look)

    def invoke(self, endpoint: str, body: str | bytes = '{"tell": 1}', **request: Any) -> Item:
        """Invoke an endpoint; return the answer, its body read."""
        defaults = {"ContentType": "application/json"}
        answer: Item = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **{**defaults, **request})
        return {**answer, "Body": answer["Body"].read()}

    def tell(self, endpoint: str, **order: Any) -> Item:
        """Invoke an endpoint with an order; return what the server tells."""
        told: Item = json.loads(self.invoke(endpoint, json.dumps({"tell": 1, **order}))["Body"])
        return told

    def log(self, endpoint: str) -> list[str]:
        """Return what an endpoint's containers have printed so far."""
        logs, group = self.sandbox.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        found = [
            logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
            for stream in streams
        ]
        return [event["message"].rstrip("\n") for events in found for event in events]

    def alarm(self, metric: str = "Invocation5XXErrors", endpoint: str = "none", **request: Any) -> str:
        """Create an alarm on errors of an endpoint's variant A; return its name."""
        name = _name("alarm")
        defaults = {
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "A"}],
            "Statistic": "Sum",
            "Period": 10,
            "EvaluationPeriods": 1,
            "Threshold": 0.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        wanted = {key: value for key, value in {**defaults, **request}.items() if value is not None}
        self.cloudwatch.put_metric_alarm(AlarmName=name, MetricName=metric, **wanted)
        return name

    def state(self, alarm: str) -> Item:
        """Return an alarm's description."""
        [found] = self.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return dict(found)


def add(archive: tarfile.TarFile, name: str, content: bytes = b"", **facts: Any) -> None:
    """Add a member to an archive, whatever its name and type."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for fact, value in facts.items():
        setattr(member, fact, value)
    archive.addfile(member, io.BytesIO(content))


def blue_green(kind: str = "ALL_AT_ONCE", wait: int = 0, bake: int = 0, alarm: str = "", **sizes: int) -> Item:
    """Return a DeploymentConfig; sizes are percents, such as CanarySize=50."""
    routing: Item = {"Type": kind, "WaitIntervalInSeconds": wait}
    routing |= {name: {"Type": "CAPACITY_PERCENT", "Value": value} for name, value in sizes.items()}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake}
    found: Item = {"BlueGreenUpdatePolicy": policy}
    return found | ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]}} if alarm else {})


def _name(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:8]}"
