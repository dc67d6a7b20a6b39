"""The publishing pipeline of the catalogue: made, pushed to, approved, launched from what it published, and deleted."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path[:0] = [str(TESTS), str(TESTS / "sandbox")]

from harness import eventually  # noqa: E402
from policies import listed, load, statements  # noqa: E402
from publishing import ACCOUNTS, HUB, ROOT, SETUP, SMPROJECT, Hub, Repository, hub  # noqa: E402
from stacks import Stacks  # noqa: E402

from smproject import catalog  # noqa: E402
from smproject.audit import handlers, services, usage  # noqa: E402
from smproject.looking import readme  # noqa: E402

TEMPLATE = (ROOT / "project_templates/publishing/template.yaml").read_text()
NAME = "platform"
SERVICES = ("codebuild.amazonaws.com", "codepipeline.amazonaws.com")
# What the pipeline's roles may do and did not here: CodePipeline hands on what its source fetched, files with names of
# their own have tags, which is the other target; and no stack failed.
NOT_DONE = {
    "test": set[str](),
    "plan": {"s3:GetObjectTagging"},
    "publish": {"s3:GetObjectTagging", "s3:PutObjectTagging", "cloudformation:DescribeStackEvents"},
    "pipeline": {"s3:GetObject"},
    "trigger": set[str](),
}
# What a copy tests of itself here: the repository's own `check` installs all that its developers need.
MAKEFILE = """check:
\tpip install --quiet --disable-pip-version-check --constraint requirements/dev.txt --editable .
\tsmproject assemble --check
"""
Found = dict[str, Any]


class Copy(Repository):
    """The platform team's copy: the tool, what it publishes (this template among it), and the buildspecs."""

    def __init__(self, root: Path) -> None:
        shutil.copytree(ROOT / "project_templates/publishing", root / "project_templates/publishing")
        super().__init__(root)
        hidden = shutil.ignore_patterns("__pycache__", "VERSION")
        shutil.copytree(ROOT / "smproject", root / "smproject", ignore=hidden, dirs_exist_ok=True)
        shutil.copytree(ROOT / "buildspecs", root / "buildspecs")
        for name in ("README.md", "setup.py", "pyproject.toml", "requirements/dev.txt"):
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
        (root / "Makefile").write_text(MAKEFILE)

    def change(self, value: str = "first") -> None:
        super().change(value)
        self.document()

    def document(self) -> None:
        """Write the README of each template."""
        for each in catalog.templates(self.root):
            (each.folder / "README.md").write_text(readme.readme(each))


class Team:
    """The platform team: its copy, the pipeline `platform`, and what the runs of that did."""

    def __init__(self, engineer: Hub, folder: Path) -> None:
        self.hub, self.copy = engineer, Copy(folder)
        self.stacks = Stacks(engineer.sandbox, HUB)
        self.seen: set[str] = set()  # runs of the pipeline that a test has looked at

    @cached_property
    def stack(self) -> Found:
        made = self.stacks.create(TEMPLATE, {"PublishingName": NAME}, Capabilities=["CAPABILITY_NAMED_IAM"])
        assert made["StackStatus"] == "CREATE_COMPLETE", self.stacks.reason(made["StackId"])
        return made

    @property
    def pipeline(self) -> str:
        return self.stacks.outputs(self.stack)["PublishingPipelineName"]

    def git(self, *words: str) -> None:
        scope = f"credential.{self.hub.sandbox.endpoint}"
        settings = {
            f"{scope}.helper": "!aws codecommit credential-helper --ignore-host-check $@",
            f"{scope}.UseHttpPath": "true",
            "user.name": "Engineer",
            "user.email": "engineer@example.com",
            "init.defaultBranch": "main",
        }
        environment = self.hub.sandbox.environment(HUB) | {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            ["git", *words], cwd=self.copy.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)

    def push(self, message: str, **pipeline: str) -> str:
        """Commit and push what the copy holds; return the run that this starts, of the pipeline or of another one."""
        url = self.stacks.outputs(self.stack)["PublishingRepositoryCloneUrl"]
        self.seen |= set(self.runs(**pipeline))
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        self.git("push", "--quiet", url, "HEAD:main")
        (new,) = eventually(lambda: set(self.runs(**pipeline)) - self.seen)
        return new

    def runs(self, name: str = "") -> dict[str, str]:
        """The status of each run."""
        api = self.hub.client("codepipeline")
        found = api.list_pipeline_executions(pipelineName=name or self.pipeline)["pipelineExecutionSummaries"]
        return {each["pipelineExecutionId"]: each["status"] for each in found}

    def waiting(self, run: str) -> Found:
        """Wait until a run waits for a person; return the approval's action as the pipeline's state shows it."""

        def look() -> Found | None:
            assert self.runs()[run] == "InProgress", self.actions(run)
            state = self.hub.client("codepipeline").get_pipeline_state(name=self.pipeline)
            stage = next(each for each in state["stageStates"] if each["stageName"] == "Approve")
            shown: Found = stage["actionStates"][0].get("latestExecution", {})
            mine = stage.get("latestExecution", {}).get("pipelineExecutionId") == run
            return shown if mine and shown.get("status") == "InProgress" and shown.get("token") else None

        return eventually(look) or {}

    def decide(self, run: str, status: str) -> str:
        """Approve or reject what waits; return how the run ended."""
        self.hub.client("codepipeline").put_approval_result(
            pipelineName=self.pipeline,
            stageName="Approve",
            actionName="Approve",
            result={"summary": "Read.", "status": status},
            token=self.waiting(run)["token"],
        )
        return self.ended(run)

    def ended(self, run: str, name: str = "") -> str:
        return eventually(lambda: (self.runs(name)[run] != "InProgress" and self.runs(name)[run]) or "")

    def actions(self, run: str, name: str = "") -> dict[str, Found]:
        """What the actions of a run did, by name."""
        found = self.hub.client("codepipeline").list_action_executions(
            pipelineName=name or self.pipeline, filter={"pipelineExecutionId": run}
        )["actionExecutionDetails"]
        return {each["actionName"]: each for each in found}

    def said(self, run: str, action: str, name: str = "") -> dict[str, str]:
        """The variables that an action of a run exported."""
        found: dict[str, str] = self.actions(run, name)[action]["output"]["outputVariables"]
        return found

    def artifact(self, run: str, action: str) -> dict[str, str]:
        """The files that an action of a run handed on."""
        (made,) = self.actions(run)[action]["output"]["outputArtifacts"]
        place = made["s3location"]
        content = self.hub.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
        with zipfile.ZipFile(io.BytesIO(content)) as files:
            return {name: files.read(name).decode() for name in files.namelist()}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("publishing")
    with hub(folder) as engineer:
        made = Team(engineer, folder / "copy")
        made.git("init", "--quiet")
        yield made


@pytest.fixture(scope="module")
def planned(team: Team) -> str:
    """The first run, which waits for an approval."""
    run = team.push("Start")
    team.waiting(run)
    return run


@pytest.fixture(scope="module")
def published(team: Team, planned: str) -> str:
    """The first run after its approval."""
    ended = team.decide(planned, "Approved")
    assert ended == "Succeeded", team.actions(planned)
    return planned


@pytest.fixture(scope="module")
def decided(team: Team, published: str) -> Found:
    """What a plan of a change says, how its runs end by the decision about it, and with how many versions then."""
    team.copy.change("second")
    run = team.push("Change the example")
    team.waiting(run)
    plan = team.artifact(run, "Plan")["plan.txt"]
    rejected = team.decide(run, "Rejected"), len(team.hub.versions())
    (team.copy.root / "NOTES.md").write_text("More notes.\n")
    approved = team.decide(team.push("Once more"), "Approved"), len(team.hub.versions())
    return {"plan": plan, "rejected": rejected, "approved": approved}


def test_a_push_is_tested_and_planned_and_nothing_is_published(team: Team, planned: str) -> None:
    assert {name: each["status"] for name, each in team.actions(planned).items()} == {
        **dict.fromkeys(("Source", "Test", "Plan"), "Succeeded"),
        "Approve": "InProgress",
    }
    files = team.artifact(planned, "Plan")
    plan = json.loads(files["plan.json"])
    assert (plan["target"], plan["changed"]) == ("service-catalog", True)
    assert {each["id"] for each in plan["products"]} == {"example", "publishing", "setting"}
    assert "product example: new" in files["plan.txt"]
    assert team.hub.client("servicecatalog").list_portfolios()["PortfolioDetails"] == []


def test_whoever_approves_is_shown_how_much_is_to_be_done(team: Team, planned: str) -> None:
    summary = team.said(planned, "Plan")["PLAN_SUMMARY"]
    assert "2 portfolios, 3 products" in summary
    shown = team.actions(planned)["Approve"]["input"]["resolvedConfiguration"]
    assert shown["CustomData"] == summary


def test_an_approval_publishes_what_was_planned(team: Team, published: str) -> None:
    assert team.hub.products("SageMaker Projects").keys() == {"example"}
    assert team.hub.products("ML Admin").keys() == {"publishing", "setting"}
    assert "portfolio" in team.said(published, "Publish")["PUBLISH_RESULT"]
    assert "ready" in team.said(published, "Publish")["PUBLISH_RESULT"]


def test_a_push_that_changes_no_template_asks_nobody(team: Team, published: str) -> None:
    before = team.hub.versions()
    (team.copy.root / "NOTES.md").write_text("Notes.\n")
    run = team.push("Take notes")
    assert team.ended(run) == "Succeeded"
    assert team.said(run, "Plan")["PLAN_SUMMARY"].endswith("nothing to do")
    assert team.actions(run).keys() == {"Source", "Test", "Plan"}
    assert team.hub.versions() == before


def test_what_fails_its_tests_is_not_planned(team: Team, published: str) -> None:
    page = team.copy.root / "project_templates/example/template.yaml"
    good = page.read_text()
    page.write_text(good + "# by hand\n")
    run = team.push("Edit what is generated")
    page.write_text(good)
    assert team.ended(run) == "Failed"
    assert {name: each["status"] for name, each in team.actions(run).items()} == {
        "Source": "Succeeded",
        "Test": "Failed",
    }


def test_a_rejected_change_is_not_published_and_an_approved_one_is(decided: Found) -> None:
    assert "product example: new version" in decided["plan"]
    assert decided["rejected"] == ("Failed", 1)
    assert decided["approved"] == ("Succeeded", 2)


@pytest.mark.parametrize("name", NOT_DONE)
def test_a_role_may_do_what_it_did_and_no_more(team: Team, decided: Found, name: str) -> None:
    done = usage.read(team.hub.shell.home / "calls.jsonl")[
        f"arn:aws:iam::{ACCOUNTS[HUB]}:role/publishing-{NAME}-{name}"
    ]
    assert done and not [use for use in done if use.decision == "denied"]
    made = catalog_types() if name == "publish" else set()
    documented = {each for service in SERVICES for each in services.documented([service])} | handlers.listed(made)
    unused = {action.lower() for action in granted(team, f"publishing-{NAME}-{name}")} - {
        use.action.lower() for use in done if use.decision == "allowed"
    }
    assert unused - documented == {each.lower() for each in NOT_DONE[name]}


def granted(team: Team, role: str) -> set[str]:
    """The actions that a role's policies allow."""
    iam = team.hub.client("iam")
    found = [iam.get_role_policy(RoleName=role, PolicyName=each)["PolicyDocument"]
             for each in iam.list_role_policies(RoleName=role)["PolicyNames"]]  # fmt: skip
    return {action for each in statements(found) for action in listed(each["Action"])}


def catalog_types() -> set[str]:
    """Types of all that publishing makes."""
    found = [load(ROOT / f"project_templates/{each}/template.yaml") for each in SETUP]
    return {item["Type"] for each in found for item in each["Resources"].values()}


def test_the_role_that_tests_may_read_nothing_but_the_source(team: Team, planned: str) -> None:
    policy = load(ROOT / "project_templates/publishing/template.yaml")["Resources"]["PublishingTestRole"]
    actions = {
        action
        for statement in policy["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }
    assert {action.split(":")[0] for action in actions} == {"kms", "logs", "s3"}
    assert not [action for action in actions if action.startswith("s3:Put")]


def test_service_catalog_launches_another_for_the_same_repository(team: Team, published: str) -> None:
    catalogue, account = team.hub.client("servicecatalog"), ACCOUNTS[HUB]
    product = team.hub.products("ML Admin")["publishing"]
    (version,) = catalogue.describe_product(Id=product)["ProvisioningArtifacts"]
    given = {"PublishingName": "preview", "PublishingRepositoryIsNew": "false", "PublishingTarget": "s3"}
    record = catalogue.provision_product(
        ProductId=product,
        ProvisioningArtifactId=version["Id"],
        ProvisionedProductName="preview",
        ProvisioningParameters=[{"Key": key, "Value": value} for key, value in given.items()],
    )["RecordDetail"]["RecordId"]
    assert (ended := record_of(team, record))["Status"] == "SUCCEEDED", ended
    run = eventually(lambda: next(iter(team.runs("publishing-preview")), None))
    summary = eventually(lambda: planned_by(team, run))
    assert summary["PLAN_CHANGES"] == "yes"  # the files under their own names
    record = catalogue.terminate_provisioned_product(ProvisionedProductName="preview")["RecordDetail"]["RecordId"]
    assert (ended := record_of(team, record))["Status"] == "SUCCEEDED", ended
    assert left(team, "preview") == {"bucket": [f"publishing-preview-{account}-us-east-1"]}


def test_a_push_to_a_connected_repository_starts_another(team: Team, published: str) -> None:
    sandbox, shell = team.hub.sandbox, team.hub.shell
    made = shell.run(str(SMPROJECT), "sandbox", "repository", "platform/catalogue")
    tags = [{"Key": "sagemaker", "Value": "true"}]
    api = sandbox.client("codeconnections", HUB)
    arn = api.create_connection(ConnectionName="code", ProviderType="GitHub", Tags=tags)["ConnectionArn"]
    shell.run(str(SMPROJECT), "sandbox", "accept", "code")
    given = {"PublishingName": "connected", "PublishingRepositoryName": "platform/catalogue"}
    stack = team.stacks.create(
        TEMPLATE, given | {"PublishingRepositoryConnectionArn": arn}, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", team.stacks.reason(stack["StackId"])
    first = set(team.runs("publishing-connected"))

    team.git("push", "--quiet", made.stdout.strip().replace("://", "://dev:any@"), "HEAD:main")

    (run,) = eventually(lambda: set(team.runs("publishing-connected")) - first)
    eventually(lambda: team.actions(run, "publishing-connected").get("Plan", {}).get("status") == "Succeeded")
    assert team.stacks.delete(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def record_of(team: Team, record: str) -> Found:
    """Wait for the end of a record of Service Catalog."""
    catalogue = team.hub.client("servicecatalog")

    def look() -> Found | None:
        found: Found = catalogue.describe_record(Id=record)["RecordDetail"]
        return found if found["Status"] in {"SUCCEEDED", "FAILED"} else None

    return eventually(look) or {}


def planned_by(team: Team, run: str) -> dict[str, str]:
    """What the other pipeline's plan said, once it has said it."""
    assert team.runs("publishing-preview")[run] == "InProgress", team.actions(run, "publishing-preview")
    found = team.actions(run, "publishing-preview").get("Plan", {})
    return found.get("output", {}).get("outputVariables", {}) if found.get("status") == "Succeeded" else {}


def test_deleting_it_leaves_the_repository_and_what_was_published(team: Team, published: str) -> None:
    ended = team.stacks.delete(team.stack["StackId"])
    assert ended["StackStatus"] == "DELETE_COMPLETE", ended
    assert left(team, NAME) == {
        "bucket": [f"publishing-{NAME}-{ACCOUNTS[HUB]}-us-east-1"],
    }
    copies = team.hub.client("codecommit").list_repositories()["repositories"]
    assert [each["repositoryName"] for each in copies] == ["publishing-catalogue"]
    assert team.hub.products("SageMaker Projects").keys() == {"example"}


def left(team: Team, name: str) -> dict[str, list[str]]:
    """What the hub still has of a pipeline, by kind."""
    roles = team.hub.client("iam").get_paginator("list_roles").paginate()
    found = {
        "bucket": [each["Name"] for each in team.hub.client("s3").list_buckets()["Buckets"]],
        "pipeline": [each["name"] for each in team.hub.client("codepipeline").list_pipelines()["pipelines"]],
        "build": team.hub.client("codebuild").list_projects()["projects"],
        "rule": [each["Name"] for each in team.hub.client("events").list_rules()["Rules"]],
        "role": [each["RoleName"] for page in roles for each in page["Roles"]],
        "log": [each["logGroupName"] for each in team.hub.client("logs").describe_log_groups()["logGroups"]],
    }
    mine = {kind: [each for each in names if f"publishing-{name}" in each] for kind, names in found.items()}
    return {kind: names for kind, names in mine.items() if names}
