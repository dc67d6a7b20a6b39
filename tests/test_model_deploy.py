"""What the deploy templates, their code and the accounts that they deploy into expect of one another."""

import importlib
import json
import re
from typing import Any

import pytest
import yaml
from deployed import REGION, Deployed
from policies import ROOT, listed

from smproject import catalog
from smproject.seeds import seed_files

DEVELOPMENT, STAGING, PRODUCTION = "2" * 12, "3" * 12, "4" * 12
PROJECT = {"SageMakerProjectName": "release", "SageMakerProjectId": "p-dep"}
ACCOUNTS = {"TargetsStagingAccountId": STAGING, "TargetsProductionAccountId": PRODUCTION}
SOURCE = {
    "ModelSourceProjectId": "p-mod",
    "ModelSourceGroupName": "sagemaker-churn-p-mod",
    "ModelSourceKeyArn": f"arn:aws:kms:{REGION}:{DEVELOPMENT}:key/models",
}
GIVEN = Deployed("model-deploy", DEVELOPMENT, **PROJECT, **ACCOUNTS, **SOURCE)
OWN = Deployed("model-build-deploy", DEVELOPMENT, **PROJECT, **ACCOUNTS)
EVERY_TEMPLATE = pytest.mark.parametrize("stack", [GIVEN, OWN], ids=["model-deploy", "model-build-deploy"])
STAGES = [("Staging", STAGING), ("Production", PRODUCTION)]
EVERY_STAGE = pytest.mark.parametrize(("name", "account"), STAGES)


def stage(stack: Deployed, name: str) -> dict[str, Any]:
    pipeline = stack.resources("AWS::CodePipeline::Pipeline")["ModelDeployPipeline"]
    (found,) = (each for each in pipeline["Stages"] if each["Name"] == name)
    return dict(found)


def action(stack: Deployed, stage_name: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in stage(stack, stage_name)["Actions"] if each["Name"] == name)
    return dict(found)


def granted(stack: Deployed, role: str, wanted: str) -> set[str]:
    """ARNs on which a role may do something."""
    found = (each for each in stack.granted(f"sagemaker-p-dep-{role}") if wanted in listed(each["Action"]))
    return {arn for each in found for arn in listed(each["Resource"])}


@EVERY_TEMPLATE
def test_production_comes_after_staging_its_test_and_a_person(stack: Deployed) -> None:
    pipeline = stack.resources("AWS::CodePipeline::Pipeline")["ModelDeployPipeline"]
    assert [each["Name"] for each in pipeline["Stages"]] == ["Source", "Render", "Staging", "Approve", "Production"]
    for name, _ in STAGES:
        order = sorted(stage(stack, name)["Actions"], key=lambda each: each["RunOrder"])
        assert [(each["Name"], each["RunOrder"]) for each in order] == [("Deploy", 1), ("Test", 2)]
    assert action(stack, "Approve", "Approve")["ActionTypeId"]["Provider"] == "Manual"


@EVERY_TEMPLATE
@pytest.mark.parametrize("name", ["Staging", "Approve", "Production"])
def test_nothing_to_deploy_skips_the_stage(stack: Deployed, name: str) -> None:
    (condition,) = stage(stack, name)["BeforeEntry"]["Conditions"]
    (rule,) = condition["Rules"]
    assert condition["Result"] == "SKIP"
    assert (rule["RuleTypeId"]["Provider"], rule["Configuration"]) == (
        "VariableCheck",
        {"Variable": "#{Render.DEPLOY}", "Value": "yes", "Operator": "EQ"},
    )


@EVERY_TEMPLATE
@EVERY_STAGE
def test_a_failed_stage_rolls_back(stack: Deployed, name: str, account: str) -> None:
    assert stage(stack, name)["OnFailure"] == {"Result": "ROLLBACK"}


@EVERY_TEMPLATE
@EVERY_STAGE
def test_a_stage_is_deployed_by_roles_of_its_own_account(stack: Deployed, name: str, account: str) -> None:
    deploy = action(stack, name, "Deploy")
    model_project = stack.resources("AWS::SSM::Parameter")["ModelSourceProject"]["Value"]
    assert deploy["RoleArn"] == f"arn:aws:iam::{account}:role/sagemaker-p-dep-deploy"
    assert deploy["RoleArn"] in granted(stack, "model-deploy", "sts:AssumeRole")
    assert deploy["Configuration"] == {
        "ActionMode": "CREATE_UPDATE",
        "StackName": f"sagemaker-{model_project}-endpoint",
        "TemplatePath": "Render::endpoint.yaml",
        "TemplateConfiguration": f"Render::{name.lower()}.json",
        "RoleArn": f"arn:aws:iam::{account}:role/sagemaker-{model_project}-cloudformation",
    }


@EVERY_TEMPLATE
@EVERY_STAGE
def test_a_test_is_told_its_stage_and_acts_by_that_account_s_role(stack: Deployed, name: str, account: str) -> None:
    test = action(stack, name, "Test")
    assert json.loads(test["Configuration"]["EnvironmentVariables"]) == [{"name": "STAGE", "value": name.lower()}]
    assert f"arn:aws:iam::{account}:role/sagemaker-p-dep-test" in granted(stack, "deploy-test", "sts:AssumeRole")


@EVERY_TEMPLATE
def test_whoever_approves_is_shown_model_metrics_test_and_report(stack: Deployed) -> None:
    shown = action(stack, "Approve", "Approve")["Configuration"]
    wanted = {"Render.MODEL_PACKAGE_ARN", "Render.MODEL_SUMMARY", "StagingTest.TEST_RESULT"}
    assert set(re.findall(r"#\{([\w.]+)\}", shown["CustomData"])) == wanted
    assert shown["ExternalEntityLink"] == "#{Render.REPORT_URL}"


@EVERY_TEMPLATE
def test_variables_that_the_pipeline_reads_are_exported_by_the_builds(stack: Deployed) -> None:
    pipeline = stack.resources("AWS::CodePipeline::Pipeline")["ModelDeployPipeline"]
    exported = {"variables": {each["Name"] for each in pipeline["Variables"]}}
    for namespace, file in {"Render": "render", "StagingTest": "test", "ProductionTest": "test"}.items():
        buildspec = yaml.safe_load((ROOT / f"buildspecs/deploy_{file}.yml").read_text())
        exported[namespace] = set(buildspec["env"]["exported-variables"])
    read = re.findall(r"#\{(\w+)\.(\w+)\}", json.dumps(pipeline))
    assert read
    assert [name for namespace, name in read if name not in exported[namespace]] == []


@EVERY_TEMPLATE
def test_only_an_approved_version_of_the_group_starts_it_and_by_its_exact_arn(stack: Deployed) -> None:
    rule = stack.resources("AWS::Events::Rule")["ModelDeployTriggerApproval"]
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "account": [DEVELOPMENT],
        "detail": {
            "ModelPackageGroupName": [stack.outputs()["ModelDeployModelPackageGroupName"]],
            "ModelApprovalStatus": ["Approved"],
        },
    }
    given = rule["Targets"][0]["InputTransformer"]
    filled = given["InputTemplate"].replace("<arn>", '"an ARN"')
    assert given["InputPathsMap"] == {"arn": "$.detail.ModelPackageArn"}
    assert json.loads(filled) == {"variables": [{"name": "ModelPackageArn", "value": "an ARN"}]}


@EVERY_TEMPLATE
def test_a_push_starts_it_with_the_defaults(stack: Deployed) -> None:
    rule = stack.resources("AWS::Events::Rule")["ModelDeployTriggerPush"]
    assert rule["EventPattern"]["detail"]["referenceName"] == ["main"]
    assert "InputTransformer" not in rule["Targets"][0] and "Input" not in rule["Targets"][0]
    pipeline = stack.resources("AWS::CodePipeline::Pipeline")["ModelDeployPipeline"]
    assert {each["Name"]: each["DefaultValue"] for each in pipeline["Variables"]} == {
        "ModelPackageArn": "none",
        "Redeploy": "no",
    }
    assert action(stack, "Source", "Source")["Configuration"]["PollForSourceChanges"] == "false"


@EVERY_TEMPLATE
def test_rules_start_the_pipeline_by_a_role_that_both_may_use(stack: Deployed) -> None:
    rules = stack.resources("AWS::Events::Rule")
    trusted = stack.resources("AWS::IAM::Role")["ModelDeployTriggerRole"]["AssumeRolePolicyDocument"]["Statement"][0]
    arns = {f"arn:aws:events:{REGION}:{DEVELOPMENT}:rule/{rules[f'ModelDeployTrigger{each}']['Name']}"
            for each in ("Approval", "Push")}  # fmt: skip
    assert set(trusted["Condition"]["ArnLike"]["aws:SourceArn"]) == arns
    started = {rules[f"ModelDeployTrigger{each}"]["Targets"][0]["Arn"] for each in ("Approval", "Push")}
    assert started == granted(stack, "model-deploy-trigger", "codepipeline:StartPipelineExecution")
    assert started == {f"arn:aws:codepipeline:{REGION}:{DEVELOPMENT}:sagemaker-release-p-dep-model-deploy"}


@EVERY_TEMPLATE
@pytest.mark.parametrize(("build", "settings"), [("ModelDeployRender", "RENDER"), ("ModelDeployTest", "TEST")])
def test_the_builds_get_every_setting_that_the_code_requires(
    stack: Deployed, build: str, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT)
    variables = getattr(importlib.import_module("pipelines.deploy.realtime.settings"), settings).values()
    project = stack.resources("AWS::CodeBuild::Project")[build]
    given = {item["Name"]: item["Value"] for item in project["Environment"]["EnvironmentVariables"]}
    # CodeBuild sets the Region and the artifact's folder, the pipeline's actions the rest.
    elsewhere = {"AWS_REGION", "CODEBUILD_SRC_DIR_Render", "STAGE"}
    for each in variables:
        if each.default is None and each.name not in elsewhere:
            assert re.fullmatch(each.pattern, given[each.name]), each.name


@EVERY_TEMPLATE
def test_the_render_reads_what_the_models_project_has_and_writes_nothing_there(stack: Deployed) -> None:
    outputs = stack.outputs()
    models = f"arn:aws:s3:::{outputs['ModelDeployModelBucketName']}/"
    reads = {arn.removeprefix(models) for arn in granted(stack, "deploy-render", "s3:GetObject") if "*/" in arn}
    assert reads == {"*/evaluation/*.json", "*/output/model.tar.gz"}
    assert granted(stack, "deploy-render", "s3:PutObject") == {
        f"arn:aws:s3:::{outputs['ArtifactBucketName']}/sagemaker-*"
    }
    assert outputs["ModelDeployModelKeyArn"] in granted(stack, "deploy-render", "kms:Decrypt")
    group = outputs["ModelDeployModelPackageGroupName"]
    assert {arn.split("/")[1] for arn in granted(stack, "deploy-render", "sagemaker:DescribeModelPackage")} == {group}
    changes = {each for item in stack.granted("sagemaker-p-dep-deploy-render") for each in listed(item["Action"])
               if re.match(r"sagemaker:(Create|Update|Delete)", each)}  # fmt: skip
    assert changes == set()


@EVERY_TEMPLATE
def test_the_test_reports_where_codebuild_puts_the_buildspec_s_reports(stack: Deployed) -> None:
    buildspec = yaml.safe_load((ROOT / "buildspecs/deploy_test.yml").read_text())
    project = stack.resources("AWS::CodeBuild::Project")["ModelDeployTest"]["Name"]
    account = f"arn:aws:codebuild:{REGION}:{DEVELOPMENT}:report-group"
    assert granted(stack, "deploy-test", "codebuild:CreateReport") == {
        f"{account}/{project}-{group}" for group in buildspec["reports"]
    }


@EVERY_TEMPLATE
def test_logs_of_the_builds_may_be_encrypted(stack: Deployed) -> None:
    groups = {each["LogGroupName"] for each in stack.resources("AWS::Logs::LogGroup").values()}
    key = stack.resources("AWS::KMS::Key")["ArtifactsKey"]["KeyPolicy"]["Statement"]
    logs = next(each for each in key if each["Sid"] == "LogsOfBuilds")["Condition"]["ArnEquals"]
    (arns,) = logs.values()
    assert groups <= {arn.partition(":log-group:")[2] for arn in arns}


@pytest.mark.parametrize("template", [each.id for each in catalog.templates() if each.is_product])
@pytest.mark.parametrize(
    ("staging", "production", "told"),
    [
        (STAGING, "", "no production account"),
        ("", PRODUCTION, "no staging account"),
    ],
)
def test_one_account_of_two_is_refused(template: str, staging: str, production: str, told: str) -> None:
    accounts = {"TargetsStagingAccountId": staging, "TargetsProductionAccountId": production}
    assert told in " ".join(Deployed(template, DEVELOPMENT, **accounts).refused())


def test_one_account_for_both_leaves_staging_out() -> None:
    accounts = dict.fromkeys(ACCOUNTS, DEVELOPMENT)
    for template in ("model-deploy", "model-build-deploy"):
        stack = Deployed(template, DEVELOPMENT, **accounts)
        assert stack.refused() == []
        stages = stack.resources("AWS::CodePipeline::Pipeline")["ModelDeployPipeline"]["Stages"]
        assert [each["Name"] for each in stages] == ["Source", "Render", "Approve", "Production"]
        assert "StagingTest" not in str(stages)


def test_a_project_that_scores_in_its_own_account_is_given_none() -> None:
    accounts = dict.fromkeys(ACCOUNTS, DEVELOPMENT)
    assert len(Deployed("batch", DEVELOPMENT, **accounts).refused()) == 1
    assert Deployed("batch", DEVELOPMENT).refused() == []


def test_a_deployment_needs_accounts_and_a_build_does_not() -> None:
    assert Deployed("model-build", DEVELOPMENT).refused() == []
    for template in ("model-deploy", "model-build-deploy"):
        assert len(Deployed(template, DEVELOPMENT).refused()) == 2
        assert Deployed(template, DEVELOPMENT, **ACCOUNTS).refused() == []


def test_the_two_sources_of_models_define_the_same() -> None:
    own, given = (set(stack.resources("AWS::SSM::Parameter")) for stack in (OWN, GIVEN))
    assert own == given == {f"ModelSource{each}" for each in ("Account", "Group", "Key", "Project")}


def test_both_together_are_the_two_templates_and_nothing_else() -> None:
    build, deploy, both = (
        set(catalog.template(each).fragments) for each in ("model-build", "model-deploy", "model-build-deploy")
    )
    assert both == (build | deploy) - {"model-source-given", "model-source-lent"} | {
        "model-source-own",
        "model-source-here",
    }


def test_each_file_of_both_halves_is_in_the_half_that_it_belongs_to() -> None:
    build, deploy, both = (
        set(seed_files(*catalog.find_seed(each)))
        for each in ("model-build-tabular", "model-deploy", "model-build-deploy")
    )
    assert both == build | deploy
    assert not {name for name in deploy if re.search("/(build|tabular|training|inference)", name)}
    assert not {name for name in build if "deploy" in name}


@pytest.mark.parametrize("template", ["model-deploy", "model-build-deploy"])
def test_the_builds_run_files_that_the_seed_carries(template: str) -> None:
    stack = Deployed(template, DEVELOPMENT)
    (seed,) = catalog.template(template).seeds
    carried = seed_files(catalog.template(template), seed)
    projects = stack.resources("AWS::CodeBuild::Project").values()
    assert {project["Source"]["BuildSpec"] for project in projects} <= carried.keys()
