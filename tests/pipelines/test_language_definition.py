"""The language pipeline's compiled definition: the base model, the images, and what trains on what."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import VARIABLES

Compile = Callable[..., dict[str, Any]]
BASE = "s3://models/base/small"


@pytest.fixture(scope="module")
def compiled() -> Iterator[Compile]:
    """Compile the pipeline offline for an accelerator, some of its constants changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", VARIABLES["AWS_REGION"])
        from pipelines import session  # noqa: PLC0415  # the SDK needs the Region when it is imported
        from pipelines.build.language import pipeline, settings  # noqa: PLC0415  # as above

        def compile_for(accelerator: str, **constants: Any) -> dict[str, Any]:
            trains = VARIABLES["IMAGE_URI"].replace("a" * 64, "c" * 64)
            chosen = {"ACCELERATOR": accelerator, "TRAINING_IMAGE_URI": trains, "BASE_MODEL_URI": BASE}
            project = settings.from_environment({**VARIABLES, **chosen})
            with pytest.MonkeyPatch.context() as edit:
                for name, value in constants.items():
                    edit.setattr(pipeline, name, value)
                made = pipeline.get_pipeline(project, session.ProjectSession(project))
                definition: dict[str, Any] = json.loads(made.definition())
            return definition

        yield compile_for


def step(definition: dict[str, Any], name: str) -> dict[str, Any]:
    arguments: dict[str, Any] = next(each for each in definition["Steps"] if each["Name"] == name)["Arguments"]
    return arguments


def default(definition: dict[str, Any], name: str) -> Any:
    return next(each for each in definition["Parameters"] if each["Name"] == name).get("DefaultValue")


def test_training_reads_the_base_model_and_nothing_else_does(compiled: Compile) -> None:
    definition = compiled("cpu")
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in step(definition, "train")["InputDataConfig"]
    }

    assert default(definition, "BaseModelUri") == BASE
    assert channels["base"] == {"Get": "Parameters.BaseModelUri"}
    assert channels.keys() == {"train", "validation", "metadata", "base"}
    assert "BaseModelUri" not in json.dumps([step(definition, name) for name in ("process", "evaluate")])


@pytest.mark.parametrize(
    ("accelerator", "instance", "precision"),
    [
        ("cpu", "ml.m5.large", "float32"),
        ("gpu", "ml.g5.2xlarge", "bfloat16"),
        ("trainium", "ml.trn2.48xlarge", "bfloat16"),
    ],
)
def test_an_accelerator_chooses_instance_image_and_precision(
    accelerator: str, instance: str, precision: str, compiled: Compile
) -> None:
    definition = compiled(accelerator)
    training = step(definition, "train")

    assert default(definition, "TrainingInstanceType") == instance
    assert training["AlgorithmSpecification"]["TrainingImage"] == {"Get": "Parameters.TrainingImageUri"}
    assert training["HyperParameters"]["precision"] == precision
    assert training["EnableNetworkIsolation"] is True


def test_the_gate_reads_what_the_evaluation_writes(compiled: Compile) -> None:
    (gate,) = (each for each in compiled("cpu")["Steps"] if each["Name"] == "gate")

    assert gate["Arguments"]["Conditions"][0]["LeftValue"]["Std:JsonGet"]["Path"] == (
        "text_generation_metrics.exact_match.value"
    )


def test_a_search_keeps_channels_and_network_isolation(compiled: Compile) -> None:
    from pipelines.build.language import pipeline  # noqa: PLC0415  # after the Region is set

    tuned = step(compiled("cpu", TUNING=pipeline.SEARCH), "tune")["TrainingJobDefinition"]

    assert {channel["ChannelName"] for channel in tuned["InputDataConfig"]} >= {"base", "train"}
    assert tuned["EnableNetworkIsolation"] is True


def test_a_build_without_a_base_model_is_told_so() -> None:
    from pipelines.build.language import settings  # noqa: PLC0415  # after conftest has set the path

    with pytest.raises(ValueError, match="BASE_MODEL_URI"):
        settings.from_environment({**VARIABLES, "ACCELERATOR": "cpu"})
