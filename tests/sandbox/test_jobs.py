"""Processing and training jobs: the container contract, in each runtime that this machine has."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from harness import eventually
from workbench import Workbench

# Tells, as one line of JSON, every file under /opt/ml and the environment.
TELL = """
import json, os, pathlib
ml = pathlib.Path("/opt/ml")
files = {str(f.relative_to(ml)): f.read_text() for f in sorted(ml.rglob("*")) if f.is_file()}
print(json.dumps({"files": files, "env": dict(os.environ)}), flush=True)
"""
# Waits for SIGTERM, then does something and ends well.
UNTIL_STOPPED = """
import pathlib, signal, sys, time
def stop(*_):
    %s
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("waiting", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module", params=["jail", "process"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A workbench in each runtime."""
    if request.param == "jail" and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    server = request.getfixturevalue("sandbox" if request.param == "jail" else "process_sandbox")
    made = Workbench(server, tmp_path_factory.mktemp("image"))
    found = made.train("print(open('/opt/ml/input/config/resourceconfig.json').read())")
    running = [item["StatusMessage"] for item in found["SecondaryStatusTransitions"] if item["Status"] == "Training"]
    assert running == [f"Running in the sandbox's {request.param} runtime"]
    return made


def input_of(bench: Workbench, name: str, key: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": bench.uri(key)}},
        "ContentType": "text/csv",
    }


def test_a_training_job_finds_its_inputs_and_configuration(bench: Workbench) -> None:
    bench.put("data/train/a.csv", "1,2")
    bench.put("data/train/deep/b.csv", "3,4")
    found = bench.train(
        TELL,
        HyperParameters={"depth": "3"},
        Environment={"COLOUR": "red"},
        InputDataConfig=[input_of(bench, "train", "data/train"), input_of(bench, "one", "data/train/a.csv")],
    )
    assert found["TrainingJobStatus"] == "Completed", found
    told = bench.report("Training", found["TrainingJobName"])
    files = told["files"]
    assert {name: text for name, text in files.items() if name.startswith("input/data")} == {
        "input/data/train/a.csv": "1,2",
        "input/data/train/deep/b.csv": "3,4",
        "input/data/one/a.csv": "1,2",
    }
    assert json.loads(files["input/config/hyperparameters.json"]) == {"depth": "3"}
    channel = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    channel["ContentType"] = "text/csv"
    assert json.loads(files["input/config/inputdataconfig.json"]) == {"train": channel, "one": channel}
    resources = json.loads(files["input/config/resourceconfig.json"])
    assert (resources["current_host"], resources["hosts"]) == ("algo-1", ["algo-1"])
    assert resources["current_instance_type"] == "ml.m5.large"
    env = told["env"]
    assert (env["COLOUR"], env["FROM_IMAGE"], env["AWS_REGION"]) == ("red", "yes", "us-east-1")
    assert (env["TRAINING_JOB_NAME"], env["TRAINING_JOB_ARN"]) == (found["TrainingJobName"], found["TrainingJobArn"])


def test_a_processing_job_finds_its_inputs_and_configuration(bench: Workbench) -> None:
    data = {
        "S3Uri": bench.put("data/in/a.csv", "1,2"),
        "LocalPath": "/opt/ml/processing/input",
        "S3DataType": "S3Prefix",
    }
    found = bench.process(
        TELL,
        ProcessingInputs=[{"InputName": "data", "S3Input": {**data, "S3InputMode": "File"}}],
        Environment={"A": "b"},
    )
    assert found["ProcessingJobStatus"] == "Completed", found
    told = bench.report("Processing", found["ProcessingJobName"])
    assert told["files"]["processing/input/a.csv"] == "1,2"
    config = json.loads(told["files"]["config/processingjobconfig.json"])
    assert (config["ProcessingJobArn"], config["Environment"]) == (found["ProcessingJobArn"], {"A": "b"})
    assert json.loads(told["files"]["config/resourceconfig.json"])["current_host"] == "algo-1"
    assert told["env"]["A"] == "b"


def test_the_image_starts_by_its_own_entry_point(bench: Workbench) -> None:
    trained = bench.train("")
    assert bench.log("Training", trained["TrainingJobName"]) == ["arguments ['train']"]
    spec = {"ImageUri": bench.image, "ContainerArguments": ["--data", "a b"]}
    processed = bench.process("", AppSpecification=spec)
    assert bench.log("Processing", processed["ProcessingJobName"]) == ["arguments ['--data', 'a b']"]


def test_the_model_and_output_come_as_archives_under_the_key(bench: Workbench) -> None:
    key = bench.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    code = """
    import pathlib
    pathlib.Path("/opt/ml/model/deep").mkdir()
    pathlib.Path("/opt/ml/model/deep/model.json").write_text("{}")
    pathlib.Path("/opt/ml/output/data/report.txt").write_text("good")
    """
    found = bench.train(code, OutputDataConfig={"S3OutputPath": bench.uri("encrypted"), "KmsKeyId": key})
    model = found["ModelArtifacts"]["S3ModelArtifacts"]
    assert model == bench.uri(f"encrypted/{found['TrainingJobName']}/output/model.tar.gz")
    assert bench.archive(model) == {"deep/model.json": "{}"}
    output = model.replace("model.tar.gz", "output.tar.gz")
    assert bench.archive(output) == {"report.txt": "good"}
    for uri in (model, output):
        head = bench.s3.head_object(Bucket=bench.bucket, Key=uri.partition(f"{bench.bucket}/")[2])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_processing_outputs_come_file_by_file_under_the_key(bench: Workbench) -> None:
    key = bench.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    target = {"S3Uri": bench.uri("out/data"), "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    code = """
    import pathlib
    pathlib.Path("/opt/ml/processing/output/deep").mkdir()
    pathlib.Path("/opt/ml/processing/output/deep/a.csv").write_text("1")
    """
    outputs = {"Outputs": [{"OutputName": "data", "S3Output": target}], "KmsKeyId": key}
    assert bench.process(code, ProcessingOutputConfig=outputs)["ProcessingJobStatus"] == "Completed"
    assert bench.get(bench.uri("out/data/deep/a.csv")) == b"1"
    head = bench.s3.head_object(Bucket=bench.bucket, Key="out/data/deep/a.csv")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_the_program_acts_by_the_jobs_role(bench: Workbench) -> None:
    found = bench.process(TELL)
    env = bench.report("Processing", found["ProcessingJobName"])["env"]
    assert env["AWS_ENDPOINT_URL"] == bench.sandbox.endpoint
    assert env["AWS_ACCESS_KEY_ID"]
    calls = [json.loads(text) for text in (bench.sandbox.home / "calls.jsonl").read_text().splitlines()]
    session = "arn:aws:sts::222222222222:assumed-role/job-role/SageMaker"
    assert "PutLogEvents" in {call["operation"] for call in calls if call["principal"] == session}


def test_an_isolated_job_has_no_credentials(bench: Workbench) -> None:
    found = bench.train(TELL, EnableNetworkIsolation=True)
    env = bench.report("Training", found["TrainingJobName"])["env"]
    assert not {name for name in env if name.startswith("AWS_") and "REGION" not in name}


def test_a_failure_tells_the_programs_own_reason_and_exit_code(bench: Workbench) -> None:
    code = "import pathlib, sys; pathlib.Path('/opt/ml/output/failure').write_text('no rows'); sys.exit(3)"
    found = bench.train(code)
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Failed"
    assert found["FailureReason"] == "AlgorithmError: no rows, exit code: 3"
    assert "ModelArtifacts" not in found
    told = bench.process("open('/opt/ml/output/message', 'w').write('no columns'); raise SystemExit(2)")
    assert told["ExitMessage"] == "no columns"
    assert told["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 2"


def test_a_command_that_does_not_exist_fails_the_job(bench: Workbench) -> None:
    spec = {"ImageUri": bench.image, "ContainerEntrypoint": ["/no/such/program"]}
    found = bench.process("", AppSpecification=spec)
    assert found["ProcessingJobStatus"] == "Failed"
    assert found["FailureReason"]


@pytest.mark.parametrize("kind", ["Training", "Processing"])
def test_a_stop_reaches_the_program_which_may_still_save(bench: Workbench, kind: str) -> None:
    target = {"S3Uri": bench.uri("stopped"), "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    outputs = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "data", "S3Output": target}]}}
    folder, options = ("model", {}) if kind == "Training" else ("processing/output", outputs)
    code = UNTIL_STOPPED % f"pathlib.Path('/opt/ml/{folder}/saved').write_text('half')"
    request = getattr(bench, kind.lower())(code, **options)
    name = bench.start(kind, request)
    eventually(lambda: bench.log(kind, name) == ["waiting"])
    getattr(bench.api, f"stop_{kind.lower()}_job")(**{f"{kind}JobName": name})
    found = bench.ended(kind, name)
    assert found[f"{kind}JobStatus"] == "Stopped"
    if kind == "Training":
        assert found["SecondaryStatus"] == "Stopped"
        assert bench.archive(found["ModelArtifacts"]["S3ModelArtifacts"]) == {"saved": "half"}
    else:
        assert bench.get(bench.uri("stopped/saved")) == b"half"
    with pytest.raises(bench.api.exceptions.ClientError, match="is in status Stopped"):
        getattr(bench.api, f"stop_{kind.lower()}_job")(**{f"{kind}JobName": name})


def test_the_time_limit_stops_a_training_job_with_its_model(bench: Workbench) -> None:
    code = UNTIL_STOPPED % "pathlib.Path('/opt/ml/model/saved').write_text('late')"
    found = bench.train(code, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert bench.archive(found["ModelArtifacts"]["S3ModelArtifacts"]) == {"saved": "late"}


def test_the_log_can_be_read_while_the_job_runs(bench: Workbench) -> None:
    name = bench.start("Training", bench.training(UNTIL_STOPPED % "pass"))
    assert eventually(lambda: bench.log("Training", name)) == ["waiting"]
    assert bench.describe("Training", name)["TrainingJobStatus"] == "InProgress"
    bench.api.stop_training_job(TrainingJobName=name)
    bench.ended("Training", name)


def test_a_program_killed_from_outside_fails_its_job_only(bench: Workbench) -> None:
    marker = f"killed-{os.urandom(4).hex()}"
    name = bench.start("Training", bench.training(f"print('{marker}', flush=True); import time; time.sleep(60)"))
    eventually(lambda: bench.log("Training", name) == [marker])
    [program] = [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _runs(folder, marker)]
    os.kill(program, signal.SIGKILL)
    found = bench.ended("Training", name)
    assert found["FailureReason"] == "AlgorithmError: , exit code: 137"
    assert bench.train("print('next')")["TrainingJobStatus"] == "Completed"


def _runs(folder: Path, marker: str) -> bool:
    """Tell whether a process is Python with the marker in its command line, not the jail around it."""
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0] == b"python3" and any(marker.encode() in word for word in words)
