"""The compiled definition: what is cached, what is protected, what is recorded."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, VARIABLES

Compile = Callable[..., dict[str, Any]]
CACHED = ("process", "train", "evaluate")
TRAINING = ROOT / "containers" / "training"
ALGORITHMS = ("xgboost", "sklearn")
READ = "from pathlib import Path; from entry.parameters import read_hyperparameters; read_hyperparameters(Path())"


def steps(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    def nested(some: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for step in some:
            yield step
            yield from nested(step["Arguments"].get("IfSteps", []))
            yield from nested(step["Arguments"].get("ElseSteps", []))

    return {step["Name"]: step for step in nested(definition["Steps"])}


def defaults(definition: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each.get("DefaultValue") for each in definition["Parameters"]}


def test_steps_follow_the_data(compile_definition: Compile) -> None:
    types = {name: step["Type"] for name, step in steps(compile_definition()).items()}

    assert types == {
        "process": "Processing",
        "train": "Training",
        "evaluate": "Processing",
        "gate": "Condition",
        "register": "RegisterModel",
        "gate-not-met": "Fail",
    }


def test_another_commit_changes_its_parameter_and_nothing_else(compile_definition: Compile) -> None:
    one = compile_definition(CODEBUILD_RESOLVED_SOURCE_VERSION="1" * 40)
    other = compile_definition(CODEBUILD_RESOLVED_SOURCE_VERSION="2" * 40)

    assert defaults(one) == {**defaults(other), "GitCommit": "1" * 40}
    assert one["Steps"] == other["Steps"]


@pytest.mark.parametrize("name", CACHED)
def test_cached_steps_do_not_read_the_commit(name: str, compile_definition: Compile) -> None:
    step = steps(compile_definition())[name]

    assert step["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}
    assert "GitCommit" not in json.dumps(step)


def test_edited_script_changes_the_code_of_its_own_step_alone(
    compile_definition: Compile, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from pipelines.build.tabular import pipeline  # noqa: PLC0415  # only after the fixture set the Region

    before = steps(compile_definition())
    for script in pipeline.HERE.glob("*.py"):
        (tmp_path / script.name).write_bytes(script.read_bytes())
    (tmp_path / "report.py").write_text("# another report\n")
    monkeypatch.setattr(pipeline, "HERE", tmp_path)
    after = steps(compile_definition())

    assert [name for name in CACHED if before[name] != after[name]] == ["evaluate"]


@pytest.mark.parametrize("name", CACHED)
def test_every_execution_writes_below_its_own_id(name: str, compile_definition: Compile) -> None:
    arguments = steps(compile_definition())[name]["Arguments"]
    outputs = [each["S3Output"]["S3Uri"] for each in arguments.get("ProcessingOutputConfig", {}).get("Outputs", [])]
    written = outputs or [arguments["OutputDataConfig"]["S3OutputPath"]]

    assert all({"Get": "Execution.PipelineExecutionId"} in uri["Std:Join"]["Values"] for uri in written)


@pytest.mark.parametrize("name", CACHED)
def test_jobs_are_isolated_encrypted_bounded_and_tagged(
    name: str, compile_definition: Compile, variables: dict[str, str]
) -> None:
    arguments = steps(compile_definition())[name]["Arguments"]
    network = arguments.get("NetworkConfig", arguments)
    cluster = arguments.get("ResourceConfig") or arguments["ProcessingResources"]["ClusterConfig"]
    output = arguments.get("OutputDataConfig") or arguments["ProcessingOutputConfig"]

    assert network["EnableNetworkIsolation"] is True
    assert cluster["VolumeKmsKeyId"] == output["KmsKeyId"] == variables["KMS_KEY_ARN"]
    assert arguments["StoppingCondition"]["MaxRuntimeInSeconds"] > 0
    assert {"Key": "sagemaker:project-id", "Value": variables["SAGEMAKER_PROJECT_ID"]} in arguments["Tags"]


def test_every_job_uses_an_image_given_at_the_start(compile_definition: Compile) -> None:
    compiled = steps(compile_definition())
    train = compiled["train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
    jobs = [compiled[name]["Arguments"]["AppSpecification"]["ImageUri"] for name in ("process", "evaluate")]

    assert train == {"Get": "Parameters.TrainingImageUri"}
    assert jobs == [{"Get": "Parameters.ImageUri"}] * 2


def test_on_a_cpu_the_image_that_processes_trains_too(compile_definition: Compile) -> None:
    found = defaults(compile_definition())

    assert found["TrainingImageUri"] == found["ImageUri"]


def test_a_gpu_has_an_image_and_instances_of_its_own(compile_definition: Compile) -> None:
    image = VARIABLES["IMAGE_URI"].replace("a" * 64, "c" * 64)
    definition = compile_definition(ACCELERATOR="gpu", TRAINING_IMAGE_URI=image)
    arguments = steps(definition)["train"]["Arguments"]

    assert defaults(definition)["TrainingImageUri"] == image
    assert defaults(definition)["TrainingInstanceType"] == "ml.g5.2xlarge"
    assert arguments["Environment"]["ACCELERATOR"] == "gpu"
    assert "VolumeKmsKeyId" not in arguments["ResourceConfig"]  # the instance's own disks have the instance's key


@pytest.mark.parametrize(
    ("variable", "parameter"), [("IMAGE_URI", "ImageUri"), ("INFERENCE_IMAGE_URI", "InferenceImageUri")]
)
def test_without_an_image_the_start_must_name_one(variable: str, parameter: str, compile_definition: Compile) -> None:
    assert defaults(compile_definition(**{variable: ""}))[parameter] is None


def test_another_inference_image_leaves_the_cached_steps_alone(
    compile_definition: Compile, variables: dict[str, str]
) -> None:
    other = variables["INFERENCE_IMAGE_URI"].replace("b" * 64, "c" * 64)
    one, two = compile_definition(), compile_definition(INFERENCE_IMAGE_URI=other)

    assert one["Steps"] == two["Steps"]
    assert not [name for name in CACHED if "InferenceImageUri" in json.dumps(steps(one)[name])]


def test_model_is_served_by_the_inference_image_and_trained_by_the_other(compile_definition: Compile) -> None:
    arguments = steps(compile_definition())["register"]["Arguments"]
    specification = arguments["InferenceSpecification"]
    (container,) = specification["Containers"]

    assert container == {
        "Image": {"Get": "Parameters.InferenceImageUri"},
        "ModelDataUrl": {"Get": "Steps.train.ModelArtifacts.S3ModelArtifacts"},
    }
    assert arguments["CustomerMetadataProperties"]["ImageUri"] == {"Get": "Parameters.ImageUri"}
    assert "ml.m5.large" in specification["SupportedRealtimeInferenceInstanceTypes"]
    formats = {"text/csv", "application/json", "application/jsonlines", "application/x-npy"}
    assert set(specification["SupportedContentTypes"]) == formats
    assert set(specification["SupportedResponseMIMETypes"]) == formats


def test_registered_hash_and_golden_predictions_are_those_of_the_measured_model(compile_definition: Compile) -> None:
    compiled = steps(compile_definition())
    told = compiled["register"]["Arguments"]["CustomerMetadataProperties"]
    written = {"Get": "Steps.evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}
    files = {each["PropertyFileName"]: each["FilePath"] for each in compiled["evaluate"]["PropertyFiles"]}

    assert told["GoldenPredictions"]["Std:Join"] == {"On": "/", "Values": [written, "golden.json"]}
    assert told["ModelSha256"]["Std:JsonGet"]["PropertyFile"] == {"Get": "Steps.evaluate.PropertyFiles.Model"}
    assert files == {"Evaluation": "evaluation.json", "Comparison": "comparison.json", "Model": "model.json"}


@pytest.mark.parametrize(
    ("problem_type", "path"),
    [
        ("binary_classification", "binary_classification_metrics.auc.value"),
        ("regression", "regression_metrics.r2.value"),
    ],
)
def test_gate_reads_the_metric_of_its_problem_type(problem_type: str, path: str, compile_definition: Compile) -> None:
    condition = steps(compile_definition(PROBLEM_TYPE=problem_type))["gate"]["Arguments"]["Conditions"][0]

    assert condition["Type"] == "GreaterThanOrEqualTo"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == path
    assert condition["RightValue"] == {"Get": "Parameters.GateThreshold"}


def test_the_approved_version_is_beaten_by_the_margin_or_there_is_none(compile_definition: Compile) -> None:
    _, either = steps(compile_definition())["gate"]["Arguments"]["Conditions"]
    none, better = either["Conditions"]

    assert [each["Type"] for each in (either, none, better)] == ["Or", "Equals", "GreaterThanOrEqualTo"]
    assert (none["LeftValue"]["Std:JsonGet"]["Path"], none["RightValue"]) == ("compared", 0)
    assert better["LeftValue"]["Std:JsonGet"]["Path"] == "improvement"
    assert better["RightValue"] == {"Get": "Parameters.ChampionMargin"}
    assert defaults(compile_definition())["ChampionMargin"] == 0


def test_each_training_instance_gets_a_share_of_the_train_set_and_all_of_the_others(
    compile_definition: Compile,
) -> None:
    compiled = steps(compile_definition())
    count = {"Get": "Parameters.TrainingInstanceCount"}
    arguments = compiled["train"]["Arguments"]
    shared = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3DataDistributionType"]
        for channel in arguments["InputDataConfig"]
    }

    assert arguments["ResourceConfig"]["InstanceCount"] == count
    assert count in compiled["process"]["Arguments"]["AppSpecification"]["ContainerArguments"][5]["Std:Join"]["Values"]
    assert shared == {"train": "ShardedByS3Key", "validation": "FullyReplicated", "metadata": "FullyReplicated"}
    assert defaults(compile_definition())["TrainingInstanceCount"] == 1


@pytest.fixture
def compile_tuned(compile_definition: Compile, monkeypatch: pytest.MonkeyPatch) -> Compile:
    """Compile the pipeline as it is with TUNING = SEARCH."""
    from pipelines.build.tabular import pipeline  # noqa: PLC0415  # only after the fixture set the Region

    monkeypatch.setattr(pipeline, "TUNING", pipeline.SEARCH)
    return compile_definition


def test_a_search_takes_the_place_of_the_training(compile_tuned: Compile) -> None:
    types = {name: step["Type"] for name, step in steps(compile_tuned()).items()}

    assert list(types) == ["process", "tune", "evaluate", "gate", "register", "gate-not-met"]
    assert types["tune"] == "Tuning"


def test_the_best_model_of_a_search_is_measured_and_registered(compile_tuned: Compile) -> None:
    compiled = steps(compile_tuned())
    root = compiled["tune"]["Arguments"]["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"]
    measured = compiled["evaluate"]["Arguments"]["ProcessingInputs"][1]["S3Input"]["S3Uri"]
    (registered,) = compiled["register"]["Arguments"]["InferenceSpecification"]["Containers"]
    *folder, job, file = measured["Std:Join"]["Values"]

    assert registered["ModelDataUrl"] == measured
    assert "/".join(folder) == root
    assert (job, file) == ({"Get": "Steps.tune.TrainingJobSummaries[0].TrainingJobName"}, "output/model.tar.gz")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("problem_type", "objective"),
    [
        ("binary_classification", {"Type": "Maximize", "MetricName": "validation:auc"}),
        ("regression", {"Type": "Minimize", "MetricName": "validation:rmse"}),
    ],
)
def test_a_search_improves_a_metric_that_training_prints(
    problem_type: str, objective: dict[str, str], algorithm: str, compile_tuned: Compile
) -> None:
    arguments = steps(compile_tuned(PROBLEM_TYPE=problem_type, ALGORITHM=algorithm))["tune"]["Arguments"]
    printed = arguments["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]

    assert arguments["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"] == objective
    assert objective["MetricName"] in [metric["Name"] for metric in printed]


def test_searched_and_fixed_hyperparameters_are_together_those_of_a_single_training(
    compile_tuned: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.build.tabular import pipeline  # noqa: PLC0415  # as above

    arguments = steps(compile_tuned())["tune"]["Arguments"]
    ranges = arguments["HyperParameterTuningJobConfig"]["ParameterRanges"].values()
    searched = {item["Name"] for group in ranges for item in group}
    fixed = arguments["TrainingJobDefinition"]["StaticHyperParameters"]
    monkeypatch.setattr(pipeline, "TUNING", None)
    single = steps(compile_tuned())["train"]["Arguments"]["HyperParameters"]

    assert searched == {"eta", "max_depth", "subsample"}
    assert not searched & set(fixed)
    assert {**single, **fixed} == single
    assert set(single) == searched | set(fixed)


@pytest.mark.parametrize("problem_type", ["binary_classification", "regression"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_s_image_takes_what_is_set_and_searched(
    algorithm: str, problem_type: str, compile_tuned: Compile, tmp_path: Path
) -> None:
    arguments = steps(compile_tuned(ALGORITHM=algorithm, PROBLEM_TYPE=problem_type))["tune"]["Arguments"]
    ranges = arguments["HyperParameterTuningJobConfig"]["ParameterRanges"].values()
    (tmp_path / "input" / "config").mkdir(parents=True)
    programs = {"PYTHONPATH": f"{TRAINING}{os.pathsep}{TRAINING / algorithm}"}
    for bound in ("MinValue", "MaxValue"):
        searched = {item["Name"]: item[bound] for group in ranges for item in group}
        given = arguments["TrainingJobDefinition"]["StaticHyperParameters"] | searched
        (tmp_path / "input" / "config" / "hyperparameters.json").write_text(json.dumps(given))
        subprocess.run([sys.executable, "-c", READ], cwd=tmp_path, env={**os.environ, **programs}, check=True)


def test_the_jobs_of_a_search_are_as_protected_as_a_single_one(
    compile_tuned: Compile, variables: dict[str, str]
) -> None:
    arguments = steps(compile_tuned())["tune"]["Arguments"]
    definition = arguments["TrainingJobDefinition"]

    assert definition["EnableNetworkIsolation"] is True
    assert definition["ResourceConfig"]["VolumeKmsKeyId"] == variables["KMS_KEY_ARN"]
    assert definition["OutputDataConfig"]["KmsKeyId"] == variables["KMS_KEY_ARN"]
    assert definition["StoppingCondition"]["MaxRuntimeInSeconds"] > 0
    assert {"Key": "sagemaker:project-id", "Value": variables["SAGEMAKER_PROJECT_ID"]} in arguments["Tags"]


def test_a_search_is_cached_and_its_models_lie_where_a_later_execution_finds_them(compile_tuned: Compile) -> None:
    tune = steps(compile_tuned())["tune"]

    assert tune["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P30D"}
    assert "Execution." not in json.dumps(tune["Arguments"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranges": {}}, "has no ranges"),
        ({"max_jobs": None}, "strategy Bayesian and max_jobs None"),
        ({"strategy": "Grid"}, "strategy Grid and max_jobs 12"),
        ({"strategy": "Grid", "max_jobs": None}, "eta, max_depth, subsample is another"),
        ({"parallel_jobs": 13}, "13 of 12 jobs"),
        ({"parallel_jobs": 0}, "0 of 12 jobs"),
    ],
    ids=str,
)
def test_a_search_that_sagemaker_would_refuse_is_refused_before(
    change: dict[str, Any], message: str, compile_definition: Compile
) -> None:
    from pipelines.build.tabular import pipeline  # noqa: PLC0415  # as above
    from pipelines.settings import SettingsError  # noqa: PLC0415  # as above

    with pytest.raises(SettingsError, match=message):
        dataclasses.replace(pipeline.SEARCH["xgboost"], **change)


def test_a_grid_takes_all_combinations(compile_tuned: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    from sagemaker.core.parameter import CategoricalParameter  # noqa: PLC0415  # as above

    from pipelines.build.tabular import pipeline  # noqa: PLC0415  # as above

    depths = {"max_depth": CategoricalParameter([3, 6])}
    grid = dataclasses.replace(pipeline.SEARCH["xgboost"], strategy="Grid", ranges=depths, max_jobs=None)
    monkeypatch.setattr(pipeline, "TUNING", {"xgboost": grid})
    config = steps(compile_tuned())["tune"]["Arguments"]["HyperParameterTuningJobConfig"]

    assert config["ResourceLimits"] == {"MaxParallelTrainingJobs": 2}
    assert config["ParameterRanges"]["CategoricalParameterRanges"] == [{"Name": "max_depth", "Values": ["3", "6"]}]


def test_the_champion_of_the_build_is_the_default(compile_definition: Compile) -> None:
    champion = "s3://bucket/leavers/train/model.tar.gz"
    one, other = compile_definition(), compile_definition(CHAMPION_URI=champion)

    assert defaults(one)["ChampionUri"].startswith("s3://sagemaker-project-p-0123456789ab/code/")
    assert defaults(other)["ChampionUri"] == champion
    assert one["Steps"] == other["Steps"]


def test_model_is_registered_with_its_origin(compile_definition: Compile) -> None:
    arguments = steps(compile_definition())["register"]["Arguments"]

    assert arguments["ModelApprovalStatus"] == {"Get": "Parameters.ModelApprovalStatus"}
    assert set(arguments["CustomerMetadataProperties"]) == {
        "GitCommit", "DataUri", "DataSha256", "ImageUri", "EvaluationReport", "PipelineExecutionArn",
        "ModelSha256", "GoldenPredictions", "ComparedWith",
    }  # fmt: skip
    assert defaults(compile_definition())["ModelApprovalStatus"] == "PendingManualApproval"
