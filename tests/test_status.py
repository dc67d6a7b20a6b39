"""Projects beside what is published, as the command lists and updates them in the account that has them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from publishing import ACCOUNTS, BUCKET, EXAMPLE, SMPROJECT, Hub, Person, Repository, hub

from smproject import catalog, stacks
from smproject.assemble import assemble
from smproject.errors import DeploymentError
from smproject.publish import publish, publish_to_s3
from smproject.share import share
from smproject.status.newest import Published
from smproject.status.projects import find

DEVELOPMENT = ACCOUNTS["development"]
LAUNCH = f"arn:aws:iam::{DEVELOPMENT}:role/SageMakerProjectTemplatesLaunchRole"
FOREIGN = "Resources: {Topic: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}}\n"
# A parameter without a default, and its use.
NEEDED = """  ExampleOther:
    Type: String
    Description: What must be given.
    AllowedPattern: ^[a-z]+$

Resources:
  ExampleTwin:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub /sagemaker-projects/${SageMakerProjectId}/twin
      Type: String
      Value: !Ref ExampleOther
"""
# A resource whose name another has.
CLASH = """  ExampleClash:
    Type: AWS::SSM::Parameter
    DependsOn: ExampleParameter
    Properties:
      Name: !Sub /sagemaker-projects/${SageMakerProjectId}/example
      Type: String
      Value: clash
"""
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "update-projects.md"


@dataclass
class Platform:
    """A published repository, and the account whose projects are made from it."""

    engineer: Hub
    repository: Repository

    def client(self, service: str) -> Any:
        return self.engineer.client(service, "development")

    def publish(self, fragment: str) -> None:
        """Make the template of projects another, and publish it in both ways."""
        root = self.repository.root
        (root / "project_templates/fragments/example.yaml").write_text(fragment)
        template = catalog.template("example", root)
        template.path.write_text(assemble(template))
        publish(self.engineer.session, None, self.engineer.tell, root)
        publish_to_s3(self.engineer.session, self.engineer.tell, (), root)

    def of_product(self, name: str) -> str:
        """Create a project of the product."""
        product = self.engineer.products("SageMaker Projects")["example"]
        return self._create(name, ServiceCatalogProvisioningDetails={"ProductId": product})

    def of_file(self, name: str, key: str = "projects/example.yaml", **more: str) -> str:
        """Create a project of a template in S3."""
        url = f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{key}"
        provider = {"TemplateName": "example", "TemplateURL": url, "RoleARN": LAUNCH, **more}
        return self._create(name, TemplateProviders=[{"CfnTemplateProvider": provider}])

    def _create(self, name: str, **details: Any) -> str:
        made = self.client("sagemaker").create_project(ProjectName=name, **details)
        assert self.engineer.settled(name)["ProjectStatus"] == "CreateCompleted"
        return str(made["ProjectId"])

    def status(self, *options: str, given: str = "") -> subprocess.CompletedProcess[str]:
        environment = self.engineer.sandbox.environment("development")
        return subprocess.run(
            [SMPROJECT, "status", *options], env=environment, input=given, capture_output=True, text=True, check=False
        )

    def listed(self, *options: str) -> dict[str, Any]:
        """What programs are told, by name."""
        done = self.status(*options, "--output", "json")
        assert done.returncode == 0, done.stderr
        return {each["name"]: each for each in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with hub(tmp_path_factory.mktemp("hub")) as engineer:
        made = Platform(engineer, Repository(tmp_path_factory.mktemp("repository")))
        made.publish(EXAMPLE)
        share(engineer.session, DEVELOPMENT, "OrganizationAccountAccessRole", engineer.tell, made.repository.root)
        yield made


def test_an_account_without_projects_has_an_empty_list(platform: Platform) -> None:
    done = platform.status()
    assert (done.returncode, done.stdout) == (0, "")
    assert "no project of this catalogue" in done.stderr
    assert platform.listed() == {}


def test_projects_of_products_and_of_files_are_listed_when_they_are_outdated_and_then_updated(
    platform: Platform,
) -> None:
    ids = [platform.of_product("sold"), platform.of_file("filed")]
    assert platform.listed("--outdated") == {}
    platform.publish(EXAMPLE.replace("first", "second"))
    told = platform.listed("--outdated")
    assert set(told) == {"sold", "filed"}
    for each in told.values():
        assert (each["template"], each["outdated"], each["why"]) == ("example", True, "")
        assert re.fullmatch(r"1\.0\.0\+[0-9a-f]{8}", each["version"]) and each["newest"] != each["version"]
    assert "outdated, the newest is 1.0.0+" in platform.status().stdout
    assert [platform.engineer.kept(each) for each in ids] == ["first", "first"]

    shown = platform.status("--update", "sold", "--dry-run")
    assert shown.returncode == 0
    assert "parameter ExampleValue: default first, then second" in shown.stdout
    assert set(platform.listed("--outdated")) == {"sold", "filed"}

    done = platform.status("--update", "sold", "--update", "filed", "--parameter", "ExampleValue=x")
    assert done.returncode == 2
    done = platform.status("--update", "sold", "--parameter", "ExampleValue=mine")
    assert done.returncode == 0, done.stderr
    assert "  ExampleParameter: UPDATE_COMPLETE" in done.stdout
    assert set(platform.listed("--outdated")) == {"filed"}
    done = platform.status("--update-all")
    assert done.returncode == 0, done.stderr
    assert platform.listed("--outdated") == {}
    assert platform.engineer.kept(ids[0]) == "mine"
    again = platform.status("--update", "sold")
    assert (again.returncode, again.stdout) == (0, "project sold: nothing to do, it is made from the newest version\n")


def test_a_project_that_is_current_is_given_another_value(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    project = platform.of_file("valued")
    shown = platform.status("--update", "valued", "--parameter", "ExampleValue=other", "--dry-run")
    assert "  parameter ExampleValue: the value that is given\n" in shown.stdout
    assert platform.engineer.kept(project) == "first"
    done = platform.status("--update", "valued", "--parameter", "ExampleValue=other")
    assert done.returncode == 0, done.stderr
    assert platform.engineer.kept(project) == "other"
    unknown = platform.status("--update", "valued", "--parameter", "Colour=red")
    assert unknown.returncode == 1 and "Colour" in unknown.stderr


def test_what_changes_no_stack_makes_no_project_outdated(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_file("steady")
    platform.publish(EXAMPLE.replace("What is kept.", "What is kept for later."))
    told = platform.listed()["steady"]
    assert not told["outdated"] and told["newest"] != told["version"]


def test_a_new_parameter_without_a_default_is_asked_for_before_anything_is_done(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_file("asked")
    platform.publish(EXAMPLE.replace("Resources:\n", NEEDED))
    done = platform.status("--update", "asked")
    assert done.returncode == 1
    assert "smproject status --update asked --parameter ExampleOther=VALUE" in done.stderr
    assert platform.listed()["asked"]["status"] == "CreateCompleted"
    assert platform.status("--update", "asked", "--parameter", "ExampleOther=given").returncode == 0
    assert not platform.listed()["asked"]["outdated"]


def test_before_a_resource_is_lost_the_person_is_asked(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    id_ = platform.of_product("careful")
    platform.publish(EXAMPLE.replace("/example\n", "/other\n"))
    done = platform.status("--update", "careful", given="n\n")
    assert done.returncode == 1
    assert "replaced by an update of the project: ExampleParameter" in done.stdout
    assert platform.engineer.kept(id_) == "first"
    assert platform.status("--update", "careful", "--yes").returncode == 0
    assert platform.engineer.kept(id_) is None
    assert not platform.listed()["careful"]["outdated"]


def test_a_failed_update_ends_with_one_line_that_says_why_and_can_be_made_again(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_product("broken")
    platform.of_file("whole")
    platform.publish(EXAMPLE + CLASH)
    done = platform.status("--update", "broken", "--output", "json")
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")] == [done.stderr.splitlines()[-1]]
    assert "Project broken is UpdateFailed: ExampleClash (AWS::SSM::Parameter): " in done.stderr
    assert set(json.loads(done.stdout)["failed"]) == {"broken"}
    assert platform.listed("--outdated")["broken"]["status"] == "UpdateFailed"
    platform.publish(EXAMPLE.replace("first", "third"))
    done = platform.status("--update", "broken", "--update", "whole")
    assert done.returncode == 0, done.stderr
    assert platform.listed()["broken"]["status"] == "UpdateCompleted"


def test_a_stack_that_needs_a_hand_is_named_with_the_command_that_mends_it(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_file("stuck")
    cloudformation = platform.client("cloudformation")
    project = platform.client("sagemaker").describe_project(ProjectName="stuck")
    stack = project["TemplateProviderDetails"][0]["CfnTemplateProviderDetail"]["StackDetail"]["Name"]
    text = cloudformation.get_template(StackName=stack)["TemplateBody"]
    given = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Parameters"]
    cloudformation.update_stack(
        StackName=stack,
        TemplateBody=text.replace("\nOutputs:", f"{CLASH}\nOutputs:"),
        Parameters=[{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in given],
        DisableRollback=True,
    )
    with pytest.raises(DeploymentError, match="UPDATE_FAILED"):
        stacks.settled(cloudformation, stack)
    platform.publish(EXAMPLE.replace("first", "sixth"))
    done = platform.status("--update", "stuck")
    assert done.returncode == 1
    assert f"aws cloudformation rollback-stack --stack-name {stack}" in done.stderr
    platform.client("sagemaker").delete_project(ProjectName="stuck")
    platform.engineer.settled("stuck")


def test_a_name_that_no_project_has_stops_everything(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_product("named")
    platform.publish(EXAMPLE.replace("first", "fourth"))
    done = platform.status("--update", "named", "--update", "nobody")
    assert done.returncode == 1
    assert "There is no project 'nobody'" in done.stderr
    assert platform.listed()["named"]["outdated"]


def test_what_others_have_made_is_not_listed(platform: Platform) -> None:
    platform.engineer.client("s3").put_object(Bucket=BUCKET, Key="projects/theirs.yaml", Body=FOREIGN.encode())
    with pytest.raises(AssertionError):  # it takes no parameters of SageMaker's, and still is a project
        platform.of_file("theirs", "projects/theirs.yaml")
    assert "theirs" not in platform.listed()


def test_all_pages_are_read(platform: Platform) -> None:
    names = {platform.of_file(name) and name for name in ("one", "two", "three")}
    session = boto3.Session(profile_name="development")
    event = "before-parameter-build.sagemaker.ListProjects"
    session.events.register(event, lambda params, **_: params.update(MaxResults=2))
    assert names <= {each.name for each in find(session, Published(session))}


def test_a_template_that_is_gone_from_its_bucket_is_told(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_file("orphan")
    platform.engineer.client("s3").delete_object(Bucket=BUCKET, Key="projects/example.yaml")
    told = platform.listed()["orphan"]
    assert told["outdated"] is None and "projects/example.yaml can't be read" in told["why"]
    assert platform.status("--update", "orphan").returncode == 1
    platform.publish(EXAMPLE)
    assert platform.listed()["orphan"]["outdated"] is False


def test_a_permission_that_is_lacking_is_named(platform: Platform) -> None:
    person = Person(platform.engineer.sandbox, "development")
    environment = {**platform.engineer.sandbox.environment("development"), **keys(person)}
    del environment["AWS_PROFILE"]
    environment |= {"AWS_ENDPOINT_URL": platform.engineer.sandbox.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([SMPROJECT, "status"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "sagemaker:ListProjects" in done.stderr and "Ask for that permission" in done.stderr


def test_the_commands_of_the_page_run(platform: Platform) -> None:
    platform.publish(EXAMPLE)
    platform.of_product("churn")
    platform.publish(EXAMPLE.replace("first", "fifth"))
    commands = re.findall(r"^smproject status(.*?)(?: +#.*)?$", PAGE.read_text(), re.MULTILINE)
    assert len(commands) > 5
    for command in commands:
        done = platform.status(*command.split(), given="y\n" * 9)
        assert done.returncode == 0, (command, done.stderr)
    assert platform.listed("--outdated") == {}


def keys(person: Person) -> dict[str, str]:
    names = {"AccessKeyId": "ACCESS_KEY_ID", "SecretAccessKey": "SECRET_ACCESS_KEY", "SessionToken": "SESSION_TOKEN"}
    return {f"AWS_{name}": person.keys[key] for key, name in names.items()}


def test_a_project_whose_product_was_deleted_is_listed_and_not_updated(platform: Platform) -> None:
    platform.of_product("last")
    client, product = (
        platform.engineer.client("servicecatalog"),
        platform.engineer.products("SageMaker Projects")["example"],
    )
    portfolio = platform.engineer.portfolios()["SageMaker Projects"]
    for each in client.list_constraints_for_portfolio(PortfolioId=portfolio, ProductId=product)["ConstraintDetails"]:
        client.delete_constraint(Id=each["ConstraintId"])
    client.disassociate_product_from_portfolio(ProductId=product, PortfolioId=portfolio)
    client.delete_product(Id=product)
    told = platform.listed()["last"]
    assert (told["outdated"], told["why"]) == (None, f"product {product} is deleted, or not offered to you")
    done = platform.status("--update", "last")
    assert done.returncode == 1
    assert f"Error: Project last can't be updated: product {product} is deleted" in done.stderr
