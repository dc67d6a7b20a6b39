"""`smproject show`: what it tells is what the template says, read by cfn-lint's own reader."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from policies import TEMPLATES, listed, load, name, resources, walk

from smproject.cli import main


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.output


def shown(template: str) -> dict[str, Any]:
    code, output = run("show", template, "--output", "json")
    assert code == 0, output
    found: dict[str, Any] = json.loads(output)
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_parameters_resources_and_outputs_are_the_template_s(path: Path) -> None:
    content, seen = load(path), shown(path.parent.name)
    parameters = content.get("Parameters", {})
    assert [each["name"] for each in seen["parameters"]] == list(parameters)
    for each in seen["parameters"]:
        said = parameters[each["name"]]
        assert (each["type"], each["description"]) == (said["Type"], said["Description"])
        assert each["default"] == (str(said["Default"]) if "Default" in said else None)
        assert all(str(value) in each["allowed"] for value in said.get("AllowedValues", ()))
    assert {key: type_ for type_, keys in seen["resources"].items() for key in keys} == {
        key: each["Type"] for key, each in content["Resources"].items()
    }
    assert list(seen["outputs"]) == list(content["Outputs"])


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_rights_of_roles_are_what_their_own_policies_allow(path: Path) -> None:
    content = load(path)
    told = {role["id"]: role for role in shown(path.parent.name)["roles"]}
    assert list(told) == list(resources(content, "AWS::IAM::Role"))
    for key, role in resources(content, "AWS::IAM::Role").items():
        allowed = [each for each in walk(role.get("Policies", [])) if each.get("Effect") == "Allow"]
        own = {action for each in allowed for action in listed(each["Action"])}
        assert own <= {action for right in told[key]["rights"] for action in right["actions"]}
        services = [each["Principal"]["Service"] for each in walk(role) if "Service" in each.get("Principal", {})]
        assert {each for service in services for each in listed(service)} <= set(told[key]["assumed_by"])


def test_a_policy_of_its_own_counts_for_the_roles_that_it_names() -> None:
    role = next(role for role in shown("model-build")["roles"] if role["id"] == "ExecutionRole")
    assert "ReadData" in {right["name"] for right in role["rights"]}


def test_the_graph_of_the_pipeline_is_its_definition_s() -> None:
    (pipeline,) = shown("model-build")["pipelines"]
    after = {step["name"]: step["after"] for step in pipeline["steps"]}
    assert after["process"] == {}
    assert after["evaluate"] == {"process": "", "train": ""}
    assert after["register"]["gate"] == "if so"
    assert after["gate-not-met"]["gate"] == "if not"


def test_a_codepipeline_is_shown_stage_by_stage() -> None:
    code, output = run("show", "model-deploy")
    assert code == 0
    assert "Source (CodeCommit) > Render (CodeBuild) > Staging (CloudFormation, CodeBuild) > Approve (Manual)" in output


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_the_text_names_all_of_it(path: Path) -> None:
    code, output = run("show", path.parent.name)
    assert code == 0
    seen = shown(path.parent.name)
    named = [each["name"] for each in seen["parameters"]] + [each["id"] for each in seen["roles"]]
    assert [key for key in (*named, *seen["outputs"], *seen["resources"], *seen["seeds"]) if key not in output] == []


@pytest.mark.parametrize("command", ["show", "diagram"])
def test_an_unknown_template_is_refused_in_one_line(command: str) -> None:
    code, output = run(command, "no-such")
    assert code == 1
    assert output == "Error: There is no template 'no-such'. `smproject list` names them.\n"


def test_it_needs_no_extra_and_no_client_of_aws() -> None:
    program = (
        "import sys; from smproject.cli import main; main(['show', 'model-build'], standalone_mode=False); "
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stderr.split()) & {"boto3", "botocore", "cfnlint", "moto", "sagemaker"}
