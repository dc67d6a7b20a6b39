"""Rules that every template obeys, whatever it makes."""

import re
from pathlib import Path
from typing import Any

import pytest
from policies import (
    FRAGMENTS,
    TEMPLATES,
    condition_keys,
    listed,
    load,
    name,
    render,
    resources,
    statements,
    walk,
)

EVERY_TEMPLATE = pytest.mark.parametrize("path", TEMPLATES, ids=name)
EVERY_FRAGMENT = pytest.mark.parametrize("path", FRAGMENTS, ids=name)
PROJECT_TEMPLATES = [path for path in TEMPLATES if "SageMakerProjectId" in load(path)["Parameters"]]
EVERY_PROJECT = pytest.mark.parametrize("path", PROJECT_TEMPLATES, ids=name)
# Templates whose text the tool hands to CloudFormation; projects' are read from the catalogue's bucket.
EVERY_DIRECT = pytest.mark.parametrize("path", [path for path in TEMPLATES if path not in PROJECT_TEMPLATES], ids=name)

FUNCTIONS = {
    "Ref",
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::Join",
    "Fn::If",
    "Fn::Equals",
    "Fn::Not",
    "Fn::And",
    "Fn::Or",
    "Condition",
}
# CloudFormation gives these no tags.
WITHOUT_TAGS = {"AWS::S3::BucketPolicy", "AWS::KMS::Alias", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"}
# A name's property and its greatest length, by type.
NAME_LIMITS = {
    "AWS::CodeBuild::Project": ("Name", 150),
    "AWS::CodeCommit::Repository": ("RepositoryName", 100),
    "AWS::CodePipeline::Pipeline": ("Name", 100),
    "AWS::ECR::Repository": ("RepositoryName", 256),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", 128),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Lambda::Function": ("FunctionName", 64),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::S3::Bucket": ("BucketName", 63),
    "AWS::SageMaker::CodeRepository": ("CodeRepositoryName", 63),
    "AWS::SageMaker::Domain": ("DomainName", 63),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupName", 63),
    "AWS::SageMaker::UserProfile": ("UserProfileName", 63),
    "AWS::SSM::Parameter": ("Name", 1011),
}
LONGEST = {
    "SageMakerProjectName": "n" * 32,
    "SageMakerProjectId": "i" * 20,
    "BuildForProjectId": "i" * 20,
    "ModelSourceProject.Value": "i" * 20,
    "AWS::AccountId": "1" * 12,
    "AWS::Region": "ap-southeast-1",
    "LaunchAdminRoleName": "L" * 64,
    "LaunchRoleName": "L" * 64,
    "LaunchUserPolicyName": "P" * 128,
    "PublishingName": "p" * 20,
    "PublishingRepositoryName": "r" * 100,
    "StudioDomain": "d-" + "i" * 12,
    "StudioDomainName": "n" * 32,
    "BatchScopeOwner.Value": "i" * 20,
    "TargetDeployProjectId": "d" * 20,
    "TargetModelProjectId": "m" * 20,
    "UserProfileName": "u" * 63,
}


def subject(fragment: str) -> str:
    """What a fragment is about: those that stand for one another differ in their last word, and define the same."""
    return re.sub("-(own|given|here|lent|batch|tables|images|language|workflow|tooling)$", "", fragment)


def camel(kebab: str) -> str:
    return "".join(part.capitalize() for part in kebab.split("-"))


@EVERY_TEMPLATE
def test_every_parameter_is_described_and_constrained(path: Path) -> None:
    for key, parameter in load(path)["Parameters"].items():
        assert parameter.get("Description", "").endswith("."), key
        constraints = {"AllowedPattern", "AllowedValues", "MinValue"} & set(parameter)
        assert constraints or "AWS::" in parameter["Type"], key


@EVERY_TEMPLATE
def test_a_parameter_that_may_stay_empty_has_a_default(path: Path) -> None:
    """A form asks for every parameter that has none, and takes no empty answer."""
    needed = [each for each in load(path)["Parameters"].values() if "Default" not in each]
    assert [each for each in needed if re.fullmatch(each.get("AllowedPattern", ".+"), "")] == []


@EVERY_TEMPLATE
def test_every_parameter_is_used(path: Path) -> None:
    body = {key: value for key, value in load(path).items() if key not in ("Parameters", "Metadata")}
    used = {item["Ref"] for item in walk(body) if "Ref" in item}
    used |= {match for item in walk(body) if "Fn::Sub" in item for match in re.findall(r"\$\{(\w+)\}", item["Fn::Sub"])}
    assert set(load(path)["Parameters"]) <= used


@EVERY_TEMPLATE
def test_every_output_is_described(path: Path) -> None:
    assert all(output.get("Description", "").endswith(".") for output in load(path)["Outputs"].values())


@EVERY_TEMPLATE
def test_only_plain_functions_are_used(path: Path) -> None:
    for item in walk(load(path)):
        assert {key for key in item if key.startswith("Fn::")} <= FUNCTIONS
        if "Fn::Sub" in item:
            assert isinstance(item["Fn::Sub"], str)


@EVERY_FRAGMENT
def test_what_a_fragment_defines_begins_with_its_name(path: Path) -> None:
    content = load(path)
    exempt = {"SageMakerProjectName", "SageMakerProjectId", "ArtifactBucket", "ArtifactBucketName"}
    for section in ("Parameters", "Rules", "Resources", "Outputs"):
        for key in set(content.get(section, {})) - exempt:
            assert key.startswith(camel(subject(path.stem))), f"{section}.{key}"
    for key in content.get("Conditions", {}):
        assert re.match(r"(Has|Is)[A-Z]", key)


@EVERY_TEMPLATE
def test_no_statement_allows_every_action_of_a_service(path: Path) -> None:
    for statement in statements(load(path)):
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                assert not re.search(r"(^|:)\*$", action), statement.get("Sid")


@EVERY_FRAGMENT
def test_every_bare_wildcard_is_explained_in_its_statement(path: Path) -> None:
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.search(r"(Resource|Principal|AWS): \"\*\"", line):
            start = max(i for i in range(number) if "- Sid:" in lines[i])
            assert any("#" in each for each in lines[start - 1 : number]), f"{path.name}:{number + 1}"


@EVERY_TEMPLATE
def test_roles_are_passed_to_named_services_only(path: Path) -> None:
    for statement in statements(load(path)):
        if statement["Effect"] == "Allow" and "iam:PassRole" in listed(statement["Action"]):
            services = statement["Condition"]["StringEquals"]["iam:PassedToService"]
            assert all(service.endswith(".amazonaws.com") for service in listed(services))
            assert "*" not in listed(statement["Resource"])


@EVERY_TEMPLATE
def test_a_role_trusts_one_service_for_known_resources_or_one_role_of_another_account(path: Path) -> None:
    for key, role in resources(load(path), "AWS::IAM::Role").items():
        trusting = statements(role["AssumeRolePolicyDocument"])
        # Projects are launched by Service Catalog, or from S3 by CloudFormation: each with its own conditions.
        stated = role["AssumeRolePolicyDocument"]["Statement"]
        assert len(stated) == (2 if key == "LaunchRole" else 1), "one service a role"
        for statement in trusting:
            ((kind, principal),) = statement["Principal"].items()
            if kind == "Service":
                assert isinstance(principal, str), "one service a statement"
                assert {"aws:SourceAccount", "aws:SourceArn"} <= condition_keys(statement)
            elif kind == "Federated":
                issuer = principal["Fn::Sub"].partition(":oidc-provider/")[2]
                assert set(statement["Condition"]["StringEquals"]) == {f"{issuer}:aud", f"{issuer}:sub"}
            else:
                assert set(statement["Condition"]) == {"ArnEquals"}
                assert isinstance(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"], dict), "one role"


@EVERY_TEMPLATE
def test_another_account_s_principals_are_roles_by_their_exact_names(path: Path) -> None:
    for statement in statements(load(path)):
        for account in foreign(statement):
            assert re.fullmatch(r"arn:\$\{AWS::Partition\}:iam::\$\{\w+AccountId\}:root", account)
            roles = [item["Fn::Sub"] for item in listed(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"])]
            assert all(re.fullmatch(r"[^*?]+:role/sagemaker-\$\{\w+\}-[a-z-]+", role) for role in roles)
            assert any(role.startswith(account.removesuffix("root")) for role in roles)


def foreign(statement: dict[str, Any]) -> list[str]:
    """Principals of a statement that are other accounts."""
    principal = statement.get("Principal")
    named = listed(principal.get("AWS", [])) if isinstance(principal, dict) else []
    texts = [item["Fn::Sub"] if isinstance(item, dict) else item for item in named]
    return [text for text in texts if text != "*" and "${AWS::AccountId}" not in text]


@EVERY_TEMPLATE
def test_an_open_principal_is_narrowed_to_the_organization(path: Path) -> None:
    for statement in statements(load(path)):
        if statement["Effect"] == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"}):
            assert "aws:PrincipalOrgID" in statement["Condition"]["StringEquals"]


@EVERY_TEMPLATE
def test_buckets_are_private_encrypted_versioned_and_closed_without_tls(path: Path) -> None:
    template = load(path)
    policies = {item["Bucket"]["Ref"]: item for item in resources(template, "AWS::S3::BucketPolicy").values()}
    for key, bucket in resources(template, "AWS::S3::Bucket").items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        rule = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
        assert rule["SSEAlgorithm"] == "aws:kms" and "KMSMasterKeyID" in rule
        assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
        denied = [
            item for item in statements(policies[key]) if item["Condition"] == {"Bool": {"aws:SecureTransport": False}}
        ]
        assert [(item["Effect"], item["Principal"], item["Action"]) for item in denied] == [("Deny", "*", "s3:*")]
        assert denied[0]["Resource"] == [{"Fn::GetAtt": [key, "Arn"]}, {"Fn::Sub": f"${{{key}.Arn}}/*"}]


@EVERY_TEMPLATE
def test_keys_rotate(path: Path) -> None:
    assert all(key["EnableKeyRotation"] is True for key in resources(load(path), "AWS::KMS::Key").values())


@EVERY_TEMPLATE
def test_what_people_made_outlives_the_stack(path: Path) -> None:
    lasting = ("S3::Bucket", "KMS::Key", "CodeCommit::Repository", "ECR::Repository", "SageMaker::ModelPackageGroup")
    for key, item in load(path)["Resources"].items():
        if item["Type"].removeprefix("AWS::") in lasting:
            assert (item["DeletionPolicy"], item["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain"), key


@EVERY_TEMPLATE
def test_no_name_is_too_long_for_the_longest_project(path: Path) -> None:
    for key, item in load(path)["Resources"].items():
        if item["Type"] in NAME_LIMITS:
            label, limit = NAME_LIMITS[item["Type"]]
            name = item["Properties"][label]
            for each in name["Fn::If"][1:] if "Fn::If" in name else [name]:
                rendered = render(each, LONGEST)
                assert "${" not in rendered and len(rendered) <= limit, f"{key}: {rendered}"


@EVERY_DIRECT
def test_what_is_handed_to_cloudformation_as_text_is_not_too_long(path: Path) -> None:
    assert len(path.read_bytes()) <= 51_200


@EVERY_PROJECT
def test_what_cloudformation_reads_from_a_bucket_is_not_too_long(path: Path) -> None:
    assert len(path.read_bytes()) <= 1_000_000


@EVERY_TEMPLATE
def test_events_have_a_role_that_the_template_makes(path: Path) -> None:
    template = load(path)
    for rule in resources(template, "AWS::Events::Rule").values():
        for target in rule["Targets"]:
            role, attribute = target["RoleArn"]["Fn::GetAtt"]
            assert template["Resources"][role]["Type"] == "AWS::IAM::Role" and attribute == "Arn"


@EVERY_TEMPLATE
def test_events_of_models_are_of_one_group_and_of_approved_versions(path: Path) -> None:
    for rule in resources(load(path), "AWS::Events::Rule").values():
        if rule["EventPattern"]["source"] == ["aws.sagemaker"]:
            (group,) = rule["EventPattern"]["detail"]["ModelPackageGroupName"]
            assert isinstance(group, dict), "a group written out would make projects collide"
            assert rule["EventPattern"]["detail"]["ModelApprovalStatus"] == ["Approved"]


@EVERY_TEMPLATE
def test_arns_name_no_partition(path: Path) -> None:
    resources_only = {"Resources": load(path)["Resources"]}
    assert not re.search(r"arn:aws\b", str(resources_only))


@EVERY_TEMPLATE
def test_roles_stay_under_the_limit_of_their_inline_policies(path: Path) -> None:
    template = load(path)
    for key, role in resources(template, "AWS::IAM::Role").items():
        attached = [
            item["PolicyDocument"]
            for item in resources(template, "AWS::IAM::Policy").values()
            if {"Ref": key} in item["Roles"]
        ]
        inline = [item["PolicyDocument"] for item in role.get("Policies", [])] + attached
        assert len(re.sub(r"\s", "", str(inline))) < 10_240, key


@EVERY_PROJECT
def test_everything_in_a_project_carries_its_tags(path: Path) -> None:
    expected: list[dict[str, Any]] = [
        {"Key": "sagemaker:project-name", "Value": {"Ref": "SageMakerProjectName"}},
        {"Key": "sagemaker:project-id", "Value": {"Ref": "SageMakerProjectId"}},
    ]
    for key, item in load(path)["Resources"].items():
        tags = item["Properties"].get("Tags")
        if isinstance(tags, dict):
            tags = [{"Key": tag, "Value": value} for tag, value in tags.items()]
        if item["Type"] not in WITHOUT_TAGS and not item["Type"].startswith("Custom::"):
            assert tags == expected, key


@EVERY_PROJECT
def test_nothing_in_a_project_may_approve_a_model(path: Path) -> None:
    allowed = [
        action for item in statements(load(path)) if item["Effect"] == "Allow" for action in listed(item["Action"])
    ]
    assert not {action for action in allowed if re.match(r"sagemaker:(Update\*|UpdateModelPackage$|\*)", action)}


@pytest.mark.parametrize("path", [path for path in PROJECT_TEMPLATES if "ExecutionRole" in path.read_text()], ids=name)
def test_the_execution_role_is_denied_to_approve(path: Path) -> None:
    role = resources(load(path), "AWS::IAM::Role")["ExecutionRole"]
    denied = {item["Action"]: item for item in statements(role) if item["Effect"] == "Deny"}
    assert denied["sagemaker:UpdateModelPackage"]["Resource"] == "*"
    assert "Condition" not in denied["sagemaker:UpdateModelPackage"]
    assert denied["sagemaker:CreateModelPackage"]["Condition"] == {
        "StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}
    }


@EVERY_PROJECT
def test_who_names_an_encryption_must_name_the_project_s_key(path: Path) -> None:
    keys = {"ArtifactsBucketPolicy": "ArtifactsKey", "BatchDataBucketPolicy": "BatchDataKey"}
    policies = resources(load(path), "AWS::S3::BucketPolicy")
    assert policies.keys() <= keys.keys()
    for name_, policy in policies.items():
        denied = next(item for item in statements(policy) if item["Action"] == "s3:PutObject")
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {
            "Null": {"s3:x-amz-server-side-encryption": False},
            "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": {"Fn::GetAtt": [keys[name_], "Arn"]}},
        }
