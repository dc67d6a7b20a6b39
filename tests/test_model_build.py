"""What the model-build template and its seed's code expect of one another."""

import importlib
import re
from typing import Any

import pytest
from deployed import Deployed
from policies import ROOT, listed, load, render, resources, statements

from smproject import catalog

TEMPLATE = load(ROOT / "project_templates/model-build/template.yaml")
# Templates that build models, and the modules whose settings their builds read.
BUILDS = {
    "model-build": "tabular",
    "model-build-deploy": "tabular",
    "model-build-language": "language",
    "model-build-pytorch": "vision",
}
PROJECT = {"SageMakerProjectName": "churn", "SageMakerProjectId": "p-1", "ArtifactBucket.Arn": "arn:bucket"}
PROJECT |= {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "1" * 12}


def granted(logical_id: str, action: str) -> list[str]:
    """Resources on which a role of the template may do something, policies attached to it included."""
    attached = [
        item for item in resources(TEMPLATE, "AWS::IAM::Policy").values() if {"Ref": logical_id} in item["Roles"]
    ]
    own = resources(TEMPLATE, "AWS::IAM::Role")[logical_id]["Policies"]
    return [
        render(resource.get("Fn::If", [None, resource])[1], PROJECT)
        for statement in statements([own, attached])
        if statement["Effect"] == "Allow" and action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]


def build_of(template: str) -> dict[str, Any]:
    """The CodeBuild project that builds a template's models."""
    found: dict[str, Any] = resources(load(catalog.template(template).path), "AWS::CodeBuild::Project")["BuildProject"]
    return found


@pytest.mark.parametrize(("template", "use_case"), BUILDS.items())
def test_the_build_gets_every_setting_that_the_code_requires(
    template: str, use_case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    variables = importlib.import_module(f"pipelines.build.{use_case}.settings").VARIABLES
    given = {item["Name"] for item in build_of(template)["Environment"]["EnvironmentVariables"]}
    # CodeBuild itself sets the Region.
    required = {each.name for each in variables.values() if each.default is None} - {"AWS_REGION"}
    assert given == required


@pytest.mark.parametrize("template", BUILDS)
def test_the_build_runs_a_file_that_the_seed_carries(template: str) -> None:
    (seed,) = catalog.template(template).seeds
    assert build_of(template)["Source"]["BuildSpec"] in seed.parts


@pytest.mark.parametrize("template", ["model-build", "model-build-deploy"])
def test_scikit_learn_on_a_gpu_is_refused_by_the_template_and_each_alone_is_not(template: str) -> None:
    both, sklearn, gpu = (
        Deployed(template, "1" * 12, **chosen).refused()
        for chosen in ({"Algorithm": "sklearn", "Accelerator": "gpu"}, {"Algorithm": "sklearn"}, {"Accelerator": "gpu"})
    )
    assert set(both) - set(sklearn) == {"scikit-learn trains on CPUs. Set Accelerator to cpu, or Algorithm to xgboost."}
    assert sklearn == gpu


def test_a_push_to_the_branch_starts_the_pipeline_and_polling_does_not() -> None:
    rule = resources(TEMPLATE, "AWS::Events::Rule")["ModelBuildTrigger"]
    assert rule["EventPattern"] == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [{"Fn::GetAtt": ["Repository", "Arn"]}],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": [{"Ref": "RepositoryBranch"}],
        },
    }
    pipelines = Deployed("model-build", "1" * 12).resources("AWS::CodePipeline::Pipeline")
    source = pipelines["ModelBuildPipeline"]["Stages"][0]["Actions"][0]
    assert source["Configuration"] | {"RepositoryName": ""} == {
        "RepositoryName": "",
        "BranchName": "main",
        "PollForSourceChanges": "false",
    }


def test_jobs_read_code_but_never_write_it_nor_the_pipeline_s_sources() -> None:
    assert granted("ExecutionRole", "s3:PutObject") == ["arn:bucket/churn-p-1-*"]
    assert "arn:bucket/code/*" in granted("ExecutionRole", "s3:GetObject")
    assert granted("BuildRole", "s3:PutObject") == ["arn:bucket/sagemaker-*", "arn:bucket/code/*"]


def test_models_are_registered_in_the_project_s_own_groups_only() -> None:
    account = "arn:aws:sagemaker:us-east-1:111111111111"
    assert set(granted("ExecutionRole", "sagemaker:CreateModelPackage")) == {
        "${ModelRegistryGroup.ModelPackageGroupArn}",
        f"{account}:model-package/sagemaker-churn-p-1/*",
        "${DevelopmentRegistryGroup.ModelPackageGroupArn}",
        f"{account}:model-package/sagemaker-p-1-development/*",
    }


def test_the_build_runs_pipelines_of_the_names_that_the_code_gives_them() -> None:
    (pattern,) = granted("BuildRole", "sagemaker:StartPipelineExecution")
    assert pattern.endswith(":pipeline/churn-p-1-*")
    assert 'f"{self.project_name}-{self.project_id}-{use_case}"' in (ROOT / "pipelines/settings.py").read_text()


def test_the_execution_role_passes_itself_alone() -> None:
    (passed,) = granted("ExecutionRole", "iam:PassRole")
    role = render(resources(TEMPLATE, "AWS::IAM::Role")["ExecutionRole"]["RoleName"], PROJECT)
    assert passed == f"arn:aws:iam::111111111111:role/{role}"


def test_the_execution_role_runs_tuning_jobs_of_its_own_project_only() -> None:
    role = resources(TEMPLATE, "AWS::IAM::Role")["ExecutionRole"]
    conditions = {
        action: statement.get("Condition", {}).get("StringEquals")
        for statement in statements(role["Policies"])
        for action in listed(statement["Action"])
        if "hyper-parameter-tuning-job/" in render(listed(statement["Resource"])[0], PROJECT)
    }
    own = {"Ref": "SageMakerProjectId"}
    tagged = {"aws:ResourceTag/sagemaker:project-id": own}
    assert conditions == {
        "sagemaker:CreateHyperParameterTuningJob": {"aws:RequestTag/sagemaker:project-id": own},
        "sagemaker:AddTags": {"sagemaker:TaggingAction": "CreateHyperParameterTuningJob"},
        "sagemaker:DescribeHyperParameterTuningJob": tagged,
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob": tagged,
        "sagemaker:StopHyperParameterTuningJob": tagged,
    }


def test_a_key_of_data_can_t_widen_the_policy() -> None:
    pattern = TEMPLATE["Parameters"]["ModelBuildDataKey"]["AllowedPattern"]
    for good in ("churn.csv", "data/year=2026/churn.csv", "data"):
        assert re.fullmatch(pattern, good)
    for bad in ("*", "data/*", "data?", "${aws:username}", "/data", "data/", "a//b", ""):
        assert not re.fullmatch(pattern, bad), bad
