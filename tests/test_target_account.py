"""What lets a project deploy into another account: each grant has its two sides, and no side has more.

Across accounts, a call needs both: a policy of whoever asks, and a policy of what is asked for.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-cross-account.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import cfnlint.decode.cfn_yaml
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from deployed import REGION, Deployed
from policies import ROOT, listed, statements

from smproject.connect import OUTPUTS

DEVELOPMENT, STAGING, PRODUCTION = "2" * 12, "3" * 12, "4" * 12
ACCOUNTS = {"TargetsStagingAccountId": STAGING, "TargetsProductionAccountId": PRODUCTION}
BUILD = {"SageMakerProjectName": "churn", "SageMakerProjectId": "p-mod", **ACCOUNTS}
DEPLOY = {"SageMakerProjectName": "release", "SageMakerProjectId": "p-dep", **ACCOUNTS}
# Where a resource keeps who may use it from elsewhere.
RESOURCE_POLICIES = {
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::IAM::Role": "AssumeRolePolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupPolicy",
}
# What the types' handlers list and these stacks have no use for: schedules, Lambda, roles that are passed, predictions.
UNUSED = {
    "application-autoscaling:PutScheduledAction",
    "application-autoscaling:DeleteScheduledAction",
    "cloudwatch:GetMetricData",
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:PutProvisionedConcurrencyConfig",
}


@dataclass(frozen=True)
class Grant:
    """One action that one role may do with what a pattern of ARNs names."""

    role: str
    action: str
    resource: str

    @property
    def sample(self) -> str:
        """One of the ARNs that the pattern means."""
        return self.resource.replace("*", "x")

    def meets(self, others: set["Grant"]) -> bool:
        """Whether another side says the same: of two patterns, either may be the narrower."""
        same = [each for each in others if (each.role, each.action) == (self.role, self.action)]
        return any(fnmatchcase(self.sample, each.resource) or fnmatchcase(each.sample, self.resource) for each in same)


def target(account: str, project: Deployed) -> Deployed:
    """The target's stack, with the parameters that `smproject connect` gives it."""
    outputs = project.outputs()
    given = {name: outputs[output] for name, output in OUTPUTS.items()}
    own = {"TargetDevelopmentAccountId": DEVELOPMENT, "TargetDeployProjectId": project.values["SageMakerProjectId"]}
    return Deployed("target-account", account, **own, **given)


def one_project() -> list[Deployed]:
    return [Deployed("model-build-deploy", DEVELOPMENT, **BUILD)]


def two_projects() -> list[Deployed]:
    build = Deployed("model-build", DEVELOPMENT, **BUILD)
    source = build.outputs()
    given = {
        "ModelSourceProjectId": "p-mod",
        "ModelSourceGroupName": source["ModelRegistryGroupName"],
        "ModelSourceKeyArn": source["ArtifactsKeyArn"],
    }
    # Its key is another than the first project's.
    deploy = Deployed("model-deploy", DEVELOPMENT, **DEPLOY, **given)
    return [build, deploy]


EVERY_WAY = pytest.mark.parametrize("projects", [one_project, two_projects])


def of_resources(stack: Deployed) -> Iterator[Grant]:
    """What the policies of a stack's resources grant to roles of other accounts."""
    for type_, label in RESOURCE_POLICIES.items():
        for key, properties in stack.resources(type_).items():
            for statement in statements(properties.get(label, {})):
                roles = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:PrincipalArn", [])
                for resource in listed(statement.get("Resource", "*")):
                    arn = own_arn(stack, type_, key) if resource == "*" else resource
                    for role in listed(roles):
                        yield from (Grant(role, action, arn) for action in listed(statement["Action"]))


def own_arn(stack: Deployed, type_: str, key: str) -> str:
    return str(stack.resolve({"Fn::GetAtt": [key, "Arn"]}))


def of_roles(stack: Deployed, others: list[Deployed]) -> Iterator[Grant]:
    """What the roles of a stack may do with what belongs to the accounts of other stacks."""
    foreign = {other.account for other in others} - {stack.account}
    for properties in stack.resources("AWS::IAM::Role").values():
        role = f"arn:aws:iam::{stack.account}:role/{properties['RoleName']}"
        for statement in stack.granted(properties["RoleName"]):
            for resource in listed(statement["Resource"]):
                # A bucket's ARN has no account, its name has.
                if any(account in resource for account in foreign):
                    yield from (Grant(role, action, resource) for action in listed(statement["Action"]))


@EVERY_WAY
def test_each_grant_across_accounts_has_its_two_sides(projects: Any) -> None:
    development = projects()
    targets = [target(account, development[-1]) for account in (STAGING, PRODUCTION)]
    everything = [*development, *targets]
    roles = {f"arn:aws:iam::{stack.account}:role/{name}" for stack in everything for name in names(stack)}
    given = {grant for stack in everything for grant in of_resources(stack) if grant.role in roles}
    asked = {grant for stack in development for grant in of_roles(stack, targets)}
    asked |= {grant for stack in targets for grant in of_roles(stack, development)}
    assert {grant.action for grant in asked} >= {"sts:AssumeRole", "s3:GetObject", "kms:Decrypt", "ecr:BatchGetImage"}
    # Two projects: p-mod's bucket has no deployments, p-dep's no models, and no role is there to ask for them.
    unmet = {grant for grant in given if not grant.meets(asked)}
    assert {(grant.role[-12:], grant.action) for grant in unmet} == set()
    assert {grant for grant in asked if not grant.meets(given)} == set()


def names(stack: Deployed) -> list[str]:
    return [properties["RoleName"] for properties in stack.resources("AWS::IAM::Role").values()]


@EVERY_WAY
def test_a_project_lets_in_only_roles_of_its_own_id_in_its_two_accounts(projects: Any) -> None:
    for stack in projects():
        own = stack.values["SageMakerProjectId"]
        roles = {grant.role for grant in of_resources(stack)}
        parts = {
            re.fullmatch(rf"arn:aws:iam::({STAGING}|{PRODUCTION}):role/sagemaker-{own}-([a-z-]+)", r) for r in roles
        }
        assert None not in parts
        known = {"deploy", "endpoint", "cloudformation", "batch", "batch-cloudformation"}
        assert {part[2] for part in parts if part} <= known


@pytest.mark.parametrize("template", ["model-build", "model-build-deploy"])
def test_without_targets_nobody_from_elsewhere_is_let_in(template: str) -> None:
    stack = Deployed(template, DEVELOPMENT, SageMakerProjectName="churn", SageMakerProjectId="p-mod")
    assert list(of_resources(stack)) == []
    group = stack.resources("AWS::SageMaker::ModelPackageGroup")["ModelRegistryGroup"]
    assert "ModelPackageGroupPolicy" not in group


def test_the_group_s_policy_names_other_accounts_than_its_own() -> None:
    (stack,) = one_project()
    group = stack.resources("AWS::SageMaker::ModelPackageGroup")["ModelRegistryGroup"]
    principals = {p for item in statements(group["ModelPackageGroupPolicy"]) for p in item["Principal"]["AWS"]}
    assert principals == {f"arn:aws:iam::{account}:root" for account in (STAGING, PRODUCTION)}


@pytest.mark.parametrize(
    ("role", "trusted"), [("deploy", f"{DEVELOPMENT}:role/sagemaker-p-dep-model-deploy"),
                          ("test", f"{DEVELOPMENT}:role/sagemaker-p-dep-deploy-test")]
)  # fmt: skip
def test_a_role_of_the_target_trusts_one_role_that_the_project_has(role: str, trusted: str) -> None:
    project = two_projects()[-1]
    stack = target(STAGING, project)
    found = {item["RoleName"]: item for item in stack.resources("AWS::IAM::Role").values()}[f"sagemaker-p-dep-{role}"]
    (statement,) = statements(found["AssumeRolePolicyDocument"])
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{DEVELOPMENT}:root"}
    assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{trusted}"}}
    assert trusted.rpartition("/")[2] in names(project)


def test_cloudformation_acts_for_the_endpoint_s_stack_alone() -> None:
    stack = target(STAGING, two_projects()[-1])
    role = stack.resources("AWS::IAM::Role")["TargetCloudformationRole"]
    (statement,) = statements(role["AssumeRolePolicyDocument"])
    arn = f"arn:aws:cloudformation:{REGION}:{STAGING}:stack/sagemaker-p-mod-endpoint/*"
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": STAGING},
        "ArnLike": {"aws:SourceArn": arn},
    }
    deploys = {
        resource
        for item in stack.granted("sagemaker-p-dep-deploy")
        for resource in listed(item["Resource"])
        if "cloudformation:UpdateStack" in listed(item["Action"])
    }
    assert deploys == {arn}


def test_each_role_is_passed_to_the_service_that_it_trusts() -> None:
    stack = target(STAGING, two_projects()[-1])
    passed = {
        item["Resource"].rpartition("/")[2]: item["Condition"]["StringEquals"]["iam:PassedToService"]
        for name in names(stack)
        for item in stack.granted(name)
        if "iam:PassRole" in listed(item["Action"])
    }
    trusted = {
        role["RoleName"]: statement["Principal"].get("Service")
        for role in stack.resources("AWS::IAM::Role").values()
        for statement in statements(role["AssumeRolePolicyDocument"])
    }
    assert passed == {name: service for name, service in trusted.items() if service}


def test_the_test_role_may_invoke_one_endpoint_and_nothing_else() -> None:
    (statement,) = target(STAGING, two_projects()[-1]).granted("sagemaker-p-dep-test")
    assert statement["Resource"] == f"arn:aws:sagemaker:{REGION}:{STAGING}:endpoint/sagemaker-churn-p-mod"
    assert statement["Action"] == "sagemaker:InvokeEndpoint"


def test_the_endpoint_reads_models_and_writes_captured_data_only() -> None:
    stack = target(STAGING, two_projects()[-1])
    objects = {
        (action, resource)
        for item in stack.granted("sagemaker-p-mod-endpoint")
        for action in listed(item["Action"])
        for resource in listed(item["Resource"])
        if action.startswith("s3:")
    }
    assert objects == {
        ("s3:GetObject", f"arn:aws:s3:::sagemaker-project-p-mod-{DEVELOPMENT}/*/output/model.tar.gz"),
        ("s3:PutObject", f"arn:aws:s3:::sagemaker-project-p-mod-{STAGING}/data-capture/*"),
    }


def test_what_cloudformation_names_itself_is_narrowed_by_the_project_s_tag() -> None:
    for statement in target(STAGING, two_projects()[-1]).granted("sagemaker-p-mod-cloudformation"):
        if any(re.search(r":(model|endpoint-config)/\*$", arn) for arn in listed(statement["Resource"])):
            ((key, value),) = statement["Condition"]["StringEquals"].items()
            assert key in ("aws:RequestTag/sagemaker:project-id", "aws:ResourceTag/sagemaker:project-id")
            assert value == "p-dep"


def test_cloudformation_may_do_what_the_endpoint_s_types_need() -> None:
    template = cfnlint.decode.cfn_yaml.load(str(ROOT / "pipelines/deploy/realtime/endpoint.yaml"))
    types = {str(item["Type"]) for item in template["Resources"].values()}
    needed = {
        permission
        for type_ in types
        for verb, handler in PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema["handlers"].items()
        if verb != "list"
        for permission in handler["permissions"]
    }
    granted = target(STAGING, two_projects()[-1]).granted("sagemaker-p-mod-cloudformation")
    allowed = {action for statement in granted for action in listed(statement["Action"])}
    assert needed - UNUSED - allowed == set()


def test_the_longest_names_fit() -> None:
    name, model, deploy = "n" * 32, "m" * 20, "d" * 20
    endpoint = f"sagemaker-{name}-{model}"
    assert len(endpoint) <= 63
    assert len(f"sagemaker-{model}-endpoint") <= 128, "stack"
    parameters = Deployed("target-account", STAGING).template["Parameters"]
    assert re.fullmatch(parameters["TargetModelPackageGroupName"]["AllowedPattern"], endpoint)
    longest = Deployed("target-account", STAGING, TargetDeployProjectId=deploy, TargetModelProjectId=model)
    assert all(len(each) <= 64 for each in names(longest))
    bucket = longest.resources("AWS::S3::Bucket")["TargetDataBucket"]["BucketName"]
    assert len(bucket) <= 63 and re.fullmatch(parameters["TargetModelBucketName"]["AllowedPattern"], bucket)


def test_everything_carries_the_project_s_tag() -> None:
    stack = Deployed("target-account", STAGING, TargetModelProjectId="p-mod")
    untagged = {"AWS::IAM::Policy", "AWS::KMS::Alias", "AWS::S3::BucketPolicy"}
    for type_ in {item["Type"] for item in stack.template["Resources"].values()} - untagged:
        for properties in stack.resources(type_).values():
            assert {"Key": "sagemaker:project-id", "Value": "p-mod"} in properties["Tags"]
