"""The offline validator finds what SageMaker would refuse, and passes what it takes."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smproject.definition import check

GOLDEN = Path(__file__).parent / "golden" / "tabular-binary.json"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def valid() -> Json:
    definition: Json = json.loads(GOLDEN.read_text())
    return definition


def parameter(definition: Any, name: str) -> Any:
    return next(item for item in definition["Parameters"] if item["Name"] == name)


def arguments(definition: Json, index: int) -> Json:
    found: Json = definition["Steps"][index]["Arguments"]
    return found


def rename_train(definition: Json) -> None:
    definition["Steps"][1]["Name"] = "process"


DEFECTS: dict[str, tuple[Callable[[Json], object], str, str]] = {
    "wrong version": (lambda d: d.update(Version="2021-01-01"), "definition: Version", "2020-12-01"),
    "no steps": (lambda d: d.update(Steps=[]), "definition: Steps", "Add a step"),
    "unknown step type": (lambda d: d["Steps"][0].update(Type="Procesing"), "process: Type", "Processing"),
    "bad step name": (lambda d: d["Steps"][3].update(Name="the gate"), "the gate: Name", "letters"),
    "condition within a condition": (
        lambda d: arguments(d, 3)["IfSteps"].append({"Name": "inner", "Type": "Condition", "Arguments": {}}),
        "gate: Arguments.IfSteps[1]", "condition step within one",
    ),
    "step name used twice": (rename_train, "process: Name", "used 2 times"),
    "parameter declared twice": (
        lambda d: d["Parameters"].append({"Name": "DataUri", "Type": "String"}), "parameter DataUri: Name", "twice",
    ),
    "default outside the choices": (
        lambda d: parameter(d, "ModelApprovalStatus").update(DefaultValue="Yes"),
        "parameter ModelApprovalStatus: DefaultValue", "Approved",
    ),
    "default of another type": (
        lambda d: parameter(d, "GateThreshold").update(DefaultValue="0.8"),
        "parameter GateThreshold: DefaultValue", "Float",
    ),
    "unknown member": (lambda d: arguments(d, 0).update(Foo=1), "process: Arguments.Foo", "no member"),
    "missing member": (lambda d: arguments(d, 1).pop("RoleArn"), "train: Arguments.RoleArn", "requires it"),
    "number as text": (
        lambda d: arguments(d, 1)["ResourceConfig"].update(InstanceCount="1"),
        "train: Arguments.ResourceConfig.InstanceCount", "integer",
    ),
    "number out of range": (
        lambda d: arguments(d, 1)["StoppingCondition"].update(MaxRuntimeInSeconds=0),
        "train: Arguments.StoppingCondition.MaxRuntimeInSeconds", "least is 1",
    ),
    "text off its pattern": (
        lambda d: arguments(d, 0).update(RoleArn="role/exec"), "process: Arguments.RoleArn", "Make it match",
    ),
    "unknown choice": (
        lambda d: arguments(d, 0)["ProcessingInputs"][0]["S3Input"].update(S3InputMode="Files"),
        "process: Arguments.ProcessingInputs[0].S3Input.S3InputMode", "File",
    ),
    "choice of a parameter that the step does not know": (
        lambda d: parameter(d, "ProcessingInstanceType")["EnumValues"].append("ml.tiny"),
        "process: Arguments.ProcessingResources.ClusterConfig.InstanceType", "ml.tiny",
    ),
    "object for a list": (
        lambda d: arguments(d, 0).update(Tags={"a": "b"}), "process: Arguments.Tags", "Give a list",
    ),
    "undeclared parameter": (
        lambda d: arguments(d, 0)["AppSpecification"].update(ImageUri={"Get": "Parameters.Image"}),
        "process: Arguments.AppSpecification.ImageUri", "not declared",
    ),
    "unknown execution variable": (
        lambda d: arguments(d, 0)["AppSpecification"].update(ImageUri={"Get": "Execution.Id"}),
        "process: Arguments.AppSpecification.ImageUri", "PipelineExecutionId",
    ),
    "reference to no step": (
        lambda d: arguments(d, 0)["AppSpecification"].update(ImageUri={"Get": "Steps.build.Image"}),
        "process: Arguments.AppSpecification.ImageUri", "does not exist",
    ),
    "reference to no property": (
        lambda d: arguments(d, 2)["ProcessingInputs"][1]["S3Input"].update(S3Uri={"Get": "Steps.train.ModelArtifact"}),
        "evaluate: Arguments.ProcessingInputs[1].S3Input.S3Uri", "ModelArtifacts",
    ),
    "reference to no output": (
        lambda d: arguments(d, 0)["ProcessingOutputConfig"]["Outputs"].pop(0),
        "train: Arguments.InputDataConfig[0].DataSource.S3DataSource.S3Uri", "'train'",
    ),
    "undeclared property file": (
        lambda d: d["Steps"][2].pop("PropertyFiles"), "gate: Arguments.Conditions[0].LeftValue", "Evaluation",
    ),
    "property file of no output": (
        lambda d: d["Steps"][2]["PropertyFiles"][0].update(OutputName="report"),
        "evaluate: PropertyFiles[0].OutputName", "evaluation",
    ),
    "dependence on no step": (
        lambda d: d["Steps"][0].update(DependsOn=["prepare"]), "process: DependsOn[0]", "does not exist",
    ),
    "circle": (lambda d: d["Steps"][0].update(DependsOn=["evaluate"]), "", "waits for itself"),
    "defect in a branch": (
        lambda d: arguments(d, 3)["IfSteps"][0]["Arguments"].update(ModelApprovalStatus="Maybe"),
        "register: Arguments.ModelApprovalStatus", "Approved",
    ),
}  # fmt: skip


def test_valid_definition_has_no_findings(valid: Json) -> None:
    assert check(valid) == []


@pytest.mark.parametrize("defect", DEFECTS)
def test_defect_is_found_where_it_is(defect: str, valid: Json) -> None:
    spoil, where, advice = DEFECTS[defect]
    definition = copy.deepcopy(valid)
    spoil(definition)

    findings = [str(finding) for finding in check(definition)]

    assert any(finding.startswith(where) and advice in finding for finding in findings), findings


def test_expressions_stand_for_any_value(valid: Json) -> None:
    definition = copy.deepcopy(valid)
    arguments(definition, 1)["RoleArn"] = {"Std:Join": {"On": "", "Values": ["arn:", {"Get": "Parameters.DataUri"}]}}

    assert check(definition) == []


@pytest.mark.parametrize("path", ["BestTrainingJob.TrainingJobName", "TrainingJobSummaries[0].TrainingJobName", "Best"])
def test_a_tuning_step_has_the_properties_of_its_job_and_of_the_training_jobs(path: str) -> None:
    definition = json.loads((GOLDEN.parent / "tabular-tuned.json").read_text())
    source = arguments(definition, 2)["ProcessingInputs"][1]["S3Input"]
    source["S3Uri"]["Std:Join"]["Values"][3] = {"Get": f"Steps.tune.{path}"}

    found = [str(finding) for finding in check(definition)]
    assert found == [] if path != "Best" else "DescribeHyperParameterTuningJobResponse has no Best" in found[0]


def test_pipelines_name_their_own_jobs(valid: Json) -> None:
    assert "ProcessingJobName" not in arguments(valid, 0)
    assert check(valid) == []
