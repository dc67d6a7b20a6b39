"""Settings are read whole or refused with all that is wrong."""

from pathlib import Path

import pytest

from pipelines.build.tabular import settings
from pipelines.variables import SettingsError

REQUIRED = [variable.name for variable in settings.VARIABLES.values() if variable.default is None]


def test_settings_take_each_value_from_its_variable(variables: dict[str, str]) -> None:
    project = settings.from_environment(variables)

    assert project.bucket == variables["ARTIFACT_BUCKET"]
    assert project.image_uri == variables["IMAGE_URI"]
    assert project.inference_image_uri == variables["INFERENCE_IMAGE_URI"]
    assert project.pipeline_name("tabular") == "leavers-p-0123456789ab-tabular"


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_variable_is_named_with_what_to_set(name: str, variables: dict[str, str]) -> None:
    del variables[name]

    with pytest.raises(SettingsError, match=f"{name} is not set. Set it to "):
        settings.from_environment(variables)


@pytest.mark.parametrize("name", [variable.name for variable in settings.VARIABLES.values()])
def test_ill_formed_value_is_shown(name: str, variables: dict[str, str]) -> None:
    variables[name] = " ?"

    with pytest.raises(SettingsError, match=rf"{name} is ' \?'. It must be "):
        settings.from_environment(variables)


def test_all_wrong_variables_are_told_at_once(variables: dict[str, str]) -> None:
    variables |= {"PROBLEM_TYPE": "ranking", "DATA_URI": "/tmp/data.csv"}  # noqa: S108  # a path, not a file we write

    with pytest.raises(SettingsError) as refused:
        settings.from_environment(variables)

    assert "PROBLEM_TYPE" in str(refused.value)
    assert "DATA_URI" in str(refused.value)


def test_scikit_learn_on_a_gpu_is_refused(variables: dict[str, str]) -> None:
    settings.from_environment({**variables, "ALGORITHM": "sklearn"})

    with pytest.raises(SettingsError, match="Set ACCELERATOR to cpu, or ALGORITHM to xgboost"):
        settings.from_environment({**variables, "ALGORITHM": "sklearn", "ACCELERATOR": "gpu"})


def test_region_is_known_by_its_other_name_too(variables: dict[str, str]) -> None:
    variables["AWS_DEFAULT_REGION"] = variables.pop("AWS_REGION")

    assert settings.from_environment(variables).region == "eu-west-1"


@pytest.mark.parametrize("name", ["IMAGE_URI", "INFERENCE_IMAGE_URI"])
def test_image_without_digest_is_refused(name: str, variables: dict[str, str]) -> None:
    variables[name] = f"{variables['IMAGE_REPOSITORY_URI']}:latest"

    with pytest.raises(SettingsError, match="ends in its digest"):
        settings.from_environment(variables)


def test_readme_and_settings_list_the_same_variables() -> None:
    readme = Path(__file__).resolve().parents[2] / "pipelines" / "build" / "tabular" / "README.md"

    missing = [each.name for each in settings.VARIABLES.values() if f"`{each.name}`" not in readme.read_text()]

    assert not missing
