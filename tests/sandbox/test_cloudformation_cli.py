"""`aws cloudformation deploy`, `package` and the change set commands, as people and pipelines run them.

The CLI looks at a stack every 30 seconds: what does not depend on each other runs at the same time.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import Sandbox
from persons import policy
from stacks import Stacks

Ran = subprocess.CompletedProcess[str]
TEMPLATE = """
Parameters: {Name: {Type: String}, Value: {Type: String, Default: one}}
Resources: {Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: !Ref Name, Type: String, Value: !Ref Value}}}
"""
ROLE = """
Resources:
  Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: [
    {Effect: Allow, Principal: {Service: codebuild.amazonaws.com}, Action: "sts:AssumeRole"}]}}}
"""
NESTING = """
Parameters: {Name: {Type: String}}
Resources:
  Nested: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./nested.yaml, Parameters: {Name: !Ref Name}}}
"""
FUNCTION = """
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties: {Code: ./code, Handler: main.handler, Runtime: python3.12, Role: "arn:aws:iam::222222222222:role/x"}
"""


class Cli:
    """Deploys templates; the names of stacks and parameters begin with `name`."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder, self.name = sandbox, folder, f"cli-{uuid.uuid4().hex[:8]}"
        self.stacks = Stacks(sandbox)
        sandbox.client("s3").create_bucket(Bucket=self.name)
        allowed = policy({"Effect": "Allow", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:parameter/cli-*"})
        self.role = sandbox.role(self.name, "cloudformation.amazonaws.com", policies=[allowed])

    def file(self, name: str, text: str) -> str:
        """Write a file; return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def deploy(self, stack: str, template: str, *arguments: str) -> Ran:
        """Deploy a template as a stack."""
        file = template if template.startswith("/") else self.file(f"{stack}.yaml", template)
        named = ("--stack-name", self.stack(stack), "--template-file", file)
        return self.sandbox.run_cli("cloudformation", "deploy", *named, *arguments)

    def step_by_step(self, stack: str) -> Ran:
        """Make, await, describe and execute a change set; return the description, or the step that failed."""
        named = ("--stack-name", self.stack(stack), "--change-set-name", "first")
        source = ("--template-body", f"file://{self.file(f'{stack}.yaml', TEMPLATE)}")
        parameters = ("--parameters", f"ParameterKey=Name,ParameterValue={self.stack(stack)}")
        steps: tuple[tuple[str, ...], ...] = (
            ("create-change-set", *named, "--change-set-type", "CREATE", *source, *parameters),
            ("wait", "change-set-create-complete", *named),
            ("describe-change-set", *named),
            ("execute-change-set", *named),
            ("wait", "stack-create-complete", *named[:2]),
        )
        done: list[Ran] = []
        for step in steps:
            done.append(self.sandbox.run_cli("cloudformation", *step))
            if done[-1].returncode:
                return done[-1]
        return done[2]

    def forget_change_sets(self, stack: str) -> None:
        """Delete the change sets of a stack that were not executed."""
        named = {"StackName": self.stack(stack)}
        for each in self.stacks.api.list_change_sets(**named)["Summaries"]:
            self.stacks.api.delete_change_set(ChangeSetName=each["ChangeSetName"], **named)

    def stack(self, stack: str) -> str:
        """Return the name of a stack."""
        return f"{self.name}-{stack}"

    def values(self, stack: str, **values: str) -> tuple[str, ...]:
        """Return the arguments that give parameters, the name of the one in Systems Manager among them."""
        given = {"Name": self.stack(stack)} | values
        return ("--parameter-overrides", *(f"{key}={value}" for key, value in given.items()))

    def package(self, name: str, template: str) -> str:
        """Package a template; return the path of what comes out."""
        out = str(self.folder / f"{name}.packaged.yaml")
        places = ("--s3-bucket", self.name, "--output-template-file", out)
        ran = self.sandbox.run_cli(
            "cloudformation", "package", "--template-file", self.file(f"{name}.yaml", template), *places
        )
        assert ran.returncode == 0, ran.stderr
        return out


@pytest.fixture(scope="module")
def cli(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return Cli(sandbox, tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def deployed(cli: Cli) -> Iterator[dict[str, Ran]]:
    """New stacks, deployed in several ways at the same time."""
    cli.file("nested.yaml", TEMPLATE)
    large = TEMPLATE.replace("Resources:", f"Description: large\nMetadata: {{Filling: {'x' * 60_000}}}\nResources:")
    bad = TEMPLATE.replace("!Ref Name, Type", "aws/no, Type")
    ways: dict[str, tuple[str, ...]] = {
        "plain": (TEMPLATE, *cli.values("plain"), "--tags", "team=ml", "stage=test"),
        "role": (TEMPLATE, *cli.values("role"), "--role-arn", cli.role),
        "large": (large, *cli.values("large"), "--s3-bucket", cli.name),
        "unexecuted": (TEMPLATE, *cli.values("unexecuted"), "--no-execute-changeset"),
        "refused": (ROLE,),
        "acknowledged": (ROLE, "--capabilities", "CAPABILITY_IAM"),
        "failing": (bad, *cli.values("failing"), "--disable-rollback"),
        "nested": (cli.package("nesting", NESTING), *cli.values("nested")),
    }
    with ThreadPoolExecutor(len(ways) + 1) as pool:
        steps = pool.submit(cli.step_by_step, "steps")
        found = dict(zip(ways, pool.map(lambda way: cli.deploy(way, *ways[way]), ways), strict=True))
        yield found | {"steps": steps.result()}


@pytest.mark.parametrize("way", ["plain", "role", "large", "acknowledged", "nested"])
def test_a_new_stack_is_deployed(cli: Cli, deployed: dict[str, Ran], way: str) -> None:
    assert deployed[way].returncode == 0, deployed[way].stderr
    assert "Successfully created/updated stack" in deployed[way].stdout
    [stack] = cli.stacks.api.describe_stacks(StackName=cli.stack(way))["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    if way != "acknowledged":
        assert cli.stacks.parameter(cli.stack(way)) == "one"


def test_tags_and_the_role_are_the_stacks(cli: Cli, deployed: dict[str, Ran]) -> None:
    [plain] = cli.stacks.api.describe_stacks(StackName=cli.stack("plain"))["Stacks"]
    assert {tag["Key"]: tag["Value"] for tag in plain["Tags"]} == {"team": "ml", "stage": "test"}
    [by_role] = cli.stacks.api.describe_stacks(StackName=cli.stack("role"))["Stacks"]
    assert by_role["RoleARN"] == cli.role


def test_without_execution_the_change_set_is_left_for_review(cli: Cli, deployed: dict[str, Ran]) -> None:
    ran = deployed["unexecuted"]
    assert ran.returncode == 0, ran.stderr
    assert "aws cloudformation describe-change-set --change-set-name arn:" in ran.stdout
    [stack] = cli.stacks.api.describe_stacks(StackName=cli.stack("unexecuted"))["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"


def test_missing_capabilities_and_failures_are_told(cli: Cli, deployed: dict[str, Ran]) -> None:
    assert deployed["refused"].returncode != 0
    assert "(InsufficientCapabilitiesException)" in deployed["refused"].stderr
    assert deployed["failing"].returncode != 0
    assert "Failed to create/update the stack" in deployed["failing"].stderr
    [stack] = cli.stacks.api.describe_stacks(StackName=cli.stack("failing"))["Stacks"]
    assert stack["StackStatus"] == "CREATE_FAILED"


def test_a_deployed_stack_is_updated_and_keeps_its_parameters(cli: Cli, deployed: dict[str, Ran]) -> None:
    with ThreadPoolExecutor(2) as pool:
        by_value = pool.submit(cli.deploy, "plain", TEMPLATE, "--parameter-overrides", "Value=two")
        by_template = pool.submit(
            cli.deploy, "role", TEMPLATE.replace("Type: String, Value: !", "Type: StringList, Value: !")
        )
        for ran in (by_value.result(), by_template.result()):
            assert ran.returncode == 0, ran.stderr
    assert cli.stacks.parameter(cli.stack("plain")) == "two"


def test_nothing_to_deploy_is_a_failure_only_where_that_is_wanted(cli: Cli, deployed: dict[str, Ran]) -> None:
    for option, is_failure in (("--no-fail-on-empty-changeset", False), ("--fail-on-empty-changeset", True)):
        ran = cli.deploy("large", str(cli.folder / "large.yaml"), "--s3-bucket", cli.name, option)
        assert (ran.returncode != 0) == is_failure, ran.stderr
        assert "No changes to deploy. Stack" in ran.stdout + ran.stderr
        cli.forget_change_sets("large")  # the CLI names one by the second: the next would be another of its name


def test_a_package_holds_the_nested_template_and_the_code(cli: Cli) -> None:
    cli.file("code/main.py", "def handler(event, context):\n    return event\n")
    packaged = Path(cli.package("function", FUNCTION)).read_text()
    assert f"S3Bucket: {cli.name}" in packaged
    keys = [item["Key"] for item in cli.sandbox.client("s3").list_objects_v2(Bucket=cli.name)["Contents"]]
    [code] = [key for key in keys if f"S3Key: {key}" in packaged]
    assert cli.sandbox.client("s3").get_object(Bucket=cli.name, Key=code)["Body"].read(2) == b"PK"


def test_a_change_set_is_made_awaited_shown_and_executed(cli: Cli, deployed: dict[str, Ran]) -> None:
    assert deployed["steps"].returncode == 0, deployed["steps"].stderr
    [change] = json.loads(deployed["steps"].stdout)["Changes"]
    assert change["ResourceChange"]["Action"] == "Add"
    assert cli.stacks.parameter(cli.stack("steps")) == "one"
