"""The vision pipeline's compiled definition: what each accelerator changes, and what none does."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import VARIABLES

Compile = Callable[..., dict[str, Any]]
ACCELERATORS = ("cpu", "gpu", "trainium")


@pytest.fixture(scope="module")
def compiled() -> Iterator[Compile]:
    """Compile the pipeline offline for an accelerator, some of its constants changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", VARIABLES["AWS_REGION"])
        from pipelines import session  # noqa: PLC0415  # the SDK needs the Region when it is imported
        from pipelines.build.vision import pipeline, settings  # noqa: PLC0415  # as above

        def compile_for(accelerator: str, **constants: Any) -> dict[str, Any]:
            trains = VARIABLES["IMAGE_URI"].replace("a" * 64, "c" * 64)
            chosen = {"ACCELERATOR": accelerator, "TRAINING_IMAGE_URI": trains}
            project = settings.from_environment({**VARIABLES, **chosen})
            with pytest.MonkeyPatch.context() as edit:
                for name, value in constants.items():
                    edit.setattr(pipeline, name, value)
                made = pipeline.get_pipeline(project, session.ProjectSession(project))
                definition: dict[str, Any] = json.loads(made.definition())
            return definition

        yield compile_for


def training(definition: dict[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = next(step for step in definition["Steps"] if step["Name"] == "train")["Arguments"]
    return arguments


def default(definition: dict[str, Any], name: str) -> Any:
    return next(each for each in definition["Parameters"] if each["Name"] == name).get("DefaultValue")


@pytest.mark.parametrize(
    ("accelerator", "instance", "processes"),
    [("cpu", "ml.m5.large", 1), ("gpu", "ml.g5.2xlarge", 1), ("trainium", "ml.trn2.48xlarge", 64)],
)
def test_an_accelerator_chooses_instance_and_processes(
    accelerator: str, instance: str, processes: int, compiled: Compile
) -> None:
    definition = compiled(accelerator)
    environment = training(definition)["Environment"]

    assert default(definition, "TrainingInstanceType") == instance
    assert default(definition, "TrainingProcesses") == processes
    assert environment["ACCELERATOR"] == accelerator
    assert {"Get": "Parameters.TrainingProcesses"} in environment["PROCESSES_PER_HOST"]["Std:Join"]["Values"]


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_only_training_uses_the_image_of_the_accelerator(accelerator: str, compiled: Compile) -> None:
    definition = compiled(accelerator)
    images = {
        step["Name"]: (step["Arguments"].get("AppSpecification") or step["Arguments"]["AlgorithmSpecification"])
        for step in definition["Steps"]
        if step["Type"] in ("Processing", "Training")
    }

    assert images["train"]["TrainingImage"] == {"Get": "Parameters.TrainingImageUri"}
    assert {images[name]["ImageUri"]["Get"] for name in ("process", "evaluate")} == {"Parameters.ImageUri"}


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_data_is_encrypted_wherever_the_instance_lets_us_choose_the_key(accelerator: str, compiled: Compile) -> None:
    arguments = training(compiled(accelerator))

    assert arguments["OutputDataConfig"]["KmsKeyId"] == VARIABLES["KMS_KEY_ARN"]
    assert arguments["EnableNetworkIsolation"] is True
    # Instances with disks of their own refuse a key: theirs encrypts.
    assert ("VolumeKmsKeyId" in arguments["ResourceConfig"]) == (accelerator == "cpu")


def test_several_trainium_instances_talk_over_efa(compiled: Compile) -> None:
    environment = training(compiled("trainium"))["Environment"]

    assert (environment["FI_PROVIDER"], environment["FI_EFA_USE_DEVICE_RDMA"]) == ("efa", "1")


def test_checkpoints_lie_where_the_next_execution_looks_too(compiled: Compile) -> None:
    place = training(compiled("gpu"))["CheckpointConfig"]["S3Uri"]

    assert place == f"s3://{VARIABLES['ARTIFACT_BUCKET']}/leavers-p-0123456789ab-vision/checkpoints"


def test_capacity_that_is_not_there_is_waited_for(compiled: Compile) -> None:
    step = next(step for step in compiled("gpu")["Steps"] if step["Name"] == "train")

    assert any("SageMaker.CAPACITY_ERROR" in policy["ExceptionType"] for policy in step["RetryPolicies"])


def test_spot_is_a_word_away(compiled: Compile) -> None:
    arguments = training(compiled("gpu", SPOT=True))

    assert "EnableManagedSpotTraining" not in training(compiled("gpu"))
    assert arguments["EnableManagedSpotTraining"] is True
    limits = arguments["StoppingCondition"]
    assert limits["MaxWaitTimeInSeconds"] >= limits["MaxRuntimeInSeconds"]


def test_instances_can_be_kept_warm(compiled: Compile) -> None:
    kept = training(compiled("gpu", KEEP_ALIVE_SECONDS=600))["ResourceConfig"]

    assert kept["KeepAlivePeriodInSeconds"] == 600
    assert "KeepAlivePeriodInSeconds" not in training(compiled("gpu"))["ResourceConfig"]


def test_spot_instances_can_not_be_kept_warm(compiled: Compile) -> None:
    with pytest.raises(ValueError, match="SPOT and KEEP_ALIVE_SECONDS exclude each other"):
        compiled("gpu", SPOT=True, KEEP_ALIVE_SECONDS=600)
