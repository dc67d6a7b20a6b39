"""The AWS operations that a deployment calls, over HTTP, with little behaviour and no more state than a test needs."""

import hashlib
import io
import json
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import deploy_cbor as cbor

REGION, ACCOUNT = "eu-west-1", "222222222222"
GROUP = "sagemaker-leavers-p-model"
BUCKET = f"sagemaker-project-p-model-{ACCOUNT}"
IMAGE_DIGEST = "sha256:" + "b" * 64
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{GROUP}@{IMAGE_DIGEST}"
PIPELINE = "sagemaker-leavers-p-deploy-model-deploy"

VARIABLES = {
    "SAGEMAKER_PROJECT_NAME": "leavers",
    "SAGEMAKER_PROJECT_ID": "p-deploy",
    "MODEL_PROJECT_ID": "p-model",
    "AWS_REGION": REGION,
    "MODEL_PACKAGE_GROUP_NAME": GROUP,
    "STAGING_ACCOUNT_ID": "333333333333",
    "PRODUCTION_ACCOUNT_ID": "444444444444",
    "DEPLOY_PIPELINE_NAME": PIPELINE,
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}  # of nobody

COLUMNS = [{"name": "age", "kind": "numeric"}, {"name": "plan", "kind": "categorical", "levels": ["basic", "plus"]}]
GOLDEN = {
    "columns": COLUMNS,
    "records": [{"age": 30, "plan": "basic"}, {"age": None, "plan": "plus"}, {"age": 61.5, "plan": None}],
    "scores": [0.35, 0.1, 0.615],
    "tolerance": 1e-4,
}
EVALUATION = {
    "dataset": {"item_count": 135},
    "binary_classification_metrics": {"auc": {"value": 0.91234}, "confusion_matrix": {"0": {"0": 1}}},
}
MODEL = {"model.ubj": b"{L\x00", "features.json": json.dumps({"version": 1, "columns": COLUMNS}).encode()}


class RefusedError(Exception):
    """An error that the service answers: its code and message."""


def pack(files: dict[str, bytes], manifest: dict[str, str] | None = None) -> bytes:
    """A model archive; the manifest is that of the files unless one is given."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    full = {**files, "manifest.json": json.dumps({"files": listed if manifest is None else manifest}).encode()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in full.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@dataclass
class Service:
    """State of the service; `url` is where it listens."""

    url: str = ""
    packages: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    images: set[str] = field(default_factory=lambda: {IMAGE_DIGEST})
    executions: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def register(self, version: int, status: str, **changes: Any) -> str:
        """Register a model version with all that belongs to it; `approved` is the hour of its last change."""
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{changes.pop('group', GROUP)}/{version}"
        archive = changes.pop("archive", pack(MODEL))
        prefix, hour = f"s3://{BUCKET}/run/{version}", changes.pop("approved", None)
        changed: dict[str, Any] = {"LastModifiedTime": hour * 3600} if hour else {}
        self.objects[f"{prefix}/output/model.tar.gz"] = archive
        self.objects[f"{prefix}/evaluation/golden.json"] = json.dumps(changes.pop("golden", GOLDEN)).encode()
        self.objects[f"{prefix}/evaluation/evaluation.json"] = json.dumps(
            changes.pop("evaluation", EVALUATION)
        ).encode()
        container = {"Image": IMAGE, "ModelDataUrl": f"{prefix}/output/model.tar.gz"}
        metadata = {
            "ModelSha256": hashlib.sha256(archive).hexdigest(),
            "GoldenPredictions": f"{prefix}/evaluation/golden.json",
            "EvaluationReport": f"{prefix}/evaluation/evaluation.html",
        }
        statistics = {"ContentType": "application/json", "S3Uri": f"{prefix}/evaluation/evaluation.json"}
        self.packages[arn] = {
            "ModelPackageGroupName": arn.split("/")[-2],
            "ModelPackageArn": arn,
            "ModelPackageVersion": version,
            "ModelApprovalStatus": status,
            "ModelPackageStatus": "Completed",
            "CreationTime": version * 3600,
            **changed,
            "InferenceSpecification": {"Containers": [container]},
            "CustomerMetadataProperties": metadata,
            "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
            **changes,
        }
        return arn

    def execute(self, identifier: str, status: str, **facts: Any) -> None:
        """Add a pipeline execution, the newest: its `digest`, and the status of its deployment to `production`."""
        kind: dict[str, Any] = {key: facts[key] for key in ("executionType", "rollbackMetadata") if key in facts}
        summary: dict[str, Any] = {
            "pipelineExecutionId": identifier,
            "status": status,
            "executionType": "STANDARD",
            **kind,
        }
        self.executions.insert(0, summary)
        for stage, action, state in (
            ("Render", "Render", "Succeeded" if "digest" in facts else None),
            ("Production", "Deploy", facts.get("production")),
        ):
            if state:
                started = len(self.actions) + 1
                detail = {"pipelineExecutionId": identifier, "stageName": stage, "actionName": action, "status": state}
                output = {"outputVariables": {"RENDER_DIGEST": facts.get("digest", "")}}
                self.actions.insert(0, {**detail, "startTime": cbor.Time(started), "output": output})

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer an operation of a JSON protocol."""
        self.calls.append(operation)
        found: dict[str, Any] = getattr(self, f"do_{operation}")(request)
        return found

    def do_DescribeModelPackage(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["ModelPackageName"]
        if arn not in self.packages:
            raise RefusedError("ValidationException", f"ModelPackage {arn} does not exist.")
        return self.packages[arn]

    def do_ListModelPackages(self, request: dict[str, Any]) -> dict[str, Any]:
        # One a page, and the oldest first where no order is asked for.
        found = [
            package
            for package in self.packages.values()
            if package["ModelPackageGroupName"] == request["ModelPackageGroupName"]
            and package["ModelApprovalStatus"] == request.get("ModelApprovalStatus", package["ModelApprovalStatus"])
        ]
        found.sort(key=lambda package: package["CreationTime"], reverse=request.get("SortOrder") == "Descending")
        start = int(request.get("NextToken", 0))
        return {
            "ModelPackageSummaryList": found[start : start + 1],
            **({"NextToken": str(start + 1)} if start + 1 < len(found) else {}),
        }

    def do_DescribeImages(self, request: dict[str, Any]) -> dict[str, Any]:
        (wanted,) = request["imageIds"]
        if wanted["imageDigest"] not in self.images:
            raise RefusedError("ImageNotFoundException", "The image does not exist in the repository.")
        return {"imageDetails": [wanted]}

    def do_ListPipelineExecutions(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"pipelineExecutionSummaries": self.executions}

    def do_ListActionExecutions(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("filter", {}).get("pipelineExecutionId")
        found = [each for each in self.actions if wanted in (None, each["pipelineExecutionId"])]
        return {"actionExecutionDetails": found}

    def read(self, path: str) -> bytes:
        """Content of an S3 object by the path of its address."""
        uri = f"s3:/{path}"
        if uri not in self.objects:
            raise RefusedError("NoSuchKey", "The specified key does not exist.")
        return self.objects[uri]


def serve(service: Any) -> ThreadingHTTPServer:
    """Serve on a free port, by threads of this process; `shutdown` ends it."""
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other, 40 ms an answer
    service: Any

    def do_GET(self) -> None:
        try:
            self.send(200, self.service.read(unquote(self.path.partition("?")[0])))
        except RefusedError as error:
            code, message = error.args
            self.send(404, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        if "/operation/" in self.path:
            answer = self.service.answer(self.path.rpartition("/")[2], cbor.decode(body))
            self.send(200, cbor.encode(answer), {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"})
            return
        if not target:
            self.send(*self.service.post(self.path, body, self.headers))
            return
        try:
            self.send(200, json.dumps(self.service.answer(target.rpartition(".")[2], json.loads(body))).encode())
        except RefusedError as error:
            code, message = error.args
            self.send(400, json.dumps({"__type": code, "message": message}).encode())

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
