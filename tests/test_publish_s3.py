"""Publishing to S3: what Studio and SageMaker find in the bucket, and projects that are made from it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from publishing import ACCOUNTS, BUCKET, HUB, SMPROJECT, Hub, Person, Repository, hub

from smproject.publish import Publication, publish_to_s3
from smproject.share import share

ROLE = "OrganizationAccountAccessRole"
DEVELOPMENT = ACCOUNTS["development"]
LAUNCH = f"arn:aws:iam::{DEVELOPMENT}:role/SageMakerProjectTemplatesLaunchRole"
KEY = "projects/example.yaml"
Publish = Callable[..., Publication]


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def publishes(engineer: Hub, repository: Repository) -> Publish:
    """Return a function that publishes the repository, published once already."""

    def run(*domains: str) -> Publication:
        return publish_to_s3(engineer.session, engineer.tell, domains, repository.root)

    run()
    return run


@pytest.fixture(scope="module")
def person(engineer: Hub, repository: Repository, publishes: Publish) -> Person:
    """Somebody of a prepared account who has rights over projects, and the policy that the account has for users."""
    share(engineer.session, DEVELOPMENT, ROLE, engineer.tell, repository.root)
    found = Person(engineer.sandbox, "development")
    for action in ("Create", "Describe", "Update", "Delete"):
        found.allow(f"sagemaker:{action}Project", f"arn:aws:sagemaker:us-east-1:{DEVELOPMENT}:project/*")
    policy = f"arn:aws:iam::{DEVELOPMENT}:policy/SageMakerProjectTemplatesUser"
    engineer.client("iam", "development").attach_role_policy(RoleName=found.name, PolicyArn=policy)
    return found


def provider(key: str = KEY, role: str = LAUNCH, **parameters: str) -> dict[str, Any]:
    given = [{"Key": name, "Value": value} for name, value in parameters.items()]
    url = f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{key}"
    return {
        "CfnTemplateProvider": {"TemplateName": "example", "TemplateURL": url, "RoleARN": role, "Parameters": given}
    }


def test_studio_finds_the_templates_of_projects_by_tag_below_one_prefix(engineer: Hub, publishes: Publish) -> None:
    s3, visible = engineer.client("s3"), [{"Key": "sagemaker:studio-visibility", "Value": "true"}]
    tagged = {key for key in engineer.objects() if s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"] == visible}
    assert tagged == {KEY} == {key for key in engineer.objects() if key.startswith("projects/")}
    assert "admin/setting.yaml" in engineer.objects()


def test_the_bucket_keeps_versions_and_lets_studio_s_pages_ask(engineer: Hub, publishes: Publish) -> None:
    s3 = engineer.client("s3")
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://*.sagemaker.aws"]
    assert set(rule["AllowedMethods"]) == {"POST", "PUT", "GET", "HEAD", "DELETE"}


def test_the_organization_reads_lists_and_sees_tags_and_writes_nothing(engineer: Hub, publishes: Publish) -> None:
    s3 = engineer.client("s3", "staging")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="projects/")["Contents"]] == [KEY]
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    assert s3.get_object_tagging(Bucket=BUCKET, Key=KEY)["TagSet"]
    for refused in (
        lambda: s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"mine"),
        lambda: s3.list_objects_v2(Bucket=BUCKET),
        lambda: s3.put_object_tagging(Bucket=BUCKET, Key=KEY, Tagging={"TagSet": []}),
    ):
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            refused()


def test_a_second_publish_uploads_nothing(engineer: Hub, publishes: Publish) -> None:
    before = engineer.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    assert not publishes().changed
    after = engineer.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    assert [item["VersionId"] for item in after] == [item["VersionId"] for item in before]


def test_a_tag_that_was_lost_is_set_again(engineer: Hub, publishes: Publish) -> None:
    s3 = engineer.client("s3")
    s3.delete_object_tagging(Bucket=BUCKET, Key=KEY)
    assert publishes().uploads == (KEY,)
    assert s3.get_object_tagging(Bucket=BUCKET, Key=KEY)["TagSet"][0]["Key"] == "sagemaker:studio-visibility"


def test_a_domain_learns_where_the_templates_lie(engineer: Hub, publishes: Publish) -> None:
    sagemaker, ec2 = engineer.client("sagemaker"), engineer.client("ec2")
    network = ec2.describe_subnets()["Subnets"][0]
    execution = engineer.sandbox.role("studio-execution", "sagemaker.amazonaws.com", profile=HUB)
    made = sagemaker.create_domain(
        DomainName="studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": execution},
        VpcId=network["VpcId"],
        SubnetIds=[network["SubnetId"]],
    )
    domain = made["DomainArn"].rpartition("/")[2]
    assert publishes(domain).updates == (domain,)
    tags = sagemaker.list_tags(ResourceArn=made["DomainArn"])["Tags"]
    assert {"Key": "sagemaker:projectS3TemplatesLocation", "Value": f"s3://{BUCKET}/projects/"} in tags
    assert not publishes(domain).changed


def test_a_person_without_other_rights_creates_updates_and_deletes_a_project(
    engineer: Hub, person: Person, publishes: Publish, repository: Repository
) -> None:
    sagemaker = person.client("sagemaker")
    made = sagemaker.create_project(ProjectName="fromfile", TemplateProviders=[provider()])
    created = engineer.settled("fromfile")
    assert created["ProjectStatus"] == "CreateCompleted", created
    (told,) = created["TemplateProviderDetails"]
    stack = told["CfnTemplateProviderDetail"]["StackDetail"]
    assert stack["Name"].startswith("SP-")
    cloudformation = engineer.client("cloudformation", "development")
    (described,) = cloudformation.describe_stacks(StackName=stack["Id"])["Stacks"]
    assert described["RoleARN"] == LAUNCH
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    assert tags == {"sagemaker:project-name": "fromfile", "sagemaker:project-id": made["ProjectId"]}
    assert engineer.kept(made["ProjectId"]) == "first"

    repository.change("second")
    assert set(publishes().uploads) >= {KEY}
    update = provider()
    del update["CfnTemplateProvider"]["RoleARN"]
    sagemaker.update_project(ProjectName="fromfile", TemplateProvidersToUpdate=[update])
    assert engineer.settled("fromfile")["ProjectStatus"] == "UpdateCompleted"
    assert engineer.kept(made["ProjectId"]) == "second"
    sagemaker.delete_project(ProjectName="fromfile")
    assert engineer.settled("fromfile")["ProjectStatus"] == "DeleteCompleted"
    assert engineer.kept(made["ProjectId"]) is None


def test_a_person_can_make_no_stack_without_the_launch_role(engineer: Hub, person: Person) -> None:
    for name, role in (
        ("norole", None),
        ("otherrole", f"arn:aws:iam::{DEVELOPMENT}:role/OrganizationAccountAccessRole"),
    ):
        wanted = provider(role=role or LAUNCH)
        if role is None:
            del wanted["CfnTemplateProvider"]["RoleARN"]
        person.client("sagemaker").create_project(ProjectName=name, TemplateProviders=[wanted])
        failed = engineer.settled(name)
        (told,) = failed["TemplateProviderDetails"]
        assert failed["ProjectStatus"] == "CreateFailed"
        assert "not authorized" in told["CfnTemplateProviderDetail"]["StackDetail"]["StatusMessage"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A second hub, to which the repository itself is published by the command."""
    with hub(tmp_path_factory.mktemp("whole")) as running:
        yield running


def command(running: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = running.sandbox.environment(HUB)
    return subprocess.run([SMPROJECT, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_a_killed_publish_is_ended_by_the_next_and_then_there_is_nothing_to_do(whole: Hub) -> None:
    environment = whole.sandbox.environment(HUB)
    with subprocess.Popen(
        [SMPROJECT, "publish", "--to", "s3"], env=environment, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if line.startswith("uploaded"):
                running.kill()
                break
    assert running.returncode == -9
    done = command(whole, "publish", "--to", "s3")
    assert done.returncode == 0, done.stderr
    assert "uploaded" in done.stdout
    again = command(whole, "publish", "--to", "s3")
    assert "uploaded" not in again.stdout and again.stdout.rstrip().endswith("nothing to do")


def test_model_build_is_created_from_s3_updated_and_deleted(whole: Hub) -> None:
    command(whole, "publish", "--to", "s3")
    assert command(whole, "share", "--account", DEVELOPMENT).returncode == 0
    sagemaker = whole.client("sagemaker", "development")
    data = {"ModelBuildDataBucket": "data", "ModelBuildDataKey": "a.csv", "ModelBuildTargetColumn": "left"}
    wanted = provider("projects/model-build.yaml", **data)
    made = sagemaker.create_project(ProjectName="churn", TemplateProviders=[wanted])
    found = whole.settled("churn")
    assert found["ProjectStatus"] == "CreateCompleted", found
    name = f"sagemaker-churn-{made['ProjectId']}"
    branch = whole.client("codecommit", "development").get_branch(repositoryName=name, branchName="main")
    assert branch["branch"]["commitId"]  # the seed was found where `smproject share` says
    changed = dict(sorted({**data, "ModelBuildTargetColumn": "stays"}.items()))
    sagemaker.update_project(
        ProjectName="churn", TemplateProvidersToUpdate=[without_role(provider("projects/model-build.yaml", **changed))]
    )
    assert whole.settled("churn")["ProjectStatus"] == "UpdateCompleted"
    sagemaker.delete_project(ProjectName="churn")
    assert whole.settled("churn")["ProjectStatus"] == "DeleteCompleted"


def without_role(wanted: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in wanted["CfnTemplateProvider"].items() if key != "RoleARN"}
    return {"CfnTemplateProvider": kept}


def test_programs_are_told_the_domain_s_tag(whole: Hub) -> None:
    done = command(whole, "publish", "--to", "s3", "--output", "json")
    assert done.returncode == 0, done.stderr
    tag = json.loads(done.stdout)["domain_tag"]
    assert tag == {"Key": "sagemaker:projectS3TemplatesLocation", "Value": f"s3://{BUCKET}/projects/"}
