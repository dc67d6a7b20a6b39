"""The tutorials' commands work as they stand, on what the demonstration leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness import eventually
from visitor import Found, Visitor

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"


def commands(page: str) -> str:
    """Return a page's commands but for the last one, which would end the sandbox before its results can be seen."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (TUTORIALS / page).read_text(), re.MULTILINE | re.DOTALL)
    return "".join(blocks).replace("smproject sandbox down\n", "")


def test_each_tutorial_is_tested() -> None:
    assert {path.name for path in TUTORIALS.glob("*.md")} == {"deploy.md", "look-around.md"}


def test_looking_around_leads_to_a_model_that_passes_the_gate(reader: Visitor, tmp_path: Path) -> None:
    before = len(_versions(reader))
    shown = reader.run("bash", "-euc", commands("look-around.md"), cwd=tmp_path)
    assert "churn\tCreateCompleted" in shown
    assert "Quality gate not met" in shown
    assert "<svg" in (tmp_path / "evaluation.html").read_text()
    eventually(lambda: len(_versions(reader)) == before + 1)
    approved, newest = (_package(reader, version) for version in _versions(reader)[-2:])
    told = newest["CustomerMetadataProperties"]
    assert told["ComparedWith"] == approved["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    report = reader.get(told["EvaluationReport"])["Body"].decode()
    assert "The approved version has auc 0." in report
    wanted = [{"Name": "ChampionMargin", "Value": "0.5"}, {"Name": "TrainingInstanceCount", "Value": "2"}]
    start = reader.client("sagemaker").start_pipeline_execution
    missed = start(PipelineName=reader.pipeline, PipelineParameters=wanted)["PipelineExecutionArn"]
    assert reader.ended(missed)["PipelineExecutionStatus"] == "Failed"
    steps = reader.steps(missed)
    job = reader.job(steps["train"], "Training")
    assert (job["ResourceConfig"]["InstanceCount"], job["TrainingJobStatus"]) == (2, "Completed")
    reason = steps["gate-not-met"]["FailureReason"]
    assert "margin over the approved version 0.5. The approved version has auc 0." in reason


def test_deploying_and_rolling_back_ends_with_version_1_in_production(reader: Visitor, tmp_path: Path) -> None:
    shown = reader.run("bash", "-euc", commands("deploy.md"), cwd=tmp_path)
    (answer,) = json.loads((tmp_path / "answer.json").read_text())["predictions"]
    assert 0 < answer["score"] < 1
    assert "SUCCEEDED\t" in shown and "FAILED" not in shown
    assert re.search(r"model-package/sagemaker-churn-[a-z0-9-]+/1$", shown, re.MULTILINE)
    assert "is in production already" in shown
    assert re.search(r"data-capture/.*\.jsonl$", shown, re.MULTILINE)


def _package(visitor: Visitor, version: str) -> Found:
    found: Found = visitor.client("sagemaker").describe_model_package(ModelPackageName=version)
    return found


def _versions(visitor: Visitor) -> list[str]:
    group = visitor.outputs["ModelRegistryGroupName"]
    found = visitor.client("sagemaker").list_model_packages(ModelPackageGroupName=group)
    return [package["ModelPackageArn"] for package in found["ModelPackageSummaryList"]]
