"""The launch role makes whatever a product's template makes, and no more is passed or named than that."""

import re
from pathlib import Path

import pytest
from policies import ROOT, condition_keys, listed, load, name, render, resources, statements

from smproject import catalog

LAUNCH = load(ROOT / "project_templates/launch-role/template.yaml")
PRODUCT = load(ROOT / "project_templates/product/template.yaml")
PRODUCTS = [each.path for each in catalog.templates() if each.is_product]
EVERY_PRODUCT = pytest.mark.parametrize("path", PRODUCTS, ids=name)
# The call that makes a resource, by type; a new type belongs here and into the launch role.
CREATES = {
    "AWS::CodeBuild::Project": "codebuild:CreateProject",
    "AWS::CodeCommit::Repository": "codecommit:CreateRepository",
    "AWS::CodePipeline::Pipeline": "codepipeline:CreatePipeline",
    "AWS::ECR::Repository": "ecr:CreateRepository",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::IAM::Policy": "iam:PutRolePolicy",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::KMS::Alias": "kms:CreateAlias",
    "AWS::KMS::Key": "kms:CreateKey",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::S3::Bucket": "s3:CreateBucket",
    "AWS::S3::BucketPolicy": "s3:PutBucketPolicy",
    "AWS::SageMaker::CodeRepository": "sagemaker:CreateCodeRepository",
    "AWS::SageMaker::ModelPackageGroup": "sagemaker:CreateModelPackageGroup",
    "AWS::SSM::Parameter": "ssm:PutParameter",
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
    }
    passing = next(item for item in statements(LAUNCH) if item["Action"] == "iam:PassRole")
    # SageMaker is given its role by the build, not by the stack.
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) >= trusted - {"sagemaker.amazonaws.com"}


@EVERY_PRODUCT
def test_its_names_cover_the_project_s_and_not_its_own(path: Path) -> None:
    for role in resources(load(path), "AWS::IAM::Role").values():
        assert render(role["RoleName"], PROJECT).startswith("sagemaker-")
    pattern = LAUNCH["Parameters"]["LaunchRoleName"]["AllowedPattern"]
    assert re.fullmatch(pattern, LAUNCH["Parameters"]["LaunchRoleName"]["Default"])
    assert not re.fullmatch(pattern, "sagemaker-launch")


@EVERY_PRODUCT
def test_the_seed_is_looked_up_where_its_stack_puts_it(path: Path) -> None:
    parameter = resources(LAUNCH, "AWS::SSM::Parameter")["CatalogLocationParameter"]
    assert load(path)["Parameters"]["RepositorySeedBucket"]["Default"] == parameter["Name"]


def test_it_cannot_move_the_place_where_seeds_are_looked_up() -> None:
    parameter = resources(LAUNCH, "AWS::SSM::Parameter")["CatalogLocationParameter"]["Name"]
    writes = [item for item in statements(LAUNCH) if "ssm:PutParameter" in listed(item["Action"])]
    (pattern,) = {render(item["Resource"], {}).partition(":parameter")[2] for item in writes}
    assert pattern.endswith("/*") and not parameter.startswith(pattern[:-1])


def test_what_it_may_do_anywhere_is_searched_named_or_narrowed() -> None:
    for statement in statements(LAUNCH):
        if statement["Effect"] == "Allow" and statement.get("Resource") == "*":
            reads = all(re.match(r"\w+:(Get|List|Validate)", action) for action in listed(statement["Action"]))
            assert reads or condition_keys(statement), statement["Sid"]


def test_products_are_launched_by_a_role_of_its_name() -> None:
    names = [LAUNCH["Parameters"]["LaunchRoleName"], PRODUCT["Parameters"]["ProductLaunchRoleName"]]
    assert names[0]["Default"] == names[1]["Default"]
    constraint = resources(PRODUCT, "AWS::ServiceCatalog::LaunchRoleConstraint")["ProductLaunchConstraint"]
    assert constraint["LocalRoleName"] == {"Ref": "ProductLaunchRoleName"}


def test_studio_shows_products() -> None:
    product = resources(PRODUCT, "AWS::ServiceCatalog::CloudFormationProduct")["Product"]
    assert {"Key": "sagemaker:studio-visibility", "Value": "true"} in product["Tags"]


@EVERY_PRODUCT
def test_the_product_s_parameters_take_the_template(path: Path) -> None:
    template = catalog.template(path.parent.name)
    patterns = {key: item.get("AllowedPattern", "") for key, item in PRODUCT["Parameters"].items()}
    assert re.fullmatch(patterns["ProductTemplateId"], template.id)
    assert re.fullmatch(patterns["ProductDescription"], template.description)
    assert len(template.description) <= PRODUCT["Parameters"]["ProductDescription"]["MaxLength"]
