"""A data scientist's project of one product, in a sandbox of its own whose catalogue is published and shared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

TESTS = Path(__file__).resolve().parent
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path.insert(0, str(TESTS / "sandbox"))

from demonstration import SMPROJECT, Demonstration  # noqa: E402
from harness import ACCOUNTS, Sandbox, eventually, settled  # noqa: E402

Found = dict[str, Any]


@dataclass
class Project:
    """A project of one product, and the scientist's checkout of its repository."""

    demonstration: Demonstration
    folder: Path
    seen: set[str] = field(default_factory=set)  # executions of its pipeline that were waited for
    clone_url: str = ""  # of a repository on a git host; empty for CodeCommit

    product: ClassVar[str]
    project: ClassVar[str]
    delivers: ClassVar[str]  # what its CodePipeline's name ends in

    @cached_property
    def sandbox(self) -> Sandbox:
        return Sandbox(f"http://127.0.0.1:{self.demonstration.port}", self.demonstration.home)

    @cached_property
    def variables(self) -> dict[str, str]:
        """A shell's variables after the command that the tool tells its users to type."""
        shell = self.demonstration.run("bash", "-c", 'eval "$(smproject sandbox env)" && env -0')
        assert shell.returncode == 0, shell.stderr
        people = {f"GIT_{who}_{what}": "scientist@example.com" for who in ("AUTHOR", "COMMITTER")
                  for what in ("NAME", "EMAIL")}  # fmt: skip
        return dict(line.split("=", 1) for line in shell.stdout.split("\0") if line) | people

    def client(self, service: str, profile: str = "development") -> Any:
        return self.sandbox.client(service, profile)

    def run(self, *command: str, cwd: Path | None = None) -> str:
        done = subprocess.run(command, env=self.variables, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def smproject(self, *arguments: str) -> str:
        return self.run(str(SMPROJECT), *arguments)

    @cached_property
    def product_id(self) -> str:
        """The id of its product, as the scientist finds it."""
        found = self.client("servicecatalog").search_products(Filters={"FullTextSearch": [self.product]})
        (product,) = (item["ProductId"] for item in found["ProductViewSummaries"] if item["Name"] == self.product)
        return str(product)

    def create(self, **parameters: str) -> None:
        """Create the project from the newest version of its product."""
        product = self.client("servicecatalog").describe_product(Id=self.product_id)
        details = {
            "ProductId": self.product_id,
            "ProvisioningArtifactId": product["ProvisioningArtifacts"][-1]["Id"],
            "ProvisioningParameters": [{"Key": key, "Value": value} for key, value in parameters.items()],
        }
        self.client("sagemaker").create_project(ProjectName=self.project, ServiceCatalogProvisioningDetails=details)
        made = self.at_rest()
        assert made["ProjectStatus"] == "CreateCompleted", made

    def at_rest(self) -> Found:
        """Wait until nothing is done to the project."""
        return settled(self.client("sagemaker"), self.project)

    @cached_property
    def id(self) -> str:
        return str(self.at_rest()["ProjectId"])

    @property
    def name(self) -> str:
        return f"sagemaker-{self.project}-{self.id}"

    @property
    def pipeline(self) -> str:
        return f"{self.name}-{self.delivers}"

    def executions(self) -> list[Found]:
        """Executions of its CodePipeline that nobody has waited for, the newest first."""
        found = self.client("codepipeline").list_pipeline_executions(pipelineName=self.pipeline)
        return [item for item in found["pipelineExecutionSummaries"] if item["pipelineExecutionId"] not in self.seen]

    def ended(self) -> Found:
        """Wait for the end of a run that nobody has waited for; its status, what failed, and what its actions said."""

        def look() -> Found:
            new = self.executions()
            return new[-1] if new and new[-1]["status"] not in ("InProgress", "Stopping") else {}

        run = eventually(look)
        self.seen.add(run["pipelineExecutionId"])
        only = {"pipelineExecutionId": run["pipelineExecutionId"]}
        details = self.client("codepipeline").list_action_executions(pipelineName=self.pipeline, filter=only)
        said = [item.get("output", {}).get("outputVariables", {}) for item in details["actionExecutionDetails"]]
        failed = [item["output"] for item in details["actionExecutionDetails"] if item["status"] == "Failed"]
        told = {name: text for each in said for name, text in each.items()}
        return {"status": run["status"], "failed": json.dumps(failed, default=str), **told}

    @cached_property
    def checkout(self) -> Path:
        url = self.clone_url
        if not url:
            found = self.client("codecommit").get_repository(repositoryName=self.name)
            url = found["repositoryMetadata"]["cloneUrlHttp"]
        folder = self.folder / f"{self.project}-checkout"
        self.run("git", "clone", "--quiet", url, str(folder))
        return folder

    def pushed(self, message: str) -> Found:
        """Push what has changed in the checkout; return how the run ended."""
        for words in (("add", "."), ("commit", "--quiet", "-m", message), ("push", "--quiet")):
            self.run("git", *words, cwd=self.checkout)
        return self.ended()


@contextmanager
def published(kind: type[Any], folder: Path) -> Iterator[Any]:
    """Run a sandbox whose catalogue is published and shared; yields a project of a kind that is not created yet."""
    demonstration = Demonstration(folder)
    try:
        up = demonstration.run(str(SMPROJECT), "sandbox", "up", "--port", str(demonstration.port))
        assert up.returncode == 0, up.stdout + up.stderr
        project = kind(demonstration, folder)
        project.smproject("publish", "--profile", "shared-services")
        project.smproject("share", "--account", ACCOUNTS["development"], "--profile", "shared-services")
        yield project
    finally:
        down = demonstration.run(str(SMPROJECT), "sandbox", "down")
        assert down.returncode == 0, down.stderr
