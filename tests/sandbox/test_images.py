"""Images without a container engine: what the stand-in for docker builds, pushes and refuses."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from persons import Person, policy
from workbench import Workbench

from smproject.sandbox import docker
from smproject.sandbox.dockerfile import BuildError
from smproject.sandbox.image_store import ImageStore

ACCOUNT = "222222222222"
DOCKERFILE = """\
    # a comment
    ARG VERSION=3.12
    FROM python:${VERSION}-slim
    LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
    ENV MODE=fast \\
        PROGRAM=/opt/program
    RUN apt-get update && apt-get install -y libgomp1 \\
        && rm -rf /var/lib/apt/lists/*
    WORKDIR $PROGRAM
    COPY requirements.txt .
    RUN pip install --no-cache-dir -r requirements.txt
    COPY *.py helpers ./
    ENTRYPOINT ["python", "/opt/program/train.py"]
    CMD ["train"]
    """


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all that DOCKERFILE asks for."""
    made = tmp_path / "container"
    (made / "helpers" / "__pycache__").mkdir(parents=True)
    (made / "Dockerfile").write_text(textwrap.dedent(DOCKERFILE))
    (made / "requirements.txt").write_text("six==1.16.0  # small\n")
    (made / "train.py").write_text("import six\nprint(six.__version__)\n")
    (made / "helpers" / "more.py").write_text("more = 1\n")
    (made / "helpers" / "__pycache__" / "more.pyc").write_text(str(time.time()))
    return made


@pytest.fixture
def store(sandbox: Sandbox) -> ImageStore:
    """The store that the sandbox's builds use."""
    return ImageStore(sandbox.home / "images")


def silent(_: str) -> None:
    """Show no progress."""


def test_an_image_holds_the_copied_files_and_an_environment_that_runs_them(folder: Path, store: ImageStore) -> None:
    image = store.build(folder, silent)
    program = image.root / "opt" / "program"
    assert sorted(path.name for path in program.rglob("*")) == ["more.py", "requirements.txt", "train.py"]
    output = subprocess.check_output([image.environment / "bin" / "python", program / "train.py"], text=True)
    assert output == "1.16.0\n"
    assert (image.entrypoint, image.command) == (["python", "/opt/program/train.py"], ["train"])
    assert (image.workdir, image.env) == ("/opt/program", {"MODE": "fast", "PROGRAM": "/opt/program"})
    assert image.labels == {"com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true"}


def test_equal_content_has_the_same_digest_and_other_content_another(folder: Path, store: ImageStore) -> None:
    first = store.build(folder, silent).digest
    (folder / "helpers" / "__pycache__" / "more.pyc").write_text("built later")
    assert store.build(folder, silent).digest == first
    assert first == "sha256:" + hashlib.sha256(store.manifest(first).encode()).hexdigest()
    (folder / "train.py").write_text("print('changed')\n")
    assert store.build(folder, silent).digest != first


def test_equal_requirements_share_one_environment(folder: Path, store: ImageStore) -> None:
    first = store.build(folder, silent).environment
    (folder / "train.py").write_text("print('changed')\n")
    (folder / "requirements.txt").write_text("# another comment\nsix==1.16.0\n")
    assert store.build(folder, silent).environment == first


def test_what_differs_from_a_container_is_said(folder: Path, store: ImageStore) -> None:
    lines: list[str] = []
    (folder / "Dockerfile").write_text(textwrap.dedent(DOCKERFILE).replace("3.12", "3.99"))
    store.build(folder, lines.append)
    assert any("apt-get" in line and "no operating system packages" in line for line in lines)
    assert any("3.99" in line and f"3.{sys.version_info.minor}" in line for line in lines)


def test_dockerignore_leaves_files_out(folder: Path, store: ImageStore) -> None:
    (folder / ".dockerignore").write_text("helpers/*\n!helpers/kept.py\n")
    (folder / "helpers" / "kept.py").write_text("kept = 1\n")
    program = store.build(folder, silent).root / "opt" / "program"
    assert (program / "kept.py").exists()
    assert not (program / "more.py").exists()


@pytest.fixture
def sharing(folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an image that copies from another one, too."""
    monkeypatch.setenv("SMPROJECT_IMAGES", str(sandbox.home / "images"))
    (folder.parent / "shared").mkdir()
    (folder.parent / "shared" / "common.py").write_text("common = 1\n")
    with (folder / "Dockerfile").open("a") as file:
        file.write("COPY --from=shared --chown=1:1 . $PROGRAM/shared/\n")
    return folder


def test_files_come_from_named_build_contexts_too(sharing: Path, store: ImageStore) -> None:
    shared = sharing.parent / "shared"
    image = store.build(sharing, silent, named={"shared": shared})
    program = image.root / "opt" / "program"
    assert sorted(path.name for path in program.iterdir()) == ["more.py", "requirements.txt", "shared", "train.py"]
    assert [path.name for path in (program / "shared").iterdir()] == ["common.py"]
    (shared / "common.py").write_text("common = 2\n")
    assert store.build(sharing, silent, named={"shared": shared}).digest != image.digest


def test_a_named_build_context_has_a_dockerignore_of_its_own(sharing: Path, store: ImageStore) -> None:
    shared = sharing.parent / "shared"
    (shared / "notes.md").write_text("notes")
    (shared / ".dockerignore").write_text("*.md\n.dockerignore\n")
    image = store.build(sharing, silent, named={"shared": shared})
    assert [path.name for path in (image.root / "opt/program/shared").iterdir()] == ["common.py"]


@pytest.mark.parametrize(
    ("context", "status", "said"),
    [
        ("shared={parent}/shared", 0, "COPY --from=shared . /opt/program/shared/"),
        ("other={parent}/shared", 1, "shared: failed to resolve source metadata for docker.io/library/shared:latest"),
        (
            "shared={parent}/none",
            1,
            "failed to get build context shared: stat {parent}/none: no such file or directory",
        ),
        (
            "shared={parent}/container/train.py",
            1,
            "failed to get build context path {parent}/container/train.py: not a",
        ),
        ("shared", 1, "invalid context value: shared, expected key=value"),
        ("Shared={parent}/shared", 1, "invalid context name Shared"),
        ("shared=docker-image://python:3.12", 1, "the stand-in's build contexts are folders"),
    ],
)
def test_docker_build_names_contexts_as_docker_does(
    context: str, status: int, said: str, sharing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["build", "--build-context", context.format(parent=sharing.parent), str(sharing)]
    assert docker.main(words) == status
    told = capsys.readouterr()
    assert said.format(parent=sharing.parent) in told.out + told.err


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("RUN curl https://example.com | sh", "Dockerfile:16: .*can't run"),
        ("RUN pip install requests", "Dockerfile:16: .*can't run"),
        ("FROM python:3.12", "Dockerfile:16: .*one stage"),
        ("COPPY a b", "Dockerfile:16: .*COPPY"),
        ("COPY absent.txt .", "Dockerfile:16: .*absent.txt: file not found"),
        ("COPY ../secret .", "Dockerfile:16: .*outside"),
        ("COPY --from=builder a .", "Dockerfile:16: .*builder: failed to resolve"),
        ("ADD --from=builder a .", "Dockerfile:16: .*does not know --from=builder"),
        ("ADD https://example.com/a.txt .", "Dockerfile:16: .*local files"),
        ("RUN pip install -r absent.txt", "Dockerfile:16: .*COPY it first"),
    ],
)
def test_what_it_cannot_build_is_refused_with_its_line(folder: Path, store: ImageStore, line: str, found: str) -> None:
    with (folder / "Dockerfile").open("a") as file:
        file.write(f"# more\n{line}\n")
    with pytest.raises(BuildError, match=found):
        store.build(folder, silent)
    assert not list(store.home.glob(".building-*"))


def test_a_requirement_that_does_not_exist_leaves_no_environment(
    folder: Path, store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMPROJECT_CACHE", str(tmp_path / "cache"))
    (folder / "requirements.txt").write_text("six==99.0\n")
    with pytest.raises(BuildError, match=r"the requirements can't be installed:(?s:.*)six==99\.0"):
        store.build(folder, silent)
    assert not [path for path in (tmp_path / "cache" / "environments").iterdir() if path.is_dir()]


class Registry:
    """An ECR repository and a project whose builds push to it."""

    def __init__(self, sandbox: Sandbox, name: str, *, immutable: bool = False, privileged: bool = True) -> None:
        self.sandbox, self.name = sandbox, name
        self.ecr, self.builds = sandbox.client("ecr"), sandbox.client("codebuild")
        self.uri = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{name}"
        self.immutable, self.privileged = immutable, privileged

    def create(self) -> Registry:
        self.ecr.create_repository(
            repositoryName=self.name, imageTagMutability="IMMUTABLE" if self.immutable else "MUTABLE"
        )
        return self

    def run(self, folder: Path, *commands: str) -> tuple[str, str]:
        """Run commands as a build on a folder; return its status and its log."""
        bucket, name = f"images-{uuid.uuid4().hex[:8]}", f"images-{uuid.uuid4().hex[:8]}"
        s3, logs = self.sandbox.client("s3"), self.sandbox.client("logs")
        s3.create_bucket(Bucket=bucket)
        for path in folder.rglob("*"):
            if path.is_file():
                s3.upload_file(str(path), bucket, f"source/{path.relative_to(folder)}")
        lines = "".join(f"      - {command}\n" for command in commands)
        buildspec = f"version: 0.2\nphases:\n  build:\n    commands:\n{lines}"
        self.builds.create_project(
            name=name,
            source={"type": "S3", "location": f"{bucket}/source/", "buildspec": buildspec},
            artifacts={"type": "NO_ARTIFACTS"},
            serviceRole=self.sandbox.role("image-builder", "codebuild.amazonaws.com"),
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": self.privileged,
            },
        )
        build_id = self.builds.start_build(projectName=name)["build"]["id"]

        def finished() -> dict[str, Any] | None:
            build: dict[str, Any] = self.builds.batch_get_builds(ids=[build_id])["builds"][0]
            return build if build["buildComplete"] else None

        build = eventually(finished)
        assert build
        where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        events = logs.get_log_events(**where, startFromHead=True, limit=10000)["events"]
        return build["buildStatus"], "".join(event["message"] for event in events)


def new_name() -> str:
    return f"trainer-{uuid.uuid4().hex[:8]}"


def test_a_build_pushes_an_image_that_ecr_knows_by_the_same_digest(
    sandbox: Sandbox, folder: Path, store: ImageStore
) -> None:
    registry = Registry(sandbox, new_name()).create()
    login = f"aws ecr get-login-password | docker login --username AWS --password-stdin {registry.uri.split('/')[0]}"
    commands = ["docker build -t local .", f"docker tag local {registry.uri}:v1", f"docker push {registry.uri}:v1"]
    status, log = registry.run(folder, login, *commands)
    assert status == "SUCCEEDED", log
    details = registry.ecr.describe_images(repositoryName=registry.name)["imageDetails"]
    assert [detail["imageTags"] for detail in details] == [["v1"]]
    digest = details[0]["imageDigest"]
    assert f"v1: digest: {digest}" in log
    assert digest == store.build(folder, silent).digest
    for uri in (f"{registry.uri}:v1", f"{registry.uri}@{digest}"):
        assert digest_of(sandbox, uri, "development") == digest


def test_the_same_content_pushed_again_stays_one_image(sandbox: Sandbox, folder: Path) -> None:
    registry = Registry(sandbox, new_name()).create()
    push = [f"docker build -t {registry.uri}:{tag} ." for tag in ("a", "b")]
    push += [f"docker push {registry.uri}:{tag}" for tag in ("a", "b", "a")]
    status, log = registry.run(folder, *push)
    assert status == "SUCCEEDED", log
    details = registry.ecr.describe_images(repositoryName=registry.name)["imageDetails"]
    assert [sorted(detail["imageTags"]) for detail in details] == [["a", "b"]]


def test_a_missing_repository_is_named_and_fails_the_build(sandbox: Sandbox, folder: Path) -> None:
    registry = Registry(sandbox, new_name())
    status, log = registry.run(folder, f"docker build -t {registry.uri}:v1 .", f"docker push {registry.uri}:v1")
    assert status == "FAILED"
    assert f"name unknown: The repository with name '{registry.name}' does not exist" in log


def test_an_immutable_tag_is_not_overwritten(sandbox: Sandbox, folder: Path) -> None:
    registry = Registry(sandbox, new_name(), immutable=True).create()
    push = [f"docker build -t {registry.uri}:v1 .", f"docker push {registry.uri}:v1"]
    status, log = registry.run(folder, *push, "echo 'changed = 1' > train.py", *push)
    assert status == "FAILED"
    assert "tag invalid: The image tag 'v1' already exists" in log
    assert len(registry.ecr.describe_images(repositoryName=registry.name)["imageDetails"]) == 1


def test_docker_needs_a_privileged_project(sandbox: Sandbox, folder: Path) -> None:
    status, log = Registry(sandbox, new_name(), privileged=False).run(folder, "docker build .")
    assert status == "FAILED"
    assert "Cannot connect to the Docker daemon" in log


def test_other_docker_commands_say_what_is_supported(sandbox: Sandbox, folder: Path) -> None:
    status, log = Registry(sandbox, new_name()).run(folder, "docker run hello-world")
    assert status == "FAILED"
    assert "docker build [-t REF]" in log


def digest_of(sandbox: Sandbox, image: str, profile: str, person: Person | None = None) -> str:
    """Register a model with an image in an account; return the digest that SageMaker found."""
    api = person.client("sagemaker") if person else sandbox.client("sagemaker", profile)
    group = f"images-{uuid.uuid4().hex[:8]}"
    api.create_model_package_group(ModelPackageGroupName=group)
    spec = {"Containers": [{"Image": image}], "SupportedContentTypes": [], "SupportedResponseMIMETypes": []}
    arn = api.create_model_package(ModelPackageGroupName=group, InferenceSpecification=spec)["ModelPackageArn"]
    found = api.describe_model_package(ModelPackageName=arn)["InferenceSpecification"]["Containers"]
    return str(found[0]["ImageDigest"])


def refusal(call: Any) -> str:
    """Return the message of a ValidationException."""
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


@pytest.mark.parametrize(
    "image",
    ["python:3.12", f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/absent:v1"],
)
def test_an_image_that_was_never_pushed_is_not_found(sandbox: Sandbox, image: str) -> None:
    assert f"Requested image {image} not found" in refusal(lambda: digest_of(sandbox, image, "development"))


def test_a_digest_must_be_in_the_registry_even_if_this_machine_holds_the_image(bench: Workbench) -> None:
    [detail] = bench.sandbox.client("ecr").describe_images(repositoryName=bench.bucket)["imageDetails"]
    other = Registry(bench.sandbox, new_name()).create()
    image = f"{other.uri}@{detail['imageDigest']}"
    said = refusal(lambda: digest_of(bench.sandbox, image, "development"))
    assert f"Requested image {image} not found." in said
    assert f"repository with name '{other.name}' in the registry with id '{ACCOUNT}'" in said


PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


class Pulled:
    """A repository of the development account with one image, and a person of staging who wants it."""

    def __init__(self, bench: Workbench) -> None:
        self.sandbox, self.name = bench.sandbox, new_name()
        self.ecr, self.person = bench.sandbox.client("ecr"), Person(bench.sandbox, "staging")
        self.person.allow("sagemaker:*", "*")
        self.uri = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{self.name}"
        self.arn = self.ecr.create_repository(repositoryName=self.name)["repository"]["repositoryArn"]
        [image] = self.ecr.batch_get_image(repositoryName=bench.bucket, imageIds=[{"imageTag": "v1"}])["images"]
        self.digest = image["imageId"]["imageDigest"]
        named = {"imageTag": "v1", "imageDigest": self.digest}
        self.ecr.put_image(repositoryName=self.name, imageManifest=image["imageManifest"], **named)

    def share(self) -> None:
        """Let the person pull, as the repository's side of it."""
        root = {"AWS": f"arn:aws:iam::{self.person.account}:root"}
        only = {"ArnEquals": {"aws:PrincipalArn": self.person.arn}}
        text = policy({"Effect": "Allow", "Principal": root, "Action": PULL, "Condition": only})
        self.ecr.set_repository_policy(repositoryName=self.name, policyText=text)

    def pull(self, reference: str) -> str:
        """Return the digest that SageMaker finds for the person."""
        return digest_of(self.sandbox, f"{self.uri}{reference}", "staging", self.person)


@pytest.fixture
def pulled(bench: Workbench) -> Pulled:
    return Pulled(bench)


def test_another_accounts_image_needs_both_policies(pulled: Pulled) -> None:
    said = refusal(lambda: pulled.pull(":v1"))
    named = f"'{pulled.uri}:v1' (repository {pulled.name} of account {ACCOUNT})"
    assert f"The role '{pulled.person.arn}' does not have BatchGetImage permission for the image: {named}" in said
    assert "because no resource-based policy allows the ecr:BatchGetImage action" in said
    pulled.share()
    reason = "because no identity-based policy allows the ecr:BatchGetImage action"
    assert refusal(lambda: pulled.pull(f"@{pulled.digest}")).endswith(reason)
    for action in PULL:
        pulled.person.allow(action, pulled.arn)
    assert pulled.pull(":v1") == pulled.pull(f"@{pulled.digest}") == pulled.digest


@pytest.mark.parametrize("reference", [":absent", f"@sha256:{'0' * 64}"])
def test_another_accounts_missing_image_is_told_to_who_may_pull(pulled: Pulled, reference: str) -> None:
    pulled.share()
    for action in PULL:
        pulled.person.allow(action, pulled.arn)
    said = refusal(lambda: pulled.pull(reference))
    assert f"Requested image {pulled.uri}{reference} not found." in said
    assert f"repository with name '{pulled.name}' in the registry with id '{ACCOUNT}'" in said


def test_another_accounts_missing_repository_is_named(sandbox: Sandbox) -> None:
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/absent:v1"
    said = refusal(lambda: digest_of(sandbox, image, "staging"))
    assert said.startswith(f"Requested image {image} not found.")
    assert f"The repository with name 'absent' does not exist in the registry with id '{ACCOUNT}'" in said


def test_a_job_runs_another_accounts_image_when_its_role_may_pull_it(pulled: Pulled) -> None:
    api, iam = pulled.sandbox.client("sagemaker", "staging"), pulled.sandbox.client("iam", "staging")
    root = {"AWS": f"arn:aws:iam::{pulled.person.account}:root", "Service": "sagemaker.amazonaws.com"}
    trust = policy({"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"})
    iam.update_assume_role_policy(RoleName=pulled.person.name, PolicyDocument=trust)
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}

    def ended() -> dict[str, Any]:
        name = f"pull-{uuid.uuid4().hex[:8]}"
        api.create_processing_job(
            ProcessingJobName=name,
            AppSpecification={"ImageUri": f"{pulled.uri}:v1"},
            ProcessingResources={"ClusterConfig": cluster},
            RoleArn=pulled.person.arn,
        )

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = api.describe_processing_job(ProcessingJobName=name)
            return None if found["ProcessingJobStatus"] == "InProgress" else found

        return eventually(look) or {}

    failed = ended()
    assert failed["ProcessingJobStatus"] == "Failed"
    assert f"The role '{pulled.person.arn}' does not have BatchGetImage permission" in failed["FailureReason"]
    pulled.share()
    for action in PULL:
        pulled.person.allow(action, pulled.arn)
    completed = ended()
    assert completed["ProcessingJobStatus"] == "Completed", completed["FailureReason"]
