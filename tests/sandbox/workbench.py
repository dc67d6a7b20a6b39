"""Jobs in a few words: a tiny image, a bucket and a role, and the end of what is run with them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import textwrap
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

from harness import ACCOUNTS, Sandbox, eventually

Item = dict[str, Any]
CLUSTER = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
# The image's program: tells its arguments, then does what its environment says.
PROGRAM = "import os, sys\nprint('arguments', sys.argv[1:], flush=True)\nexec(os.environ.get('CODE', ''))\n"
DOCKERFILE = """\
FROM python:3.12-slim
ENV FROM_IMAGE=yes
COPY program.py /opt/program/program.py
ENTRYPOINT ["python3", "/opt/program/program.py"]
"""


def push(sandbox: Sandbox, folder: Path, repository: str, *options: str) -> str:
    """Build the image of a folder, with options, and push it to a new repository; return its address."""
    name = f"{ACCOUNTS['development']}.dkr.ecr.us-east-1.amazonaws.com/{repository}:v1"
    sandbox.client("ecr").create_repository(repositoryName=repository)
    environment = sandbox.environment() | {"SMPROJECT_IMAGES": str(sandbox.home / "images")}
    for words in (["build", "-t", name, *options, str(folder)], ["push", name]):
        command = [sys.executable, "-m", "smproject.sandbox.docker", *words]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    return name


class Workbench:
    """Runs jobs of the development account in one sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.role = sandbox.role("job-role", "sagemaker.amazonaws.com")
        self.bucket = f"jobs-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.image = self._push(folder)

    @cached_property
    def api(self) -> Any:
        return self.sandbox.client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        return self.sandbox.client("s3")

    def _push(self, folder: Path) -> str:
        """Build and push the image as a build does; return its address."""
        (folder / "program.py").write_text(PROGRAM)
        (folder / "Dockerfile").write_text(DOCKERFILE)
        return push(self.sandbox, folder, self.bucket)

    def put(self, key: str, content: str) -> str:
        """Put an object into the bucket; return its URI."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content.encode())
        return self.uri(key)

    def uri(self, key: str) -> str:
        """Return the URI of a key."""
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        """Return an object's content."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def archive(self, uri: str) -> dict[str, str]:
        """Return the files of an archive in S3."""
        with tarfile.open(fileobj=io.BytesIO(self.get(uri))) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            return {member.name: archive.extractfile(member).read().decode() for member in members}  # type: ignore[union-attr]

    def keys(self, prefix: str = "") -> list[str]:
        """Return the bucket's keys under a prefix."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]

    def processing(self, code: str, **request: Any) -> Item:
        """Return a request for a processing job that runs Python code."""
        spec = {"ImageUri": self.image, "ContainerEntrypoint": ["python3", "-c", textwrap.dedent(code)]}
        resources = {"ClusterConfig": CLUSTER}
        return {"AppSpecification": spec, "ProcessingResources": resources, "RoleArn": self.role, **request}

    def training(self, code: str, **request: Any) -> Item:
        """Return a request for a training job that runs Python code."""
        spec: Item = {
            "TrainingImage": self.image,
            "TrainingInputMode": "File",
            **request.pop("AlgorithmSpecification", {}),
        }
        if code:
            spec["ContainerEntrypoint"] = ["python3", "-c", textwrap.dedent(code)]
        defaults = {
            "OutputDataConfig": {"S3OutputPath": self.uri("models")},
            "ResourceConfig": CLUSTER,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        return {"AlgorithmSpecification": spec, "RoleArn": self.role, **defaults, **request}

    def process(self, code: str, **request: Any) -> Item:
        """Run a processing job to its end."""
        return self.ended("Processing", self.start("Processing", self.processing(code, **request)))

    def train(self, code: str, **request: Any) -> Item:
        """Run a training job to its end."""
        return self.ended("Training", self.start("Training", self.training(code, **request)))

    def start(self, kind: str, request: Item) -> str:
        """Create a job; return its name."""
        name = str(request.pop("Name", f"{kind.lower()}-{uuid.uuid4().hex[:8]}"))
        getattr(self.api, f"create_{kind.lower()}_job")(**{f"{kind}JobName": name}, **request)
        return name

    def describe(self, kind: str, name: str) -> Item:
        """Describe a job."""
        return dict(getattr(self.api, f"describe_{kind.lower()}_job")(**{f"{kind}JobName": name}))

    def ended(self, kind: str, name: str) -> Item:
        """Wait for a job's end; return its description."""

        def look() -> Item | None:
            found = self.describe(kind, name)
            return None if found[f"{kind}JobStatus"] in {"InProgress", "Stopping"} else found

        return eventually(look)

    def log(self, kind: str, name: str) -> list[str]:
        """Return what a job has printed so far."""
        logs, group = self.sandbox.client("logs"), f"/aws/sagemaker/{kind}Jobs"
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        found = [
            logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
            for stream in streams
        ]
        return [event["message"].rstrip("\n") for events in found for event in events]

    def report(self, kind: str, name: str) -> Any:
        """Return the JSON of the last line that a job has printed."""
        return json.loads(self.log(kind, name)[-1])
