"""A project of the template batch, and tiny models that another project of the account has registered."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import scientist

# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path.insert(0, str(scientist.TESTS / "pipelines"))

from deploy_service import EVALUATION, GOLDEN, MODEL, pack
from harness import ACCOUNTS, eventually
from hosting_bench import LABEL
from stacks import Stacks

from smproject import catalog
from smproject.assemble import assemble

Found = scientist.Found
PRODUCT, PROJECT = "batch", "scores"
ACCOUNT = ACCOUNTS["development"]
MADE_OF_MODELS = ("sagemaker-project", "targets", "artifacts-key", "artifacts", "images", "model-registry")
GROUP, MODELS = "sagemaker-churn-p-mod", f"sagemaker-project-p-mod-{ACCOUNT}"
# Answers each record with the model's version and the record's length; refuses `bad`.
PROGRAM = """\
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"")

    def do_POST(self):
        lines = self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines()
        told = "".join(f"{os.environ['VERSION']},{len(line)}\\n" for line in lines)
        self.answer(400 if "bad" in lines else 200, told.encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
DOCKERFILE = f"""\
FROM python:3.12-slim
{LABEL}COPY server.py /opt/program/server.py
ENTRYPOINT ["python3", "/opt/program/server.py"]
"""


@dataclass
class Project(scientist.Project):
    """A project of the template batch, and the models that it scores with."""

    models: dict[str, str] = field(default_factory=dict)  # outputs of the stack that holds the models

    product, project, delivers = PRODUCT, PROJECT, "model-deploy"

    def create(self, **parameters: str) -> None:
        """Create the project, for the models of the group."""
        models = {"ModelSourceGroupName": GROUP, "ModelSourceProjectId": "p-mod", "ModelSourceKeyArn": self.key}
        super().create(**models, **parameters)

    @property
    def key(self) -> str:
        """The models' key."""
        return self.models["ArtifactsKeyArn"]

    def prepare(self, **targets: str) -> None:
        """Make what the models' project has for them: bucket and key, images, and the group."""
        folder = catalog.ROOT / "project_templates" / "models"
        template = assemble(catalog.Template(folder, "Models", "Models.", MADE_OF_MODELS))
        given = {"SageMakerProjectName": "churn", "SageMakerProjectId": "p-mod", **targets}
        stacks = Stacks(self.sandbox)
        made = stacks.create(template, given, StackName="models")
        assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
        self.models = stacks.outputs(made)

    @cached_property
    def image(self) -> str:
        """The models' image, by its digest."""
        (self.folder / "image").mkdir()
        (self.folder / "image" / "server.py").write_text(PROGRAM)
        (self.folder / "image" / "Dockerfile").write_text(DOCKERFILE)
        name = f"{self.models['ImagesRepositoryUri']}:v1"
        environment = self.sandbox.environment() | {"SMPROJECT_IMAGES": str(self.sandbox.home / "images")}
        for words in (["build", "-t", name, str(self.folder / "image")], ["push", name]):
            command = [sys.executable, "-m", "smproject.sandbox.docker", *words]
            subprocess.run(command, env=environment, check=True, capture_output=True)
        [found] = self.client("ecr").describe_images(repositoryName=GROUP)["imageDetails"]
        return f"{self.models['ImagesRepositoryUri']}@{found['imageDigest']}"

    def register(self, version: int) -> str:
        """Register a version as a pipeline of the models' project does; return its ARN."""
        archive, place = pack(MODEL), f"churn-p-mod-tabular/{version}"
        files = {
            "output/model.tar.gz": archive,
            "evaluation/golden.json": json.dumps(GOLDEN).encode(),
            "evaluation/evaluation.json": json.dumps(EVALUATION).encode(),
        }
        for name, content in files.items():
            encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.key}
            self.client("s3").put_object(Bucket=MODELS, Key=f"{place}/{name}", Body=content, **encrypted)
        uri = f"s3://{MODELS}/{place}"
        container = {
            "Image": self.image,
            "ModelDataUrl": f"{uri}/output/model.tar.gz",
            "Environment": {"VERSION": str(version)},
        }
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        statistics = {"ContentType": "application/json", "S3Uri": f"{uri}/evaluation/evaluation.json"}
        made = self.client("sagemaker").create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={"Containers": [container], **types},
            ModelMetrics={"ModelQuality": {"Statistics": statistics}},
            CustomerMetadataProperties={
                "ModelSha256": hashlib.sha256(archive).hexdigest(),
                "GoldenPredictions": f"{uri}/evaluation/golden.json",
                "EvaluationReport": f"{uri}/evaluation/evaluation.html",
            },
        )
        return str(made["ModelPackageArn"])

    def approve(self, arn: str, status: str = "Approved") -> None:
        self.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)

    def waiting(self) -> bool:
        """Whether the pipeline waits for a person."""
        stages = self.client("codepipeline").get_pipeline_state(name=self.pipeline)["stageStates"]
        (approve,) = (each for each in stages if each["stageName"] == "Approve")
        return any("token" in each.get("latestExecution", {}) for each in approve["actionStates"])

    def push(self, files: dict[str, tuple[str, str]], message: str) -> Found:
        """Replace texts in files of the checkout and push them; return how the run ended."""
        for name, (before, after) in files.items():
            path = self.checkout / name
            assert before in path.read_text()
            path.write_text(path.read_text().replace(before, after))
        return self.pushed(message)


@dataclass
class Scoring:
    """What scores, in an account: `owner` names it."""

    project: Project
    owner: str
    profile: str = "development"

    @property
    def name(self) -> str:
        return f"sagemaker-{self.owner}-batch"

    @property
    def bucket(self) -> str:
        return f"sagemaker-project-{self.owner}-batch-{ACCOUNTS[self.profile]}"

    def client(self, service: str) -> Any:
        return self.project.client(service, self.profile)

    def outputs(self) -> dict[str, str]:
        """Outputs of the stack; nothing when there is no stack."""
        found = self.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])
        if self.name not in [item["StackName"] for item in found["StackSummaries"]]:
            return {}
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def executions(self) -> list[Found]:
        """Executions of the SageMaker pipeline, the oldest first, with their parameters."""
        api = self.client("sagemaker")
        listed = api.list_pipeline_executions(PipelineName=self.name, SortOrder="Ascending")
        found = [each["PipelineExecutionArn"] for each in listed["PipelineExecutionSummaries"]]
        return [self._described(arn) for arn in found]

    def _described(self, arn: str) -> Found:
        api = self.client("sagemaker")
        given = api.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
        described: Found = api.describe_pipeline_execution(PipelineExecutionArn=arn)
        return described | {each["Name"]: each["Value"] for each in given}

    def ended(self, key: str, after: int = 0) -> Found:
        """Wait for the end of the first execution but so many that scores a key."""

        def look() -> Found:
            mine = [each for each in self.executions() if each["InputKey"] == key][after:]
            return mine[0] if mine and mine[0]["PipelineExecutionStatus"] != "Executing" else {}

        return eventually(look)

    def put(self, name: str, content: str) -> str:
        """Put an object under input/; return its key."""
        self.client("s3").put_object(Bucket=self.bucket, Key=f"input/{name}", Body=content.encode())
        return f"input/{name}"

    def predictions(self, execution: Found) -> dict[str, str]:
        """What an execution has stored, by the names of its files."""
        own = f"/{execution['PipelineExecutionArn'].rpartition('/')[2]}/"
        listed = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix="output/").get("Contents", [])
        keys = [item["Key"] for item in listed if own in item["Key"]]
        read = self.client("s3").get_object
        return {key.rpartition("/")[2]: read(Bucket=self.bucket, Key=key)["Body"].read().decode() for key in keys}

    def score(self, name: str, content: str) -> dict[str, str]:
        """Put an object, and return what the execution has stored that this starts."""
        execution = self.ended(self.put(name, content))
        assert execution["PipelineExecutionStatus"] == "Succeeded", execution
        return self.predictions(execution)


@contextmanager
def published(folder: Path, **targets: str) -> Iterator[Project]:
    """Run a sandbox whose catalogue is published and shared, and that has a group of models for some targets."""
    with scientist.published(Project, folder) as project:
        project.prepare(**targets)
        yield project
