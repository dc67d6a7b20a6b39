"""The plan of a publication, as a live account gives rise to it: all that publishing does, and no more."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from click.testing import CliRunner, Result
from publishing import ACCOUNTS, BUCKET, EXAMPLE, HUB, Hub, Person, Repository, hub

from smproject import catalog
from smproject.assemble import assemble
from smproject.cli import main
from smproject.errors import DeploymentError
from smproject.planning import plan as planning
from smproject.planning import schemas
from smproject.planning.changes import Plan
from smproject.planning.text import lines, sources
from smproject.publish import publish, publish_to_folder, publish_to_s3
from smproject.publishing.hub import LOCATION
from smproject.publishing.service_catalog import choices

# S3 has no names of operations in the log, but methods.
READS = re.compile(r"(Get|List|Describe|(GET|HEAD) )")
PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "publish.md"
RIGHTS = re.findall(r"`([a-z0-9]+:[A-Za-z]+)`", PAGE.read_text().partition("It needs")[2].partition("##")[0])
STACKS = "sagemaker-project-templates-"
FIRST = (
    EXAMPLE
    + """
  ExampleRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub sagemaker-${SageMakerProjectId}-example
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: lambda.amazonaws.com}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: example
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Sid: Keeps
                Effect: Allow
                Action: [ssm:GetParameter]
                Resource: !Sub arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/x
"""
)
# The other parameter has no default, the other action is one more, the other name takes another resource.
SECOND = (
    FIRST.replace("Default: first", "Default: second")
    .replace("\nResources:", "  ExampleOwner:\n    Type: String\n    Description: Who keeps it.\n\nResources:")
    .replace("[ssm:GetParameter]", "[ssm:GetParameter, ssm:DeleteParameter]")
    .replace("}/example\n", "}/other\n")
)


def write(repository: Repository, text: str) -> None:
    """Make the template of projects another."""
    (repository.root / "project_templates/fragments/example.yaml").write_text(text)
    for each in catalog.templates(repository.root):
        each.path.write_text(assemble(each))


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("repository"))
    write(made, FIRST)
    return made


@pytest.fixture(scope="module")
def empty(engineer: Hub, repository: Repository) -> Plan:
    """The plan of an account to which nothing has been published."""
    with reading(engineer):
        return planning.to_service_catalog(engineer.session, root=repository.root)


@pytest.fixture(scope="module")
def plans(engineer: Hub, repository: Repository, empty: Plan) -> Callable[..., Plan]:
    """Return a function that plans the repository, published once; it fails when the plan did more than read."""
    publish(engineer.session, None, engineer.tell, repository.root)

    def run(**chosen: Any) -> Plan:
        with reading(engineer):
            return planning.to_service_catalog(engineer.session, choices(**chosen), repository.root)

    return run


@contextmanager
def reading(engineer: Hub) -> Iterator[None]:
    """Check that what is called meanwhile only reads."""
    before = len(calls(engineer))
    yield
    made = {f"{call['service']}:{call['operation']}" for call in calls(engineer)[before:]}
    assert made
    assert [each for each in made if not READS.match(each.partition(":")[2])] == []


def calls(engineer: Hub) -> list[dict[str, Any]]:
    text = (engineer.sandbox.home / "calls.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def stacks(plan: Plan) -> dict[str, str]:
    return {each.name.removeprefix(STACKS): each.action for each in plan.every_stack}


def told(plan: Plan) -> str:
    return click.unstyle("\n".join(lines(plan)))


def test_in_an_empty_account_everything_is_new(empty: Plan) -> None:
    assert set(stacks(empty).values()) == {"new"}
    assert [each.principal.after for each in empty.portfolios] == [
        "arn:aws:iam:::role/PlatformEngineer",
        "arn:aws:iam:::role/DataScientist",
    ]
    assert {each.id: each.action for each in empty.products} == {"setting": "new", "example": "new"}
    assert "product example: new, version 1.0.0+" in told(empty)
    assert "launched by SageMakerProjectTemplatesLaunchRole" in told(empty)


def test_what_is_planned_first_is_what_is_made(empty: Plan, engineer: Hub, plans: Callable[..., Plan]) -> None:
    assert {each.key for each in empty.uploads} == engineer.objects()
    names = {each["StackName"] for each in engineer.client("cloudformation").describe_stacks()["Stacks"]}
    assert {f"{STACKS}{name}" for name in stacks(empty)} == names


def test_what_is_published_leaves_nothing_to_do(plans: Callable[..., Plan]) -> None:
    again = plans()
    assert not again.changed, told(again)
    assert (again.uploads, again.widened, again.blocked) == ((), 0, ())
    assert told(again).endswith(f"unchanged: setting, example\ns3://{BUCKET}: nothing to do")


def test_a_changed_template_is_told_with_what_it_means(
    plans: Callable[..., Plan], engineer: Hub, repository: Repository
) -> None:
    write(repository, SECOND)
    plan = plans()
    (example,) = [each for each in plan.products if each.action != "unchanged"]
    text = told(plan)
    assert f"new version {example.create}, for template {example.before} is now {example.after}" in text
    assert "parameter ExampleValue: default first, then second" in text
    assert "parameter ExampleOwner added, without a default: an update of existing projects must give it" in text
    assert "wider: ExampleRole may, Keeps: action ssm:DeleteParameter added" in text
    assert "replaced by an update of existing projects: ExampleParameter (AWS::SSM::Parameter), Name" in text
    assert "rights get wider in 1 place;" in text
    (red,) = [line for line in lines(plan) if "Keeps" in line]
    assert "\x1b[31m" in red

    done = publish(engineer.session, None, engineer.tell, repository.root)
    assert (set(done.uploads), done.updates) == ({each.key for each in plan.uploads}, ("example",))
    product = engineer.products("SageMaker Projects")["example"]
    versions = engineer.client("servicecatalog").list_provisioning_artifacts(ProductId=product)
    guidance = {each["Name"]: each["Guidance"] for each in versions["ProvisioningArtifactDetails"]}
    assert guidance == {example.create: "DEFAULT", **dict.fromkeys(example.deprecate, "DEPRECATED")}
    assert not plans().changed


def test_it_needs_no_more_rights_than_its_page_says(
    plans: Callable[..., Plan], engineer: Hub, repository: Repository
) -> None:
    person = Person(engineer.sandbox, HUB)
    for action in RIGHTS:
        person.allow(action, "*")
    assert set(stacks(plan_as(engineer, person, repository)).values()) == {"unchanged"}


def plan_as(engineer: Hub, person: Person, repository: Repository) -> Plan:
    keys = [person.keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", engineer.sandbox.endpoint)
        return planning.to_service_catalog(
            boto3.Session(*keys, "us-east-1"), choices(tags=["owner=risk"]), repository.root
        )


def test_what_a_person_chooses_is_told(plans: Callable[..., Plan]) -> None:
    arn = "arn:aws:iam::111111111111:role/Launcher"
    plan = plans(principal="arn:aws:iam:::role/*", launch_role=arn, tags=["owner=risk"])
    text = told(plan)
    assert "wider: principal: arn:aws:iam:::role/DataScientist, then arn:aws:iam:::role/*" in text
    assert f"launch role: SageMakerProjectTemplatesLaunchRole, then {arn}" in text
    assert text.count("tag option owner=risk added") == 2
    assert stacks(plan)["portfolio"] == stacks(plan)["product-example"] == "update"
    assert stacks(plan)["product-setting"] == "unchanged"


def test_the_launch_roles_own_rights_are_told(plans: Callable[..., Plan], repository: Repository) -> None:
    path = repository.root / "project_templates/fragments/launch-role.yaml"
    text = path.read_text()
    try:
        path.write_text(
            text.replace("              - Sid: ReadTemplates\n", "              - Sid: AnyTemplate\n", 1).replace(
                "                  - cloudformation:UpdateStack\n",
                "                  - cloudformation:UpdateStack\n                  - cloudformation:UpdateStackSet\n",
                1,
            )
        )
        for each in catalog.templates(repository.root):
            each.path.write_text(assemble(each))
        plan = plans()
    finally:
        path.write_text(text)
        for each in catalog.templates(repository.root):
            each.path.write_text(assemble(each))
    assert stacks(plan)["launch-role"] == "update"
    assert "wider: LaunchRole may, Stacks: action cloudformation:UpdateStackSet added" in told(plan)


def test_what_an_interrupted_publish_left_is_told(
    plans: Callable[..., Plan], engineer: Hub, repository: Repository
) -> None:
    write(repository, FIRST)
    session = engineer.session

    def cut(**_: Any) -> None:
        raise KeyboardInterrupt

    session.events.register("after-call.servicecatalog.CreateProvisioningArtifact", cut)
    with pytest.raises(KeyboardInterrupt):
        publish(session, None, engineer.tell, repository.root)
    (example,) = [each for each in plans().products if each.action != "unchanged"]
    assert (example.create, len(example.deprecate), len(example.retire)) == (None, 1, 1)
    publish(engineer.session, None, engineer.tell, repository.root)
    assert not plans().changed


def test_a_product_that_is_gone_behind_its_stack_blocks_until_the_stack_goes_too(
    plans: Callable[..., Plan], engineer: Hub, repository: Repository
) -> None:
    remove(engineer, "ML Admin", "setting")
    plan = plans()
    (reason,) = plan.blocked
    assert reason.endswith("is gone: delete the stack.")
    assert reason.startswith(f"Stack {STACKS}product-setting")
    assert "publishing would stop at what is blocked" in told(plan)
    delete_stack(engineer, f"{STACKS}product-setting")
    assert stacks(plans())["product-setting"] == "new"
    publish(engineer.session, None, engineer.tell, repository.root)
    assert not plans().changed


def remove(engineer: Hub, portfolio: str, product: str) -> None:
    """Delete a product by hand."""
    client = engineer.client("servicecatalog")
    place = {"PortfolioId": engineer.portfolios()[portfolio], "ProductId": engineer.products(portfolio)[product]}
    for constraint in client.list_constraints_for_portfolio(**place)["ConstraintDetails"]:
        client.delete_constraint(Id=constraint["ConstraintId"])
    client.disassociate_product_from_portfolio(**place)
    client.delete_product(Id=place["ProductId"])


def delete_stack(engineer: Hub, name: str) -> None:
    client = engineer.client("cloudformation")
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def test_a_plan_for_s3_is_what_publishing_to_s3_does(
    plans: Callable[..., Plan], engineer: Hub, repository: Repository
) -> None:
    def plan() -> Plan:
        with reading(engineer):
            return planning.to_s3(engineer.session, root=repository.root)

    first = plan()
    assert {each.id: each.action for each in first.products} == {"setting": "new", "example": "new"}
    done = publish_to_s3(engineer.session, engineer.tell, (), repository.root)
    assert set(done.uploads) == {each.key for each in first.uploads}
    assert not plan().changed
    engineer.client("s3").delete_object_tagging(Bucket=BUCKET, Key="projects/example.yaml")
    assert "tags projects/example.yaml" in told(plan())
    write(repository, SECOND)
    assert "wider: ExampleRole may, Keeps: action ssm:DeleteParameter added" in told(plan())


def test_a_domain_that_does_not_offer_the_templates_yet_is_named(engineer: Hub, repository: Repository) -> None:
    sagemaker, network = engineer.client("sagemaker"), engineer.client("ec2").describe_subnets()["Subnets"][0]
    role = engineer.sandbox.role("studio-execution", "sagemaker.amazonaws.com", profile=HUB)
    made = sagemaker.create_domain(
        DomainName="studio",
        AuthMode="IAM",
        DefaultUserSettings={"ExecutionRole": role},
        VpcId=network["VpcId"],
        SubnetIds=[network["SubnetId"]],
    )
    domain = made["DomainArn"].rpartition("/")[2]
    with reading(engineer):
        assert planning.to_s3(engineer.session, [domain], repository.root).domains == (domain,)
    publish_to_s3(engineer.session, engineer.tell, [domain], repository.root)
    assert not planning.to_s3(engineer.session, [domain], repository.root).changed


def test_a_bucket_that_outlived_its_stack_blocks(
    plans: Callable[..., Plan], engineer: Hub, repository: Repository
) -> None:
    delete_stack(engineer, f"{STACKS}catalog-bucket")
    (reason,) = plans().blocked
    assert reason.startswith(f"There is a bucket {BUCKET}, and no stack {STACKS}catalog-bucket")


def test_an_account_that_uses_another_s_catalogue_is_no_hub(engineer: Hub, repository: Repository) -> None:
    ssm = engineer.client("ssm", "development")
    ssm.put_parameter(Name=LOCATION, Value=BUCKET, Type="String", Overwrite=True)
    spoke = boto3.Session(profile_name="development")
    with pytest.raises(DeploymentError, match=f"Account {ACCOUNTS['development']} isn't the hub"):
        planning.to_service_catalog(spoke, root=repository.root)


def test_a_denied_call_and_credentials_of_nobody_are_told_in_one_line(engineer: Hub, repository: Repository) -> None:
    person = Person(engineer.sandbox, HUB)
    granted = [person.keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    refusals = {
        r"ssm:GetParameter .* Ask for that permission": granted,
        "Sign in again": ["AKIANOBODY", "secret", "old"],
    }
    for way_on, keys in refusals.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", engineer.sandbox.endpoint)
            with pytest.raises(DeploymentError, match=way_on) as refused:
                planning.to_service_catalog(boto3.Session(*keys, "us-east-1"), root=repository.root)
        assert "\n" not in str(refused.value)


def test_a_plan_for_a_folder_writes_nothing(tmp_path: Path, repository: Repository) -> None:
    folder = tmp_path / "catalogue"
    write(repository, FIRST)
    first = planning.to_folder(folder, repository.root)
    assert not folder.exists()
    done = publish_to_folder(folder, lambda _: None, repository.root)
    assert list(done.files) == [each.key for each in first.uploads]
    assert not planning.to_folder(folder, repository.root).changed
    write(repository, SECOND)
    assert "replaced by an update of existing projects: ExampleParameter" in told(
        planning.to_folder(folder, repository.root)
    )


@pytest.fixture
def without_schemas(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cfnlint"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cfnlint", None)
    schemas.fixed.cache_clear()
    yield
    schemas.fixed.cache_clear()


@pytest.mark.usefixtures("without_schemas")
def test_without_the_schemas_it_says_what_it_does_not_know(tmp_path: Path, repository: Repository) -> None:
    write(repository, FIRST)
    publish_to_folder(tmp_path / "catalogue", lambda _: None, repository.root)
    write(repository, SECOND)
    plan = planning.to_folder(tmp_path / "catalogue", repository.root)
    assert sources(plan).startswith("which resources are replaced is not known: run pip install")
    assert "replaced by an update" not in told(plan)
    assert "ExampleOwner" in told(plan)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


def test_the_command_tells_people_and_programs_and_its_exit_status_when_asked(tmp_path: Path) -> None:
    to = ("--to", "folder", "--folder", str(tmp_path / "catalogue"))
    shown = run(*to)
    assert shown.exit_code == 0, shown.output
    assert "product model-build: new" in shown.stdout
    assert "\x1b" not in shown.stdout
    asked = run(*to, "--check", "--output", "json")
    found = json.loads(asked.stdout)
    assert (asked.exit_code, found["changed"], found["target"]) == (1, True, "folder")
    publish_to_folder(tmp_path / "catalogue", lambda _: None)
    assert run(*to, "--check").exit_code == 0


def test_options_that_are_for_another_target_are_refused() -> None:
    assert run("--to", "s3", "--principal", "arn:aws:iam:::role/X").exit_code == 2
