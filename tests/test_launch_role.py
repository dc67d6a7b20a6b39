"""The launch role makes whatever a product's template makes, and no more is passed or named than that."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from policies import ROOT, condition_keys, listed, load, name, render, resources, statements

from smproject import catalog
from smproject.publishing.wanted import PORTFOLIOS

LAUNCH = load(ROOT / "project_templates/launch-role/template.yaml")
PRODUCT = load(ROOT / "project_templates/product/template.yaml")
PRODUCTS = [each.path for each in catalog.templates() if each.is_product]
# Those whose stacks make a repository, with a seed in it.
SEEDED = [each.path for each in catalog.templates() if each.is_product and any(seed.parameter for seed in each.seeds)]
EVERY_PRODUCT = pytest.mark.parametrize("path", PRODUCTS, ids=name)
# The call that makes a resource, by type; a new type belongs here and into the launch role.
CREATES = {
    "AWS::CodeBuild::Project": "codebuild:CreateProject",
    "AWS::CodeCommit::Repository": "codecommit:CreateRepository",
    "AWS::CodePipeline::Pipeline": "codepipeline:CreatePipeline",
    "AWS::ECR::Repository": "ecr:CreateRepository",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::IAM::ManagedPolicy": "iam:CreatePolicy",
    "AWS::IAM::OIDCProvider": "iam:CreateOpenIDConnectProvider",
    "AWS::IAM::Policy": "iam:PutRolePolicy",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::KMS::Alias": "kms:CreateAlias",
    "AWS::KMS::Key": "kms:CreateKey",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::S3::Bucket": "s3:CreateBucket",
    "AWS::S3::BucketPolicy": "s3:PutBucketPolicy",
    "AWS::SageMaker::CodeRepository": "sagemaker:CreateCodeRepository",
    "AWS::SageMaker::ModelPackageGroup": "sagemaker:CreateModelPackageGroup",
    "AWS::SSM::Parameter": "ssm:PutParameter",
    "Custom::RepositoryCheckIn": "lambda:InvokeFunction",
}
# Calls for single properties: to set them, and to take them away in an update.
SETS = {
    "ModelPackageGroupPolicy": {"sagemaker:PutModelPackageGroupPolicy", "sagemaker:DeleteModelPackageGroupPolicy"},
    "RepositoryPolicyText": {"ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy"},
}
PROJECT = {"SageMakerProjectName": "churn", "SageMakerProjectId": "p-1"}


def allowed() -> set[str]:
    return {action for item in statements(LAUNCH) if item["Effect"] == "Allow" for action in listed(item["Action"])}


@EVERY_PRODUCT
def test_it_may_make_whatever_the_template_makes(path: Path) -> None:
    made = load(path)["Resources"].values()
    assert {CREATES[item["Type"]] for item in made} <= allowed()
    for item in made:
        for label in SETS.keys() & item["Properties"].keys():
            assert SETS[label] <= allowed()


@EVERY_PRODUCT
def test_it_may_pass_every_role_that_the_stack_gives_to_a_service(path: Path) -> None:
    trusted = {
        statement["Principal"]["Service"]
        for role in resources(load(path), "AWS::IAM::Role").values()
        for statement in statements(role["AssumeRolePolicyDocument"])
        if "Service" in statement["Principal"]
    }
    passing = [item["Condition"]["StringEquals"] for item in statements(LAUNCH) if item["Action"] == "iam:PassRole"]
    passed = {service for condition in passing for service in listed(condition["iam:PassedToService"])}
    # SageMaker is given its role by the build, and these by the stack that scores, not by the project's.
    later = {f"{service}.amazonaws.com" for service in ("sagemaker", "cloudformation", "scheduler")}
    assert passed >= trusted - later


@EVERY_PRODUCT
def test_its_names_cover_the_project_s_and_not_its_own(path: Path) -> None:
    for role in resources(load(path), "AWS::IAM::Role").values():
        names = role["RoleName"]["Fn::If"][1:] if "Fn::If" in role["RoleName"] else [role["RoleName"]]
        assert all(render(each, PROJECT).startswith("sagemaker-") for each in names)
    pattern = LAUNCH["Parameters"]["LaunchRoleName"]["AllowedPattern"]
    assert re.fullmatch(pattern, LAUNCH["Parameters"]["LaunchRoleName"]["Default"])
    assert not re.fullmatch(pattern, "sagemaker-launch")


@pytest.mark.parametrize("path", SEEDED, ids=name)
def test_the_seed_is_looked_up_where_its_stack_puts_it(path: Path) -> None:
    parameter = resources(LAUNCH, "AWS::SSM::Parameter")["CatalogLocationParameter"]
    assert load(path)["Parameters"]["RepositorySeedBucket"]["Default"] == parameter["Name"]


def test_it_cannot_move_the_place_where_seeds_are_looked_up() -> None:
    parameter = resources(LAUNCH, "AWS::SSM::Parameter")["CatalogLocationParameter"]["Name"]
    writes = [item for item in statements(LAUNCH) if "ssm:PutParameter" in listed(item["Action"])]
    patterns = {render(each, {}).partition(":parameter")[2] for item in writes for each in listed(item["Resource"])}
    assert patterns and not [pattern for pattern in patterns if fnmatchcase(parameter, pattern)]


def test_what_it_may_do_anywhere_is_searched_named_or_narrowed() -> None:
    for statement in statements(LAUNCH):
        if statement["Effect"] == "Allow" and statement.get("Resource") == "*":
            reads = all(re.match(r"\w+:(Describe|Get|List|Validate)", action) for action in listed(statement["Action"]))
            assert reads or condition_keys(statement), statement["Sid"]


def test_products_are_launched_by_a_role_of_its_name() -> None:
    names = [LAUNCH["Parameters"]["LaunchRoleName"], PRODUCT["Parameters"]["ProductLaunchRoleName"]]
    assert names[0]["Default"] == names[1]["Default"]
    constraint = resources(PRODUCT, "AWS::ServiceCatalog::LaunchRoleConstraint")["ProductLaunchConstraint"]
    assert constraint["LocalRoleName"]["Fn::If"][2] == {"Ref": "ProductLaunchRoleName"}


def test_publishing_names_launch_roles_that_the_accounts_have() -> None:
    names = {each["Default"] for key, each in LAUNCH["Parameters"].items() if key.endswith("RoleName")}
    assert {portfolio.launch_role for portfolio in PORTFOLIOS} == names


def test_cloudformation_takes_the_role_for_projects_from_s3_only() -> None:
    trust = resources(LAUNCH, "AWS::IAM::Role")["LaunchRole"]["AssumeRolePolicyDocument"]
    (statement,) = [each for each in trust["Statement"] if "cloudformation" in each["Principal"]["Service"]]
    assert render(statement["Condition"]["ArnLike"]["aws:SourceArn"], {}).endswith(":stack/SP-*")


def test_whoever_may_pass_the_role_may_make_stacks_with_no_other() -> None:
    found = {each["Sid"]: each for each in statements(resources(LAUNCH, "AWS::IAM::ManagedPolicy")["LaunchUserPolicy"])}
    role = {"Fn::GetAtt": ["LaunchRole", "Arn"]}
    assert found["PassLaunchRole"]["Resource"] == role
    assert found["MakeStacks"]["Condition"]["StringEquals"] == {"cloudformation:RoleArn": role}


def may_make(role: str) -> bool:
    """Whether administrators' products for accounts to deploy into may make a role of this name."""
    granted = statements(resources(LAUNCH, "AWS::IAM::ManagedPolicy")["LaunchTargetsPolicy"])
    (making,) = [each for each in granted if "iam:CreateRole" in listed(each["Action"])]
    patterns = [render(each, {}).partition(":role/")[2] for each in making["Resource"]]
    assert "iam:PassRole" not in {action for each in granted for action in listed(each["Action"])}
    return any(fnmatchcase(role, pattern) for pattern in patterns)


@pytest.mark.parametrize("template", ["batch-target", "target-account"])
def test_administrators_may_make_the_roles_that_let_a_project_in(template: str) -> None:
    given = dict.fromkeys(("SageMakerProjectId", "TargetDeployProjectId", "TargetModelProjectId"), "p-1")
    roles = resources(load(catalog.template(template).path), "AWS::IAM::Role").values()
    made = [render(role["RoleName"], given | {"BatchScopeOwner.Value": "p-2"}) for role in roles]
    assert len(made) > 3 and all(may_make(name) for name in made), made


def test_administrators_may_make_no_role_that_builds_or_launches() -> None:
    builds = resources(load(catalog.template("model-build").path), "AWS::IAM::Role").values()
    names = [render(role["RoleName"], PROJECT) for role in builds]
    names += [portfolio.launch_role for portfolio in PORTFOLIOS]
    assert not [name for name in names if may_make(name)]


def test_studio_shows_products_where_it_is_asked_to() -> None:
    product = resources(PRODUCT, "AWS::ServiceCatalog::CloudFormationProduct")["Product"]
    (tag,) = product["Tags"]
    assert tag["Fn::If"][:2] == ["IsProductInStudio", {"Key": "sagemaker:studio-visibility", "Value": "true"}]


@EVERY_PRODUCT
def test_the_product_s_parameters_take_the_template(path: Path) -> None:
    template = catalog.template(path.parent.name)
    patterns = {key: item.get("AllowedPattern", "") for key, item in PRODUCT["Parameters"].items()}
    assert re.fullmatch(patterns["ProductTemplateId"], template.id)
    assert re.fullmatch(patterns["ProductDescription"], template.description)
    assert len(template.description) <= PRODUCT["Parameters"]["ProductDescription"]["MaxLength"]
