"""Stage files: what they may say, what they become in the endpoint's stack, and how their errors read."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy_service import VARIABLES

from pipelines.deploy.realtime import settings, stage
from pipelines.deploy.realtime.configuration import configuration
from pipelines.deploy.realtime.errors import DeployError

HERE = Path(stage.__file__).parent
ARN = "arn:aws:sagemaker:eu-west-1:222222222222:model-package/sagemaker-leavers-p-model/3"


class Loader(yaml.SafeLoader):
    """Reads CloudFormation: a short intrinsic function becomes its argument."""


Loader.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
    ),
)


def template() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((HERE / "endpoint.yaml").read_text(), Loader)  # noqa: S506  # a safe loader's child
    return found


def content(**changes: Any) -> dict[str, Any]:
    """The production file, some keys changed."""
    return {**yaml.safe_load((HERE / "stages" / "production.yml").read_text()), **changes}


def read(folder: Path, values: Any) -> stage.Stage:
    (folder / "production.yml").write_text(yaml.safe_dump(values))
    return stage.read_stage("production", folder)


def parameters(each: stage.Stage) -> dict[str, str]:
    return configuration(each, settings.for_render(VARIABLES), ARN)["Parameters"]


@pytest.mark.parametrize("name", stage.NAMES)
def test_the_files_of_this_repository_are_valid(name: str) -> None:
    assert stage.read_stage(name)


def test_production_survives_the_loss_of_an_instance() -> None:
    assert stage.read_stage("production").instance_count >= 2


@pytest.mark.parametrize("name", stage.NAMES)
def test_each_stage_sets_exactly_the_parameters_of_the_template_and_within_their_limits(name: str) -> None:
    declared, given = template()["Parameters"], parameters(stage.read_stage(name))

    assert set(given) == set(declared)
    for key, rules in declared.items():
        assert isinstance(given[key], str)
        if rules["Type"] == "Number":
            assert rules["MinValue"] <= int(given[key]) <= rules.get("MaxValue", 10**12), key
        if pattern := rules.get("AllowedPattern"):
            assert all(re.search(pattern, item) for item in given[key].split(",")), key
        assert given[key] in rules.get("AllowedValues", [given[key]])


def test_every_parameter_of_the_template_is_used_and_described() -> None:
    found = template()
    body = (HERE / "endpoint.yaml").read_text().partition("\nConditions:")[2]

    for name, rules in found["Parameters"].items():
        assert re.search(rf"(!Ref {name}\b|\${{{name}}})", body), f"{name} is declared and never used"
        assert rules["Description"]


def test_model_and_configuration_have_no_name_so_that_a_new_version_can_stand_beside_the_old() -> None:
    resources = template()["Resources"]

    assert "ModelName" not in resources["Model"]["Properties"]
    assert "EndpointConfigName" not in resources["EndpointConfig"]["Properties"]


def test_the_endpoint_is_rolled_back_by_alarms_that_exist_before_it() -> None:
    resources = template()["Resources"]
    alarms = resources["Endpoint"]["Properties"]["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]

    # `!Ref` makes CloudFormation create them first; a quiet endpoint must not look like a failing one.
    assert {resources[alarm["AlarmName"]]["Type"] for alarm in alarms} == {"AWS::CloudWatch::Alarm"}
    assert {resources[alarm["AlarmName"]]["Properties"]["TreatMissingData"] for alarm in alarms} == {"notBreaching"}


def test_settings_arrive_in_the_stack(tmp_path: Path) -> None:
    vpc = {"subnet_ids": ["subnet-0123456789abcdef0", "subnet-12345678"], "security_group_ids": ["sg-12345678"]}
    given = parameters(read(tmp_path, content(vpc=vpc, kms_key="alias/ours", instance_type="ml.c7i.2xlarge")))

    assert given["SubnetIds"] == "subnet-0123456789abcdef0,subnet-12345678"
    assert (given["KmsKeyId"], given["InstanceType"]) == ("alias/ours", "ml.c7i.2xlarge")
    assert (given["RolloutType"], given["RolloutPercent"]) == ("CANARY", "50")
    assert given["AlarmLatencyMicroseconds"] == "500000"
    assert int(given["RolloutTimeoutSeconds"]) > int(given["RolloutWaitSeconds"]) + int(given["RolloutBakeSeconds"])


def test_off_and_none_turn_off(tmp_path: Path) -> None:
    text = yaml.safe_dump(content(rollout={"type": "all_at_once", "bake_seconds": 60}))
    text = re.sub(r"autoscaling:(\n  .*)+", "autoscaling: off", text)
    (tmp_path / "production.yml").write_text(text)
    given = parameters(stage.read_stage("production", tmp_path))

    assert (given["AutoscalingMaxInstances"], given["SubnetIds"]) == ("0", "")
    assert given["KmsKeyId"] == "alias/sagemaker-p-model"


def test_tags_of_the_project_are_on_the_stack_and_cannot_be_replaced(tmp_path: Path) -> None:
    each = read(tmp_path, content(tags={"team": "growth"}))
    tags = configuration(each, settings.for_render(VARIABLES), ARN)["Tags"]

    assert tags == {"team": "growth", "sagemaker:project-name": "leavers", "sagemaker:project-id": "p-deploy"}
    with pytest.raises(DeployError, match=r"tags\.sagemaker:project-id is a reserved name"):
        read(tmp_path, content(tags={"sagemaker:project-id": "p-other"}))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"instance_cuont": 2}, r"instance_cuont: found 2, expected no such key"),
    "unknown key of a part": (
        {"rollout": {"type": "all_at_once", "bake_seconds": 0, "canary": 5}},
        r"rollout\.canary: found 5, expected no such key",
    ),
    "text for a number": ({"instance_count": "2"}, r"instance_count: found '2', expected a valid integer"),
    "number out of range": (
        {"data_capture_percent": 101},
        r"data_capture_percent: found 101, expected less than or equal to 100",
    ),
    "part for a value": ({"alarms": 3}, r"alarms: found 3, expected keys and values"),
    "instance with a local disk": ({"instance_type": "ml.m5d.large"}, r"instance_type: found 'ml\.m5d\.large', expe"),
    "kind of rollout": (
        {"rollout": {"type": "shadow"}},
        r"rollout: found .*, expected a type of 'all_at_once', 'canary', 'linear'",
    ),
    "canary over half the fleet": (
        {"rollout": {"type": "canary", "step_percent": 80, "wait_seconds": 1, "bake_seconds": 1}},
        r"rollout\.step_percent: found 80, expected less than or equal to 50",
    ),
    "vpc without subnets": (
        {"vpc": {"subnet_ids": [], "security_group_ids": ["sg-12345678"]}},
        r"vpc\.subnet_ids: found .*expected 1 to 16 items",
    ),
    "a roll-out of ten hours": (
        {"rollout": {"type": "linear", "step_percent": 10, "wait_seconds": 3600, "bake_seconds": 3600}},
        r"rollout waits 36000 seconds in all; at most 25200",
    ),
    "steps with one instance": ({"instance_count": 1, "autoscaling": False}, r"rollout\.type canary needs"),
    "instances out of the scaling": ({"instance_count": 9}, r"instance_count 9 is not within autoscaling"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_value_is_told_with_file_key_found_and_expected(what: str, tmp_path: Path) -> None:
    changes, told = WRONG[what]

    with pytest.raises(DeployError, match=rf"production\.yml: {told}"):
        read(tmp_path, content(**changes))


def test_every_wrong_key_is_told_at_once(tmp_path: Path) -> None:
    values = content(instance_count=0, data_capture_percent=-1, extra=1)
    del values["alarms"]

    with pytest.raises(DeployError) as refused:
        read(tmp_path, values)

    told = str(refused.value)
    assert len(told.splitlines()) == 4
    assert all(key in told for key in ("instance_count", "data_capture_percent", "extra", "alarms: found nothing"))


@pytest.mark.parametrize("text", ["", "- a list", "instance_count: [1", "just text"])
def test_a_file_that_is_no_mapping_is_told_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "production.yml").write_text(text)

    with pytest.raises(DeployError, match=r"production\.yml"):
        stage.read_stage("production", tmp_path)


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"There is no .*staging\.yml"):
        stage.read_stage("staging", tmp_path)


def test_the_readme_names_every_setting_of_a_stage() -> None:
    root = Path(__file__).resolve().parents[2]
    readme = (root / "pipelines" / "deploy" / "README.md").read_text()

    assert [name for name in stage.Stage.model_fields if f"`{name}`" not in readme] == []


def test_the_readme_names_every_variable_of_the_builds() -> None:
    root = Path(__file__).resolve().parents[2]
    readme = (root / "pipelines" / "deploy" / "README.md").read_text()
    known = {each.name for each in (*settings.RENDER.values(), *settings.TEST.values())}

    assert [name for name in sorted(known) if f"`{name}`" not in readme] == []
