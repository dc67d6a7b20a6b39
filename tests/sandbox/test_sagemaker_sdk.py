"""The SageMaker SDK drives the sandbox like AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from harness import Sandbox
from workbench import Workbench

ROOT = Path(__file__).parents[2]
# A program of its own: the SDK reads its settings from the environment when it is imported.
PROGRAM = """
import json, sys
import boto3
import pipelines.session  # quiets the SDK and its telemetry
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.mlops.workflow.pipeline import Pipeline

role, bucket = sys.argv[1:]
session = Session(boto_session=boto3.Session(), default_bucket=bucket)
wanted = ParameterString("Wanted", default_value="end")
fail = FailStep("fail", "asked for")
steps = [ConditionStep("check", conditions=[ConditionEquals(wanted, "end")], if_steps=[], else_steps=[fail])]
pipeline = Pipeline("from-the-sdk", parameters=[wanted], steps=steps, sagemaker_session=session)
found = []
for value in ("end", "failure"):
    pipeline.upsert(role_arn=role)
    execution = pipeline.start(parameters={"Wanted": value})
    try:
        execution.wait(delay=1, max_attempts=20)
    except Exception as error:
        found.append(type(error).__name__)
    status = execution.describe()["PipelineExecutionStatus"]
    found.append([status, [[step["StepName"], step["StepStatus"]] for step in execution.list_steps()]])
sys.stdout.write(json.dumps(found))
"""


@pytest.mark.skipif(find_spec("sagemaker") is None, reason="the SageMaker SDK is not installed")
def test_the_sdk_upserts_starts_waits_and_lists_steps(sandbox: Sandbox, bench: Workbench, tmp_path: Path) -> None:
    environment = sandbox.environment() | {"PYTHONPATH": str(ROOT), "AWS_DEFAULT_REGION": "us-east-1"}
    environment["HOME"] = str(tmp_path)  # the SDK reads settings there
    command = [sys.executable, "-c", PROGRAM, bench.role, bench.bucket]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [
        ["Succeeded", [["check", "Succeeded"]]],
        "WaiterError",
        ["Failed", [["fail", "Failed"], ["check", "Succeeded"]]],
    ]
