"""Projects whose code is on a git host, which a connection reaches: as their scientist makes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import scientist
from scientist import Found


@dataclass
class Team:
    """A team with an account on a git host, a complete connection to it, and projects of any product."""

    catalogue: Any  # runs commands, and has clients: a catalogue, or a visitor of the demonstration
    name: str
    provider: str = "GitHub"
    host: str = ""

    @cached_property
    def connection(self) -> str:
        """A connection that the owner of the repositories has completed."""
        arn = self.pending
        self.catalogue.run("smproject", "sandbox", "accept", self.name)
        return arn

    @cached_property
    def pending(self) -> str:
        """A connection that waits for its owner."""
        api = self.catalogue.client("codeconnections")
        tags = [{"Key": "sagemaker", "Value": "true"}]
        provider = {"HostArn": self.host} if self.host else {"ProviderType": self.provider}
        made = api.create_connection(ConnectionName=self.name, Tags=tags, **provider)
        return str(made["ConnectionArn"])

    def repository(self, *options: str) -> str:
        """Make the repository; return its URL, with somebody who may push."""
        url = self.catalogue.run("smproject", "sandbox", "repository", self.full_name, *options).strip()
        return str(url).replace("://", "://dev:any@")

    @property
    def full_name(self) -> str:
        return f"team/{self.name}"

    @property
    def parameters(self) -> dict[str, str]:
        """What a project is told of the repository."""
        return {"RepositoryConnectionArn": self.connection, "RepositoryFullName": self.full_name}

    @property
    def checkout(self) -> Path:
        """The team's checkout of its repository."""
        return Path(self.catalogue.folder / self.name)

    def git(self, *words: str) -> str:
        self.checkout.mkdir(exist_ok=True)
        return str(self.catalogue.run("git", *words, cwd=self.checkout).strip())

    def clone(self, url: str) -> Path:
        """Check main out."""
        self.git("clone", "--quiet", url, ".")
        return self.checkout

    def begin(self, url: str, files: dict[str, str], branch: str = "main") -> str:
        """Push a first commit; return its id."""
        self.git("init", "--quiet", "--initial-branch", branch)
        self.git("remote", "add", "origin", url)
        for name, text in files.items():
            (self.checkout / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "What the team has")
        self.git("push", "--quiet", "--set-upstream", "origin", branch)
        return self.git("rev-parse", "HEAD")


class Catalogue(scientist.Project):
    """The published catalogue: products by name, projects by team."""

    project = product = delivers = ""

    def team(self, name: str, **more: str) -> Team:
        return Team(self, name, **more)

    def make(self, product: str, project: str, **parameters: str) -> Found:
        """Create a project of a product; return how it is once it is at rest."""
        found = self.client("servicecatalog").describe_product(Name=product)
        details = {
            "ProductId": found["ProductViewSummary"]["ProductId"],
            "ProvisioningArtifactId": found["ProvisioningArtifacts"][-1]["Id"],
            "ProvisioningParameters": [{"Key": key, "Value": value} for key, value in parameters.items()],
        }
        self.client("sagemaker").create_project(ProjectName=project, ServiceCatalogProvisioningDetails=details)
        return self.settled(project)

    def settled(self, project: str) -> Found:
        return scientist.settled(self.client("sagemaker"), project)

    def stack(self, project: Found) -> str:
        product = project["ServiceCatalogProvisionedProductDetails"]["ProvisionedProductId"]
        return f"SC-{scientist.ACCOUNTS['development']}-{product}"

    def outputs(self, project: Found) -> dict[str, str]:
        """Return the outputs of a project's stack."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.stack(project))["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def failed(self, project: Found) -> list[Found]:
        """Return what failed when a project's stack was made, the newest first."""
        found = self.client("cloudformation").describe_stack_events(StackName=self.stack(project))["StackEvents"]
        return [dict(each) for each in found if each["ResourceStatus"].endswith("_FAILED")]

    def source(self, project: Found, pipeline: str, commit: str = "") -> Found:
        """Wait until a project's pipeline has fetched its source, a commit if one is given; return that execution."""
        name = f"sagemaker-{project['ProjectName']}-{project['ProjectId']}-{pipeline}"

        def look() -> Found:
            found = self.client("codepipeline").list_action_executions(pipelineName=name)["actionExecutionDetails"]
            ended = [each for each in found if each["stageName"] == "Source" and each["status"] != "InProgress"]
            return next((dict(each) for each in ended if commit in json.dumps(each, default=str)), {})

        return scientist.eventually(look)


def twin(project: Any, **parameters: str) -> Any:
    """Create a second project of a kind, whose code is on a git host; return it."""
    kind = type(project)
    name = f"{project.project}-connected"
    team = Team(project, name)
    url = team.repository()
    own = {field.name: getattr(project, field.name) for field in fields(project)} | {"seen": set(), "clone_url": url}
    made = type(kind.__name__, (kind,), {"project": name})(**own)
    made.create(**parameters, **team.parameters)
    return made
