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

TESTS = Path(__file__).resolve().parent
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path[:0] = [str(TESTS / "sandbox"), str(TESTS / "pipelines")]

from demonstration import SMPROJECT, Demonstration  # noqa: E402
from deploy_service import EVALUATION, GOLDEN, MODEL, pack  # noqa: E402
from harness import ACCOUNTS, Sandbox, eventually  # noqa: E402
from hosting_bench import LABEL  # noqa: E402
from stacks import Stacks  # noqa: E402

from smproject import catalog  # noqa: E402
from smproject.assemble import assemble  # noqa: E402

Found = dict[str, Any]
PRODUCT, PROJECT, SECONDS = "batch", "scores", 240
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
class Project:
    """A project of a data scientist, the models that it scores with, and her checkout of its repository."""

    demonstration: Demonstration
    folder: Path
    seen: set[str] = field(default_factory=set)  # executions of its pipeline
    models: dict[str, str] = field(default_factory=dict)  # outputs of the stack that holds the models

    @cached_property
    def sandbox(self) -> Sandbox:
        return Sandbox(f"http://127.0.0.1:{self.demonstration.port}", self.demonstration.home)

    @cached_property
    def variables(self) -> dict[str, str]:
        """A shell's variables after the command that the tool tells its users to type."""
        shell = self.demonstration.run("bash", "-c", 'eval "$(smproject sandbox env)" && env -0')
        assert shell.returncode == 0, shell.stderr
        people = {f"GIT_{who}_{what}": "scientist@example.com" for who in ("AUTHOR", "COMMITTER")
                  for what in ("NAME", "EMAIL")}  # fmt: skip
        return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line) | people

    def client(self, service: str, profile: str = "development") -> Any:
        return self.sandbox.client(service, profile)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        done = subprocess.run(command, env=self.variables, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def smproject(self, *arguments: str) -> str:
        return self.run(str(SMPROJECT), *arguments)

    def create(self, **parameters: str) -> None:
        """Create the project from its product, for the models of the group."""
        services, wanted = self.client("servicecatalog"), {"ModelSourceGroupName": GROUP}
        wanted |= {"ModelSourceProjectId": "p-mod", "ModelSourceKeyArn": self.key, **parameters}
        found = services.search_products(Filters={"FullTextSearch": [PRODUCT]})["ProductViewSummaries"]
        (product,) = (item["ProductId"] for item in found if item["Name"] == PRODUCT)
        details = {
            "ProductId": product,
            "ProvisioningArtifactId": services.describe_product(Id=product)["ProvisioningArtifacts"][-1]["Id"],
            "ProvisioningParameters": [{"Key": key, "Value": value} for key, value in wanted.items()],
        }
        self.client("sagemaker").create_project(ProjectName=PROJECT, ServiceCatalogProvisioningDetails=details)
        made = self.at_rest()
        assert made["ProjectStatus"] == "CreateCompleted", made

    def at_rest(self) -> Found:
        """Wait until nothing is done to the project."""

        def look() -> Found:
            found: Found = self.client("sagemaker").describe_project(ProjectName=PROJECT)
            return {} if found["ProjectStatus"].endswith(("Pending", "InProgress")) else found

        return eventually(look, SECONDS)

    @cached_property
    def id(self) -> str:
        return str(self.at_rest()["ProjectId"])

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

    @property
    def pipeline(self) -> str:
        return f"sagemaker-{PROJECT}-{self.id}-model-deploy"

    def executions(self) -> list[Found]:
        """Executions of the deploy pipeline that nobody has waited for, the newest first."""
        found = self.client("codepipeline").list_pipeline_executions(pipelineName=self.pipeline)
        return [item for item in found["pipelineExecutionSummaries"] if item["pipelineExecutionId"] not in self.seen]

    def ended(self) -> dict[str, str]:
        """Wait for the end of a run that nobody has waited for; return its status and what its render said."""

        def look() -> Found:
            new = self.executions()
            return new[-1] if new and new[-1]["status"] not in ("InProgress", "Stopping") else {}

        run = eventually(look, SECONDS)
        self.seen.add(run["pipelineExecutionId"])
        only = {"pipelineExecutionId": run["pipelineExecutionId"]}
        details = self.client("codepipeline").list_action_executions(pipelineName=self.pipeline, filter=only)
        said = [item.get("output", {}).get("outputVariables", {}) for item in details["actionExecutionDetails"]]
        failed = [item["output"] for item in details["actionExecutionDetails"] if item["status"] == "Failed"]
        told = {name: text for each in said for name, text in each.items()}
        return {"status": run["status"], "failed": json.dumps(failed, default=str), **told}

    def waiting(self) -> bool:
        """Whether the pipeline waits for a person."""
        stages = self.client("codepipeline").get_pipeline_state(name=self.pipeline)["stageStates"]
        (approve,) = (each for each in stages if each["stageName"] == "Approve")
        return any("token" in each.get("latestExecution", {}) for each in approve["actionStates"])

    def push(self, files: dict[str, tuple[str, str]], message: str) -> dict[str, str]:
        """Replace texts in files of the checkout and push them; return how the run ended."""
        for name, (before, after) in files.items():
            path = self.checkout / name
            assert before in path.read_text()
            path.write_text(path.read_text().replace(before, after))
        for words in (("commit", "--quiet", "-am", message), ("push", "--quiet")):
            self.run("git", *words, cwd=self.checkout)
        return self.ended()

    @cached_property
    def checkout(self) -> Path:
        name = f"sagemaker-{PROJECT}-{self.id}"
        address = self.client("codecommit").get_repository(repositoryName=name)["repositoryMetadata"]
        self.run("git", "clone", "--quiet", address["cloneUrlHttp"], str(self.folder / "checkout"))
        return self.folder / "checkout"


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

        return eventually(look, SECONDS)

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
    demonstration = Demonstration(folder)
    try:
        up = demonstration.run(str(SMPROJECT), "sandbox", "up", "--port", str(demonstration.port))
        assert up.returncode == 0, up.stdout + up.stderr
        project = Project(demonstration, folder)
        project.smproject("publish", "--profile", "shared-services")
        project.smproject("share", "--account", ACCOUNT, "--profile", "shared-services")
        project.prepare(**targets)
        yield project
    finally:
        down = demonstration.run(str(SMPROJECT), "sandbox", "down")
        assert down.returncode == 0, down.stderr
