"""Every product of the catalogue: made from Service Catalog and from S3, updated from an older version, and removed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from products import Deployed, FileProject, Made, ProductProject, Provisioned
from publishing import ACCOUNTS, HUB, ROOT, SMPROJECT, Hub, hub
from studio import network, person

from smproject import catalog
from smproject.assemble import assemble
from smproject.catalog import ADMIN, PROJECTS
from smproject.looking import reading
from smproject.publish import publish, publish_to_s3
from smproject.publishing.service_catalog import choices
from smproject.share import share

DEVELOPMENT, STAGING = ACCOUNTS["development"], ACCOUNTS["staging"]
MODELS = {
    "ModelSourceGroupName": "sagemaker-models",
    "ModelSourceProjectId": "p-models",
    "ModelSourceKeyArn": f"arn:aws:kms:us-east-1:{DEVELOPMENT}:key/11111111-2222-3333-4444-555555555555",
}
TARGETS = {f"Targets{stage.title()}AccountId": ACCOUNTS[stage] for stage in ("staging", "production")}
LEARNT = {"ModelBuildDataBucket": "data", "ModelBuildDataKey": "a.csv", "ModelBuildTargetColumn": "left"}
BASE = {"BaseModelBucket": "data", "BaseModelKey": "base"}
# Of projects, each is given those that its template demands.
GIVEN = MODELS | TARGETS | LEARNT | BASE | {"BuildRepository": "team@1/churn@2", "BuildIdentityProviderIsNew": "false"}


def endpoint_of(project: str, models: str) -> dict[str, str]:
    """Return what an account is told of a project that deploys an endpoint, as `smproject connect` tells it."""
    return {
        "TargetDevelopmentAccountId": DEVELOPMENT,
        "TargetDeployProjectId": project,
        "TargetDeployBucketName": f"sagemaker-project-{project}-{DEVELOPMENT}",
        "TargetDeployKeyArn": MODELS["ModelSourceKeyArn"],
        "TargetModelProjectId": models,
        "TargetModelPackageGroupName": f"sagemaker-churn-{models}",
        "TargetModelBucketName": f"sagemaker-project-{models}-{DEVELOPMENT}",
        "TargetModelKeyArn": MODELS["ModelSourceKeyArn"],
    }


def scoring_of(project: str, models: str) -> dict[str, str]:
    """Return what an account is told of a project that scores there, as `smproject connect` tells it."""
    return {
        "BatchScopeAccountId": DEVELOPMENT,
        "BatchDeployBucketName": f"sagemaker-project-{project}-{DEVELOPMENT}",
        "BatchDeployKeyArn": MODELS["ModelSourceKeyArn"],
        "ModelSourceGroupName": f"sagemaker-churn-{models}",
        "ModelSourceKeyArn": MODELS["ModelSourceKeyArn"],
        "ModelSourceProjectId": models,
        "SageMakerProjectId": project,
        "SageMakerProjectName": "scores",
    }


# Each lets in a project of its own: names in the account come from the project's id.
LET_IN = {"batch-target": scoring_of, "target-account": endpoint_of}
# What outlives an administrators' product on purpose, as its page says; what projects leave, `smproject destroy` takes.
OUTLIVES = {
    "batch-target": {"BatchDataBucket", "BatchDataKey"},
    "publishing": {"PublishingRepository", "PublishingArtifactsBucket", "PublishingKey"},
    "studio-domain": {"StudioKey"},
    "target-account": {"TargetDataBucket", "TargetDataKey"},
}
# Whose account gets a product, if not the one in which people develop.
PLACES = {"batch-target": "staging", "publishing": HUB, "target-account": "staging"}
OLD, NEW = "0.0.1", "0.0.2"
WAYS = {
    PROJECTS: {"catalogue": ProductProject, "file": FileProject},
    ADMIN: {"catalogue": Provisioned, "file": Deployed},
}
# A profile needs a domain: that of the same way, which is made before it and removed after it.
PRODUCTS = sorted((each for each in catalog.templates() if each.portfolio), key=lambda each: each.id == "user-profile")
CASES = [(each, way) for each in PRODUCTS for way in ("catalogue", "file")]


class Edition:
    """This repository as it is, under another version."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "project_templates", root / "project_templates")
        for part in ("buildspecs", "containers", "pipelines", "seedcode", "tests"):
            (root / part).symlink_to(ROOT / part)
        (root / "smproject").mkdir()

    def publish(self, engineer: Hub, version: str) -> None:
        """Publish it under a version, into Service Catalog and S3."""
        (self.root / "smproject/VERSION").write_text(version)
        for each in catalog.templates(self.root):
            each.path.write_text(assemble(each))
        chosen = choices(admin_principal="arn:aws:iam:::role/*")
        publish(engineer.session, None, engineer.tell, self.root, chosen)
        publish_to_s3(engineer.session, engineer.tell, root=self.root)


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def edition(engineer: Hub, tmp_path_factory: pytest.TempPathFactory) -> Edition:
    made = Edition(tmp_path_factory.mktemp("edition"))
    made.publish(engineer, OLD)
    for account in (DEVELOPMENT, STAGING):
        share(engineer.session, account, "OrganizationAccountAccessRole", engineer.tell, made.root)
    return made


@pytest.fixture(scope="module")
def made(engineer: Hub, edition: Edition) -> dict[tuple[str, str], Made]:
    """Each product as the older version makes it, in both ways; the newer version is published then."""
    every: dict[tuple[str, str], Made] = {}
    for template, way in CASES:
        parameters = given(engineer, template.id, way, every)
        profile = PLACES.get(template.id, "development")
        one = WAYS[template.portfolio][way](engineer, template.id, f"{template.id}-{way}", parameters, profile)
        one.create()
        every[template.id, way] = one
    for one in every.values():
        one.created = one.settle()
    edition.publish(engineer, NEW)
    return every


def given(engineer: Hub, template: str, way: str, every: dict[tuple[str, str], Made]) -> dict[str, str]:
    """Return the parameters that a product must be given."""
    if template == "user-profile":
        domain = every["studio-domain", way]
        assert domain.settle() == "Completed"
        return person(domain.output("StudioDomainId"))
    if template == "studio-domain":
        return {"StudioDomainName": f"lab-{way}", **network(engineer.sandbox)}
    if template == "publishing":
        return {"PublishingName": way, "PublishingRepositoryName": f"publishing-{way}"}
    if template == "model-build-tooling":
        return {"BuildForAccountId": ACCOUNTS["production"], "BuildForProjectId": f"p-{way}"}
    if template in LET_IN:
        kind, _, _ = template.partition("-")
        return LET_IN[template](f"p-{kind}-{way}", f"p-models-{way}")
    content = reading.read(catalog.template(template).path)
    demanded = {name for name, each in content.get("Parameters", {}).items() if "Default" not in each}
    # These have a default, which a rule of the templates that deploy endpoints refuses.
    demanded |= TARGETS.keys() if "ModelDeployTestNeedsTargets" in content.get("Rules", {}) else set()
    # Somebody has to build; an account has one provider of a host's identities, for all projects.
    demanded |= {"BuildRepository", "BuildIdentityProviderIsNew"} & content.get("Parameters", {}).keys()
    return {name: value for name, value in GIVEN.items() if name in demanded}


def each_case(cases: list[tuple[catalog.Template, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [(each.id, way) for each, way in cases], ids="-from-".join)


@each_case(CASES)
def test_it_is_made_by_the_version_that_was_published_then(
    made: dict[tuple[str, str], Made], case: tuple[str, str]
) -> None:
    assert made[case].created.endswith("Completed"), made[case].created
    assert (made[case].output("TemplateId"), made[case].output("TemplateVersion")) == (case[0], OLD)


def test_what_lets_a_project_in_goes_with_the_project_and_leaves_no_product(engineer: Hub, edition: Edition) -> None:
    one = Provisioned(engineer, "target-account", "let-in", endpoint_of("p-gone", "p-gone"), "staging")
    one.create()
    assert one.settle() == "Completed"
    command = [SMPROJECT, "destroy", "--project", "p-gone", "--yes", "p-gone", "--profile", "staging"]
    done = subprocess.run(
        command, env=engineer.sandbox.environment("staging"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = one.client("servicecatalog").search_provisioned_products()["ProvisionedProducts"]
    assert one.record["ProvisionedProductId"] not in {each["Id"] for each in found}
    with pytest.raises(ClientError, match="404"):
        one.client("s3").head_bucket(Bucket=f"sagemaker-project-p-gone-{STAGING}")


@each_case(CASES)
def test_it_is_updated_to_the_newest_version(made: dict[tuple[str, str], Made], case: tuple[str, str]) -> None:
    one = made[case]
    one.update()
    assert one.settle().endswith("Completed")
    assert one.output("TemplateVersion") == NEW


@each_case(CASES[::-1])
def test_it_is_removed_without_leftovers(made: dict[tuple[str, str], Made], case: tuple[str, str]) -> None:
    one = made[case]
    stack = one.described()
    assert one.remove() == ""
    [gone] = one.client("cloudformation").describe_stacks(StackName=stack["StackId"])["Stacks"]
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    assert leftovers(one, stack) == []


def leftovers(one: Made, stack: dict[str, Any]) -> list[str]:
    """Return what the account still has of a stack's resources; keys wait for their deletion."""
    listed = one.client("cloudformation").list_stack_resources(StackName=stack["StackId"])["StackResourceSummaries"]
    kept = [each for each in listed if each["ResourceStatus"] != "DELETE_COMPLETE"]
    expected = OUTLIVES.get(one.template, set())
    there = [each for each in kept if each["LogicalResourceId"] not in expected and _is_there(one, each)]
    return [f"{each['LogicalResourceId']}: {each['PhysicalResourceId']}" for each in there]


def _is_there(one: Made, resource: dict[str, Any]) -> bool:
    """Tell whether a resource that the stack left alone is still there."""
    name, kind = resource["PhysicalResourceId"], resource["ResourceType"]
    looks: dict[str, Any] = {
        "AWS::S3::Bucket": lambda: one.client("s3").head_bucket(Bucket=name),
        "AWS::CodeCommit::Repository": lambda: one.client("codecommit").get_repository(repositoryName=name),
        "AWS::ECR::Repository": lambda: one.client("ecr").describe_repositories(repositoryNames=[name]),
        "AWS::Logs::LogGroup": lambda: one.client("logs").describe_log_streams(logGroupName=name),
        "AWS::SageMaker::ModelPackageGroup": lambda: one.client("sagemaker").describe_model_package_group(
            ModelPackageGroupName=name
        ),
    }
    if kind == "AWS::KMS::Key":
        return str(one.client("kms").describe_key(KeyId=name)["KeyMetadata"]["KeyState"]) != "PendingDeletion"
    try:
        looks[kind]()
    except ClientError:
        return False
    return True
