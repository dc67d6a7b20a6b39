"""Managed spot training, checkpoints, retries and warm pools."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from durable import Durable
from harness import ACCOUNTS, Sandbox, eventually
from workbench import CLUSTER, Workbench

from smproject.sandbox.cli import sandbox as command

SPOT = {"EnableManagedSpotTraining": True}
LIMITS = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
TWO = {**CLUSTER, "InstanceCount": 2}
# Ends when it finds its former file; else leaves one on SIGTERM, as spot instances give it time to.
RESUME = """
import os, signal, time
os.chdir("/opt/ml/checkpoints")
def save(*_):
    open("step", "w").write("7")
    os._exit(0)
signal.signal(signal.SIGTERM, save)
if os.path.exists("step"):
    raise SystemExit(print("resumed from", open("step").read()))
print("waiting", flush=True)
time.sleep(60)
"""
WAIT = "import time; print('waiting', flush=True); time.sleep(60)"


def interrupt(bench: Workbench, job: str, *options: str) -> Result:
    return CliRunner().invoke(command, ["interrupt", job, "--home", str(bench.sandbox.home), *options])


def spot(bench: Workbench, code: str, key: str = "", **request: Any) -> str:
    """Start a spot job, with checkpoints below a key where one is given; return its name when it has printed."""
    kept = {"CheckpointConfig": {"S3Uri": bench.uri(key)}} if key else {}
    asked = {**SPOT, "StoppingCondition": LIMITS, "Environment": {"CODE": code}, **kept, **request}
    name = bench.start("Training", bench.training("import os; exec(os.environ['CODE'])", **asked))
    count = request.get("ResourceConfig", CLUSTER)["InstanceCount"]
    eventually(lambda: bench.log("Training", name) == ["waiting"] * count)
    return name


def course(found: dict[str, Any]) -> list[str]:
    return [item["Status"] for item in found["SecondaryStatusTransitions"]]


def test_an_interrupted_job_goes_on_from_its_checkpoint(bench: Workbench) -> None:
    name = spot(bench, RESUME, "spot/resumed")
    done = interrupt(bench, name, "--seconds", "2")
    assert (done.exit_code, name in done.output) == (0, True), done.output
    found = bench.ended("Training", name)
    assert found["TrainingJobStatus"] == "Completed", found
    assert bench.log("Training", name) == ["waiting", "resumed from 7"]
    start = ["Starting", "Downloading", "Training"]
    assert course(found) == [*start, "Interrupted", *start, "Uploading", "Completed"]
    assert found["BillableTimeInSeconds"] < found["TrainingTimeInSeconds"]


@pytest.mark.skipif(not shutil.which("bwrap"), reason="several instances need bubblewrap")
def test_an_interruption_reaches_every_host(bench: Workbench) -> None:
    name = spot(bench, RESUME, "spot/two", ResourceConfig=TWO, EnableNetworkIsolation=True)
    assert interrupt(bench, name).exit_code == 0
    assert bench.ended("Training", name)["TrainingJobStatus"] == "Completed"
    assert sorted(bench.log("Training", name)) == ["resumed from 7", "resumed from 7", "waiting", "waiting"]


def test_a_job_may_be_interrupted_again(bench: Workbench) -> None:
    name = spot(bench, WAIT)
    for times in (2, 3):
        assert interrupt(bench, name).exit_code == 0
        eventually(lambda times=times: bench.log("Training", name) == ["waiting"] * times)
    bench.api.stop_training_job(TrainingJobName=name)
    assert course(bench.ended("Training", name)).count("Interrupted") == 2


def test_a_job_that_waits_for_instances_can_be_stopped(bench: Workbench) -> None:
    name = spot(bench, WAIT)
    assert interrupt(bench, name, "--seconds", "60").exit_code == 0
    eventually(lambda: bench.describe("Training", name)["SecondaryStatus"] == "Interrupted")
    bench.api.stop_training_job(TrainingJobName=name)
    found = bench.ended("Training", name)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_a_job_ends_when_it_has_waited_for_too_long(bench: Workbench) -> None:
    limits = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
    found = bench.train(WAIT, **SPOT, StoppingCondition=limits)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_what_is_interrupted_must_run_on_spot_instances(bench: Workbench) -> None:
    absent = interrupt(bench, "absent")
    assert absent.exit_code == 1
    assert "no such job in development" in str(absent.exception)
    plain = bench.start("Training", bench.training(WAIT))
    assert "created without EnableManagedSpotTraining" in str(interrupt(bench, plain).exception)
    bench.api.stop_training_job(TrainingJobName=plain)
    ended = bench.train("pass", **SPOT, StoppingCondition=LIMITS)["TrainingJobName"]
    assert "its secondary status is Completed" in str(interrupt(bench, ended).exception)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("arn:aws:sagemaker:us-east-1:222222222222:processing-job/x", "not the name or the ARN of a training job"),
        ("arn:aws:sagemaker:us-east-1:999999999999:training-job/x", "none of the sandbox's"),
    ],
)
def test_what_is_no_training_job_cannot_be_interrupted(bench: Workbench, job: str, message: str) -> None:
    assert message in str(interrupt(bench, job).exception)


def test_an_arn_names_the_account(bench: Workbench) -> None:
    name = spot(bench, WAIT)
    arn = bench.describe("Training", name)["TrainingJobArn"]
    assert "no such job in staging" in str(interrupt(bench, name, "--profile", "staging").exception)
    assert interrupt(bench, arn, "--profile", "staging").exit_code == 0
    eventually(lambda: bench.log("Training", name) == ["waiting"] * 2)
    bench.api.stop_training_job(TrainingJobName=name)
    bench.ended("Training", name)


def test_checkpoints_are_in_s3_while_the_job_runs(bench: Workbench) -> None:
    code = """
    import pathlib, time
    folder = pathlib.Path("/opt/ml/steps/deep")
    folder.mkdir()
    (folder / "1").write_text("one")
    time.sleep(60)
    """
    place = {"S3Uri": bench.uri("steps"), "LocalPath": "/opt/ml/steps"}
    name = bench.start("Training", bench.training(code, CheckpointConfig=place))
    eventually(lambda: bench.keys("steps/") == ["steps/deep/1"])
    assert bench.describe("Training", name)["TrainingJobStatus"] == "InProgress"
    bench.api.stop_training_job(TrainingJobName=name)
    bench.ended("Training", name)


def test_a_job_begins_with_the_checkpoints_of_one_that_failed(bench: Workbench) -> None:
    place = {"S3Uri": bench.uri("failing")}
    code = "open('/opt/ml/checkpoints/step', 'w').write('3'); raise SystemExit(1)"
    assert bench.train(code, CheckpointConfig=place)["TrainingJobStatus"] == "Failed"
    found = bench.train("print(open('/opt/ml/checkpoints/step').read())", CheckpointConfig=place)
    assert bench.log("Training", found["TrainingJobName"]) == ["3"]


def test_a_link_does_not_carry_foreign_files_into_the_checkpoints(bench: Workbench) -> None:
    code = """
    import os
    os.chdir("/opt/ml/checkpoints")
    os.symlink("/etc/hostname", "out")
    open("step", "w").write("1")
    os.symlink("step", "latest")
    """
    assert bench.train(code, CheckpointConfig={"S3Uri": bench.uri("linked")})["TrainingJobStatus"] == "Completed"
    assert bench.keys("linked/") == ["linked/latest", "linked/step"]


def test_checkpoints_that_the_role_may_not_write_fail_the_job(bench: Workbench) -> None:
    found = bench.train("pass", CheckpointConfig={"S3Uri": "s3://absent-bucket/steps"})
    assert found["FailureReason"] == "ClientError: The specified bucket does not exist"


def test_a_job_that_a_stop_of_the_sandbox_cut_off_has_failed(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    (tmp_path / "image").mkdir()
    bench = Workbench(durable.up(), tmp_path / "image")
    try:
        name = spot(bench, WAIT)
        assert interrupt(bench, name, "--seconds", "60").exit_code == 0
        eventually(lambda: bench.describe("Training", name)["SecondaryStatus"] == "Interrupted")
        durable.down()
        durable.up()
        found = bench.describe("Training", name)
        assert (found["TrainingJobStatus"], course(found)[-2:]) == ("Failed", ["Interrupted", "Failed"])
        assert found["FailureReason"].startswith("InternalServerError: ")
    finally:
        durable.kill()


KEPT = {**CLUSTER, "KeepAlivePeriodInSeconds": 600}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"StoppingCondition": LIMITS}, "only supported when EnableManagedSpotTraining is set to true"),
        ({**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "MaxWaitTimeInSeconds. It is required"),
        (
            {**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
            "equal to or greater than MaxRuntimeInSeconds",
        ),
        ({**SPOT, "StoppingCondition": {"MaxWaitTimeInSeconds": 86_399}}, "equal to or greater than"),
        ({**SPOT, "StoppingCondition": LIMITS, "ResourceConfig": KEPT}, "Invalid KeepAlivePeriodInSeconds"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 31}}, "less than or equal to 30"),
        ({"HyperParameters": {f"h{number}": "1" for number in range(101)}}, "less than or equal to 100"),
        (
            {"AlgorithmSpecification": {"MetricDefinitions": [{"Name": "loss", "Regex": "loss=("}]}},
            "Regex of loss is not valid",
        ),
        (
            {"AlgorithmSpecification": {"MetricDefinitions": [{"Name": f"m{n}", "Regex": "x"} for n in range(41)]}},
            "less than or equal to 40",
        ),
    ],
)
def test_a_request_that_aws_refuses_is_refused(bench: Workbench, request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        bench.start("Training", bench.training("pass", **request_))
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_an_internal_error_is_tried_again(bench: Workbench, sandbox: Sandbox) -> None:
    in_the_way = sandbox.home / "jobs" / ACCOUNTS["development"] / "training-retried"
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.touch()
    strategy = {"MaximumRetryAttempts": 2}
    found = bench.ended(
        "Training", bench.start("Training", {"Name": "retried", **bench.training("pass", RetryStrategy=strategy)})
    )
    assert course(found) == ["Starting", "Restarting"] * 2 + ["Starting", "Failed"]
    assert found["FailureReason"].startswith("InternalServerError: ")
    in_the_way.unlink()


def test_an_algorithms_own_error_is_not_tried_again(bench: Workbench) -> None:
    found = bench.train("raise SystemExit(1)", RetryStrategy={"MaximumRetryAttempts": 2})
    assert "Restarting" not in course(found)


def test_a_warm_pool_goes_to_the_next_job_like_it(bench: Workbench) -> None:
    def pool(name: str) -> dict[str, Any]:
        return dict(bench.describe("Training", name).get("WarmPoolStatus", {}))

    first = bench.start("Training", bench.training(WAIT, ResourceConfig=KEPT))
    assert pool(first) == {"Status": "InUse"}
    bench.api.stop_training_job(TrainingJobName=first)
    bench.ended("Training", first)
    assert pool(first)["Status"] == "Available"
    other = bench.train("pass", ResourceConfig={**CLUSTER, "InstanceType": "ml.c5.xlarge"})["TrainingJobName"]
    assert pool(other) == {}
    assert pool(first)["Status"] == "Available"
    like = bench.train("pass", ResourceConfig={**CLUSTER, "KeepAlivePeriodInSeconds": 1})["TrainingJobName"]
    assert (pool(first)["Status"], pool(first)["ReusedByJob"]) == ("Reused", like)
    listed = bench.api.list_training_jobs(NameContains=first)["TrainingJobSummaries"]
    assert listed[0]["WarmPoolStatus"] == pool(first)
    eventually(lambda: pool(like)["Status"] == "Terminated")
    assert pool(like)["ResourceRetainedBillableTimeInSeconds"] == 1


def test_files_of_a_job_are_gone_when_it_has_ended(bench: Workbench) -> None:
    name = spot(bench, RESUME, "spot/gone")
    folder: Path = bench.sandbox.home / "jobs" / ACCOUNTS["development"] / f"training-{name}"
    assert folder.is_dir()
    assert interrupt(bench, name).exit_code == 0
    bench.ended("Training", name)
    eventually(lambda: not folder.exists())
