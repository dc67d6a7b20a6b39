"""The compiled definition: what is cached, what is protected, what is recorded."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Compile = Callable[..., dict[str, Any]]
CACHED = ("process", "train", "evaluate")


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
    for script in (*pipeline.HERE.glob("*.py"), pipeline.HERE / "no_champion.md"):
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


def test_every_job_uses_the_one_image_given_at_the_start(compile_definition: Compile) -> None:
    compiled = steps(compile_definition())
    train = compiled["train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
    jobs = [compiled[name]["Arguments"]["AppSpecification"]["ImageUri"] for name in ("process", "evaluate")]

    assert [train, *jobs] == [{"Get": "Parameters.ImageUri"}] * 3


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
