"""A project of container-build, from its creation through Service Catalog to its deletion, in a sandbox of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import scientist
from connected import twin
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from demonstration import SMPROJECT
from harness import ACCOUNTS, eventually
from policies import ROOT

from smproject import catalog
from smproject.sandbox import environments
from smproject.seeds import seed_files

PRODUCT, PROJECT = "container-build", "images"
TRAINING, INFERENCE = "training-xgboost", "inference-xgboost"
# About a package that the seed's images do not hold.
ADVISORY = {
    "id": "GHSA-test-test-test",
    "aliases": ["CVE-2026-0001"],
    "database_specific": {"severity": "HIGH"},
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "six"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.17.0"}]}],
        }
    ],
}
SMALL = "FROM python:3.12-slim\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n"
Found = dict[str, Any]


@dataclass
class Project(scientist.Project):
    """A project of container-build."""

    product, project, delivers = PRODUCT, PROJECT, "container-build"

    def published(self) -> dict[str, str]:
        """Values of the images' parameters by image."""
        path = f"/sagemaker-projects/{self.id}/images"
        found = self.client("ssm").get_parameters_by_path(Path=path)["Parameters"]
        return {item["Name"].rpartition("/")[2]: item["Value"] for item in found}

    def known(self, image: str, file: str) -> str:
        """What the project's bucket holds about an image, given by its URI."""
        name = next(name for name, uri in self.published().items() if uri == image)
        key = f"images/{name}/{image.partition('@')[2].replace(':', '-')}/{file}"
        bucket = f"sagemaker-project-{self.id}-{ACCOUNTS['development']}"
        return str(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    def push(self, files: dict[str, str], message: str) -> Found:
        """Write files into the checkout (a text that begins with + is added), push them; return how the run ended."""
        for name, text in files.items():
            path = self.checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.read_text() + text[1:] if text.startswith("+") else text)
        return self.pushed(message)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project after its creation; its first run has just begun."""
    with scientist.published(Project, tmp_path_factory.mktemp("container-build")) as made:
        advisories = made.demonstration.home / "advisories"
        advisories.mkdir()
        (advisories / "six.json").write_text(json.dumps(ADVISORY))
        listen(made)
        made.create()
        yield made


def listen(project: Project) -> None:
    """Send what is announced to a queue."""
    sqs, events = project.client("sqs"), project.client("events")
    sqs.create_queue(QueueName="new-images")
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNTS['development']}:new-images"
    service = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    policy = json.dumps({"Statement": [{"Effect": "Allow", **service}]})
    url = sqs.get_queue_url(QueueName="new-images")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    pattern = {"source": ["sagemaker-projects"], "detail-type": ["Container Image Published"]}
    events.put_rule(Name="new-images", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="new-images", Targets=[{"Id": "queue", "Arn": queue}])


@pytest.fixture(scope="module")
def first(project: Project) -> tuple[Found, dict[str, str]]:
    """How the first run ended, and what it published."""
    return project.ended(), project.published()


@pytest.fixture(scope="module")
def unchanged(project: Project, first: object) -> tuple[Found, dict[str, str]]:
    """What a push did that changes no container."""
    return project.push({"README.md": "+\nMore.\n"}, "Tell more"), project.published()


@pytest.fixture(scope="module")
def changed(project: Project, unchanged: object) -> tuple[Found, dict[str, str]]:
    """What a push did that changes one container."""
    run = project.push({"containers/training/xgboost/Dockerfile": "+LABEL change=first\n"}, "Change the image")
    return run, project.published()


@pytest.fixture(scope="module")
def refused(project: Project, changed: object) -> tuple[Found, dict[str, str]]:
    """What a push did that brings a vulnerable package, and a change that would pass."""
    files = {
        "containers/small/Dockerfile": SMALL,
        "containers/small/requirements.txt": "six==1.16.0\n",
        "containers/training/xgboost/Dockerfile": "+LABEL change=second\n",
    }
    return project.push(files, "Use an old package"), project.published()


@pytest.fixture(scope="module")
def updated(project: Project, refused: object) -> tuple[Found, dict[str, str]]:
    """What a run did after an update to another version of the template, with another threshold."""
    hub, bucket = "shared-services", f"changed-{ACCOUNTS['shared-services']}"
    text = (ROOT / "project_templates" / PRODUCT / "template.yaml").read_text()
    old = "Description: Path of the Systems Manager parameters"
    assert text.count(old) == 1
    project.client("s3", hub).create_bucket(Bucket=bucket)
    project.client("s3", hub).put_object(Bucket=bucket, Key="t.yaml", Body=text.replace(old, "Description: The path"))
    artifact = project.client("servicecatalog", hub).create_provisioning_artifact(
        ProductId=project.product_id,
        Parameters={"Name": "next", "Info": {"LoadTemplateFromURL": f"https://{bucket}.s3.amazonaws.com/t.yaml"}},
        IdempotencyToken="next",
    )["ProvisioningArtifactDetail"]["Id"]
    wanted = [{"Key": "ContainerReleaseSeverity", "Value": "CRITICAL"}]
    project.client("sagemaker").update_project(
        ProjectName=PROJECT,
        ServiceCatalogProvisioningUpdateDetails={"ProvisioningArtifactId": artifact, "ProvisioningParameters": wanted},
    )
    assert project.at_rest()["ProjectStatus"] == "UpdateCompleted", project.at_rest()
    project.client("codepipeline").start_pipeline_execution(name=f"{project.name}-container-build")
    return project.ended(), project.published()


@pytest.fixture(scope="module")
def audited(project: Project, updated: object) -> list[Found]:
    """What the audit says of the project's own roles after all that."""
    done = project.demonstration.run(str(SMPROJECT), "audit", "--project", PROJECT, "--output", "json")
    found: list[Found] = json.loads(done.stdout)
    return [each for each in found if project.id in json.dumps(each)]


@pytest.fixture(scope="module")
def deleted(project: Project, audited: object) -> Project:
    project.client("sagemaker").delete_project(ProjectName=PROJECT)
    ended = project.at_rest()
    assert ended["ProjectStatus"] == "DeleteCompleted", ended
    return project


def test_the_first_run_publishes_both_images_by_digest(first: tuple[Found, dict[str, str]], project: Project) -> None:
    run, images = first
    assert run["status"] == "Succeeded", run
    assert images.keys() == {TRAINING, INFERENCE}
    repository = f"{ACCOUNTS['development']}.dkr.ecr.us-east-1.amazonaws.com/{project.name}"
    assert all(re.fullmatch(rf"{repository}@sha256:[0-9a-f]{{64}}", uri) for uri in images.values())
    digests = project.client("ecr").list_images(repositoryName=project.name)["imageIds"]
    assert {uri.partition("@")[2] for uri in images.values()} == {each["imageDigest"] for each in digests}
    assert run["IMAGES_RESULT"].startswith("2 images, 2 of them new")


def test_the_parameters_carry_the_project_s_tags(first: tuple[Found, dict[str, str]], project: Project) -> None:
    name = f"/sagemaker-projects/{project.id}/images/{TRAINING}"
    tags = project.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    assert {"Key": "sagemaker:project-id", "Value": project.id} in tags


def test_the_bill_of_an_image_lists_what_it_holds(first: tuple[Found, dict[str, str]], project: Project) -> None:
    image = first[1][TRAINING]
    text = project.known(image, "sbom.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["version"] == image.partition("@")[2]
    listed = {f"{item['name']}=={item['version']}".lower() for item in bill["components"]}
    required = environments.read_requirements(ROOT / "containers/training/xgboost/requirements.txt").split()
    assert set(required) <= listed
    assert any(name.startswith("python-dateutil==") for name in listed)  # that no requirement names


def test_the_scan_is_kept_with_what_was_compared(first: tuple[Found, dict[str, str]], project: Project) -> None:
    scan = json.loads(project.known(first[1][TRAINING], "scan.json"))
    assert (scan["status"], scan["findings"]) == ("COMPLETE", [])
    assert re.search(r"Compared \d+ Python packages with 1 advisories", scan["description"])


def test_new_images_are_announced(first: tuple[Found, dict[str, str]], project: Project) -> None:
    sqs = project.client("sqs")
    url, told = sqs.get_queue_url(QueueName="new-images")["QueueUrl"], dict[str, Found]()

    def look() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            told[detail["image-uri"]] = detail
        return set(first[1].values()) <= told.keys()

    eventually(look)
    assert all(told[uri]["project-id"] == project.id for uri in first[1].values())


def test_a_push_that_changes_no_container_builds_nothing(
    first: tuple[Found, dict[str, str]], unchanged: tuple[Found, dict[str, str]]
) -> None:
    run, images = unchanged
    assert (run["status"], images) == ("Succeeded", first[1])
    assert run["IMAGES_RESULT"] == "2 images, 0 of them new"
    assert run["RELEASE_RESULT"] == "Nothing is new; what is published stays"


def test_a_changed_container_gets_another_digest_and_the_other_keeps_its(
    first: tuple[Found, dict[str, str]], changed: tuple[Found, dict[str, str]]
) -> None:
    run, images = changed
    assert (run["status"], run["RELEASE_RESULT"]) == ("Succeeded", f"Published {TRAINING}")
    assert images[INFERENCE] == first[1][INFERENCE]
    assert images[TRAINING] != first[1][TRAINING]


def test_a_finding_stops_the_release_and_nothing_is_published(
    changed: tuple[Found, dict[str, str]], refused: tuple[Found, dict[str, str]]
) -> None:
    run, images = refused
    assert run["status"] == "Failed"
    assert run["RELEASE_RESULT"] == "Nothing is published. small: CVE-2026-0001 (HIGH) in six 1.16.0"
    assert images == changed[1]


def test_the_repository_keeps_tags_scans_what_is_pushed_and_is_encrypted_by_the_project_s_key(
    first: object, project: Project
) -> None:
    (found,) = project.client("ecr").describe_repositories(repositoryNames=[project.name])["repositories"]
    keys = project.client("kms").list_aliases()["Aliases"]
    (key,) = (each["TargetKeyId"] for each in keys if each["AliasName"] == f"alias/{project.name}")
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfiguration"]["encryptionType"] == "KMS"
    assert found["encryptionConfiguration"]["kmsKey"].endswith(key)
    assert "lifecyclePolicyText" in project.client("ecr").get_lifecycle_policy(repositoryName=project.name)


def test_an_update_s_threshold_counts_for_images_that_are_there(
    refused: tuple[Found, dict[str, str]], updated: tuple[Found, dict[str, str]]
) -> None:
    run, images = updated
    assert run["status"] == "Succeeded", run
    assert run["IMAGES_RESULT"] == "3 images, 0 of them new"
    assert images.keys() == {TRAINING, INFERENCE, "small"}
    assert images[TRAINING] != refused[1][TRAINING]


def test_the_project_s_roles_lacked_nothing_and_hold_nothing_unexplained(audited: list[Found]) -> None:
    assert audited
    wrong = [each for each in audited if each["kind"] == "missing" or not each["reason"]]
    assert wrong == [], wrong


def test_deletion_leaves_what_people_made_and_nothing_else(deleted: Project) -> None:
    identity, name, client = deleted.id, deleted.name, deleted.client
    left = {
        "roles": [each["RoleName"] for each in client("iam").list_roles(MaxItems=1000)["Roles"]],
        "pipelines": [each["name"] for each in client("codepipeline").list_pipelines()["pipelines"]],
        "builds": client("codebuild").list_projects()["projects"],
        "rules": [each["Name"] for each in client("events").list_rules()["Rules"]],
        "logs": [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]],
        "studio": [
            each["CodeRepositoryName"]
            for each in client("sagemaker").list_code_repositories()["CodeRepositorySummaryList"]
        ],
    }
    assert {
        kind: found for kind, names in left.items() if (found := [each for each in names if identity in each])
    } == {}
    client("s3").head_bucket(Bucket=f"sagemaker-project-{identity}-{ACCOUNTS['development']}")
    assert client("codecommit").get_repository(repositoryName=name)["repositoryMetadata"]["repositoryName"] == name
    digests = {each["imageDigest"] for each in client("ecr").list_images(repositoryName=name)["imageIds"]}
    assert {uri.partition("@")[2] for uri in deleted.published().values()} <= digests


def test_the_builds_run_files_that_the_seed_carries() -> None:
    template = catalog.template(PRODUCT)
    (seed,) = template.seeds
    carried = seed_files(template, seed).keys()
    named = set(re.findall(r"BuildSpec: (\S+\.yml)", template.path.read_text()))
    assert len(named) == 3 and named <= carried


def test_the_build_may_not_publish_and_the_release_may_not_push() -> None:
    text = (ROOT / "project_templates" / PRODUCT / "template.yaml").read_text()
    roles = dict(re.findall(r"^  (Container\w+Role):\n(.*?)(?=^  \w+:|\Z)", text, re.MULTILINE | re.DOTALL))
    assert "ssm:PutParameter" not in roles["ContainerBuildRole"]
    assert "ssm:PutParameter" in roles["ContainerReleaseRole"]
    assert "ecr:PutImage" not in roles["ContainerReleaseRole"]
    assert "ecr:PutImage" in roles["ContainerBuildRole"]


def test_code_on_a_git_host_builds_as_well(project: Project, first: object) -> None:
    other = twin(project)
    assert (run := other.ended())["status"] == "Succeeded", run
    assert other.published().keys() == {TRAINING, INFERENCE}
