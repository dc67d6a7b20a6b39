"""Versions that follow one another in production, and those that must not get there."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from deployer import Deployer, traffic
from harness import ACCOUNTS, eventually
from visitor import Found, Visitor

STAGES = "pipelines/deploy/realtime/stages"
Member = tuple[str, bytes]


@pytest.fixture(scope="module")
def deployer(visitor: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    """An engineer whose production moves in seconds: she has pushed shorter waits, and they are deployed."""
    engineer = Deployer(visitor)
    engineer.wait_for_quiet()
    checkout = visitor.clone(tmp_path_factory.mktemp("engineer"))
    execution = push(engineer, checkout, "production.yml", ("_seconds: 300", "_seconds: 1"))
    assert engineer.release(execution)["status"] == "Succeeded"
    return engineer


@pytest.fixture
def checkout(deployer: Deployer, tmp_path: Path) -> Path:
    return deployer.visitor.clone(tmp_path)


def push(deployer: Deployer, checkout: Path, stage: str, change: tuple[str, str]) -> str:
    """Push a change of a stage's file; return the execution that it starts."""
    path = checkout / STAGES / stage
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    deployer.visitor.git(checkout, "commit", "--quiet", "--all", "--message", f"Change {stage}")
    before = len(deployer.executions())
    deployer.visitor.git(checkout, "push", "--quiet")
    eventually(lambda: len(deployer.executions()) > before)
    return str(deployer.executions()[-1]["pipelineExecutionId"])


def failed(deployer: Deployer, execution: str, action: str) -> str:
    """Wait for an execution that fails in an action; return the reason."""
    assert deployer.ended(execution)["status"] == "Failed"
    run = deployer.actions(execution)[action]
    assert run["status"] == "Failed"
    said = [text for name, text in run["output"].get("outputVariables", {}).items() if name.endswith("_RESULT")]
    return " ".join([run["output"]["executionResult"]["errorDetails"]["message"], *said])


def failed_cases(visitor: Visitor) -> list[str]:
    """Return the tests that failed, as the newest failed report of CodeBuild shows them."""
    codebuild = visitor.client("codebuild")
    arns = [
        arn
        for group in codebuild.list_report_groups()["reportGroups"]
        for arn in codebuild.list_reports_for_report_group(reportGroupArn=group)["reports"]
    ]
    reports = codebuild.batch_get_reports(reportArns=arns)["reports"]
    newest = max((item for item in reports if item["status"] == "FAILED"), key=lambda item: item["created"])
    cases = codebuild.describe_test_cases(reportArn=newest["arn"])["testCases"]
    return [case["name"] for case in cases if case["status"] == "FAILED"]


def test_an_older_version_comes_back_without_a_failed_request(deployer: Deployer) -> None:
    record = deployer.golden(1)["records"][0]
    with traffic(deployer, "production", record) as got:
        assert deployer.release(deployer.approve(1))["status"] == "Succeeded"
    assert {deployer.serving(stage) for stage in ("staging", "production")} == {deployer.version(1)}
    assert got.errors == []
    assert {round(score, 3) for score in got.scores} == {round(deployer.golden(n)["scores"][0], 3) for n in (1, 2)}


def test_an_event_that_comes_again_changes_nothing(deployer: Deployer) -> None:
    def updated() -> Found:
        (stack,) = deployer.visitor.client("cloudformation", "staging").describe_stacks(StackName=deployer.stack)[
            "Stacks"
        ]
        return {"at": stack["LastUpdatedTime"]}

    before = updated()
    execution = deployer.approve(1)
    assert deployer.ended(execution)["status"] == "Succeeded"
    assert "is in production already" in deployer.variables(execution, "Render/Render")["RENDER_RESULT"]
    assert set(deployer.actions(execution)) == {"Source/Source", "Render/Render"}
    assert updated() == before


def test_rejected_and_pending_versions_and_other_groups_start_nothing(deployer: Deployer) -> None:
    before = len(deployer.executions())
    for status in ("Rejected", "PendingManualApproval"):
        deployer.set_approval(2, status)
    register(deployer, deployer.package(1), group="somebody-else-s")
    execution = deployer.approve(1)  # comes after those events
    deployer.ended(execution)
    started = [item["pipelineExecutionId"] for item in deployer.executions()[before:]]
    assert started == [execution]


def test_a_failed_test_stops_before_the_approval_and_staging_goes_back(deployer: Deployer, checkout: Path) -> None:
    execution = push(deployer, checkout, "staging.yml", ("latency_budget_ms: 250", "latency_budget_ms: 1"))
    reason = failed(deployer, execution, "Staging/Test")
    assert "budget" in reason
    assert "Approve/Approve" not in deployer.actions(execution)
    assert failed_cases(deployer.visitor) == ["test_latency_is_within_its_budget"]
    back = eventually(lambda: [item for item in deployer.executions() if item.get("executionType") == "ROLLBACK"])
    assert deployer.ended(back[-1]["pipelineExecutionId"])["status"] == "Succeeded"
    assert deployer.serving("staging") == deployer.serving("production") == deployer.version(1)
    repaired = push(deployer, checkout, "staging.yml", ("latency_budget_ms: 1", "latency_budget_ms: 250"))
    deployer.ended(repaired)


def test_an_alarm_takes_the_old_version_back_while_it_goes_on_serving(deployer: Deployer) -> None:
    record = deployer.golden(1)["records"][0]
    execution = deployer.approve(2)
    deployer.waits(execution)
    with traffic(deployer, "production", record) as got, ringing(deployer, "ErrorAlarm"):
        deployer.release(execution)
    reason = failed(deployer, execution, "Production/Deploy")
    assert "alarm" in reason.lower() and ACCOUNTS["production"] in reason
    deployer.wait_for_quiet()
    assert deployer.serving("production") == deployer.version(1)
    assert got.errors == []
    deployer.set_approval(2, "Rejected")


@contextmanager
def ringing(deployer: Deployer, alarm: str) -> Iterator[None]:
    """Keep an alarm of the production endpoint's stack in ALARM."""
    resource = deployer.visitor.client("cloudformation", "production").describe_stack_resource(
        StackName=deployer.stack, LogicalResourceId=alarm
    )["StackResourceDetail"]["PhysicalResourceId"]
    cloudwatch, over = deployer.visitor.client("cloudwatch", "production"), threading.Event()

    def ring() -> None:
        while not over.wait(0.1):
            cloudwatch.set_alarm_state(AlarmName=resource, StateValue="ALARM", StateReason="Set off by hand")

    thread = threading.Thread(target=ring)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def register(deployer: Deployer, like: Found, archive: bytes | None = None, group: str = "") -> int:
    """Register a version like another, with another archive or in another group; return its number."""
    visitor, container = deployer.visitor, dict(like["InferenceSpecification"]["Containers"][0])
    metadata = dict(like["CustomerMetadataProperties"])
    if archive is not None:
        metadata["ModelSha256"] = hashlib.sha256(archive).hexdigest()
        bucket = visitor.outputs["ArtifactBucketName"]
        # Where the project's pipelines leave models: target accounts may read nothing else.
        key = f"{visitor.outputs['ModelBuildPipelinePrefix']}test/{metadata['ModelSha256']}/output/model.tar.gz"
        visitor.client("s3").put_object(Bucket=bucket, Key=key, Body=archive)
        container["ModelDataUrl"] = f"s3://{bucket}/{key}"
    sagemaker = visitor.client("sagemaker")
    if group:
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    kept = {name: container[name] for name in ("Image", "ModelDataUrl")}
    made = sagemaker.create_model_package(
        ModelPackageGroupName=group or deployer.endpoint,
        InferenceSpecification={**like["InferenceSpecification"], "Containers": [kept]},
        ModelMetrics=like["ModelMetrics"],
        CustomerMetadataProperties=metadata,
        ModelApprovalStatus="Approved" if group else "PendingManualApproval",
    )["ModelPackageArn"]
    return int(made.rpartition("/")[2])


def files(deployer: Deployer) -> list[Member]:
    """Return what the first version's archive holds."""
    uri = deployer.package(1)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    with tarfile.open(fileobj=io.BytesIO(deployer.visitor.get(uri)["Body"]), mode="r:gz") as tar:
        found = [(member.name, tar.extractfile(member)) for member in tar.getmembers() if member.isfile()]
        return [(name, file.read()) for name, file in found if file]


def pack(members: list[Member]) -> bytes:
    """Return an archive of these files, whose manifest fits."""
    rest = [member for member in members if member[0] != "manifest.json"]
    manifest = {"files": {name: hashlib.sha256(content).hexdigest() for name, content in rest}}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in [*rest, ("manifest.json", json.dumps(manifest).encode())]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def approved(deployer: Deployer, number: int) -> Iterator[str]:
    """Approve a version that can't be deployed, and reject it again: production must be as it was."""
    before = deployer.serving("production")
    yield deployer.approve(number)
    deployer.set_approval(number, "Rejected")
    deployer.wait_for_quiet()
    assert deployer.serving("production") == before


@pytest.mark.parametrize("name", ["model.pkl", "../outside.json", "/etc/model.json"])
def test_an_archive_with_a_dangerous_member_is_refused_by_name(deployer: Deployer, name: str) -> None:
    archive = pack([*files(deployer), (name, pickle.dumps({"a": 1}))])
    with approved(deployer, register(deployer, deployer.package(1), archive)) as execution:
        assert name in failed(deployer, execution, "Render/Render")


def test_a_model_that_does_not_load_never_becomes_healthy_and_says_why(deployer: Deployer) -> None:
    spoilt = [(name, b"spoilt" if name.startswith("model.") else content) for name, content in files(deployer)]
    with approved(deployer, register(deployer, deployer.package(1), pack(spoilt))) as execution:
        reason = failed(deployer, execution, "Staging/Deploy")
        assert ACCOUNTS["staging"] in reason
        assert "ping health check" in reason


def test_an_image_that_is_missing_is_named_with_its_account(deployer: Deployer) -> None:
    image = deployer.package(1)["InferenceSpecification"]["Containers"][0]["Image"]
    ecr, name, digest = deployer.visitor.client("ecr"), deployer.visitor.name, image.partition("@")[2]
    wanted: Any = {"repositoryName": name, "imageIds": [{"imageDigest": digest}]}
    (held,) = ecr.batch_get_image(**wanted)["images"]
    tag = ecr.describe_images(**wanted)["imageDetails"][0]["imageTags"][0]
    with approved(deployer, register(deployer, deployer.package(1))) as execution:
        ecr.batch_delete_image(**wanted)
        reason = failed(deployer, execution, "Render/Render")
        ecr.put_image(repositoryName=name, imageManifest=held["imageManifest"], imageTag=tag, imageDigest=digest)
    assert digest in reason and ACCOUNTS["development"] in reason


def change_key(visitor: Visitor, change: Callable[[list[Found]], list[Found]]) -> None:
    kms, key = visitor.client("kms"), visitor.outputs["ArtifactsKeyArn"]
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"] = change(policy["Statement"])
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))


def test_a_key_that_the_target_may_not_use_is_named_with_its_account(deployer: Deployer) -> None:
    visitor = deployer.visitor
    kept: list[Found] = []

    def close(statements: list[Found]) -> list[Found]:
        kept.extend(statements)
        return [item for item in statements if ACCOUNTS["staging"] not in json.dumps(item)]

    with approved(deployer, register(deployer, deployer.package(1))) as execution:
        change_key(visitor, close)
        reason = failed(deployer, execution, "Staging/Deploy")
        change_key(visitor, lambda _: kept)
    assert len(kept) > 2
    assert visitor.outputs["ArtifactsKeyArn"] in reason and ACCOUNTS["staging"] in reason


def test_a_target_account_without_its_role_is_named(deployer: Deployer) -> None:
    role = f"sagemaker-{deployer.visitor.project['ProjectId']}-deploy"
    iam = deployer.visitor.client("iam", "staging")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    nobody = {"Version": "2012-10-17", "Statement": [{**trust["Statement"][0], "Effect": "Deny"}]}
    with approved(deployer, register(deployer, deployer.package(1))) as execution:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(nobody))
        reason = failed(deployer, execution, "Staging/Deploy")
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    assert role in reason and ACCOUNTS["staging"] in reason
