"""A small repository of its own, and a sandbox that it is published to, as the platform engineer does it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

TESTS = Path(__file__).resolve().parent
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path[:0] = [str(TESTS / "sandbox")]

from demonstration import SMPROJECT, Demonstration  # noqa: E402
from harness import ACCOUNTS, Sandbox, eventually, settled  # noqa: E402
from persons import Person  # noqa: E402

from smproject import catalog  # noqa: E402
from smproject.assemble import assemble  # noqa: E402

__all__ = ["ACCOUNTS", "BUCKET", "HUB", "SMPROJECT", "Hub", "Person", "Repository", "eventually", "hub"]
ROOT = TESTS.parent
HUB = "shared-services"
BUCKET = f"sagemaker-project-templates-{ACCOUNTS[HUB]}-us-east-1"
SETUP = ("catalog-bucket", "launch-role", "portfolio", "product")
EXAMPLE = """Description: Example

Parameters:
  ExampleValue:
    Type: String
    Description: What is kept.
    Default: first
    AllowedPattern: ^[a-z]+$

Resources:
  ExampleParameter:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub /sagemaker-projects/${SageMakerProjectId}/example
      Type: String
      Value: !Ref ExampleValue
"""
SETTING = """Description: Setting

Resources:
  SettingParameter:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: set
"""


class Repository:
    """What publishing reads: a project template `example`, `setting` for administrators, and what they need."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in (*SETUP, "fragments"):
            shutil.copytree(ROOT / "project_templates" / name, root / "project_templates" / name)
        self._write("smproject/VERSION", "1.0.0\n")
        self._add("example", "sagemaker-projects", ["sagemaker-project", "example"])
        self._add("setting", "ml-admin", ["setting"])
        self.change()

    def change(self, value: str = "first") -> None:
        """Make the template of projects another: by the default of its parameter."""
        self._write("project_templates/fragments/example.yaml", EXAMPLE.replace("first", value))
        self._write("project_templates/fragments/setting.yaml", SETTING)
        for each in catalog.templates(self.root):
            each.path.write_text(assemble(each))

    def _add(self, name: str, portfolio: str, fragments: list[str]) -> None:
        text = f"title: {name}\ndescription: A small one.\nportfolio: {portfolio}\nfragments: {fragments}\n"
        self._write(f"project_templates/{name}/project.yaml", text)

    def _write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)


class Hub:
    """The sandbox as the platform engineer sees it."""

    def __init__(self, sandbox: Sandbox, shell: Demonstration) -> None:
        self.sandbox, self.shell = sandbox, shell
        self.told: list[str] = []

    @property
    def session(self) -> Any:
        """A session with the hub's credentials, as the tool opens it."""
        return boto3.Session(profile_name=HUB)

    def client(self, service: str, profile: str = HUB) -> Any:
        return self.sandbox.client(service, profile)

    def tell(self, line: str) -> None:
        """Keep what publishing tells."""
        self.told.append(line)

    def portfolios(self) -> dict[str, str]:
        """Ids of the hub's portfolios by name."""
        found = self.client("servicecatalog").list_portfolios()["PortfolioDetails"]
        return {item["DisplayName"]: item["Id"] for item in found}

    def products(self, portfolio: str) -> dict[str, str]:
        """Ids of a portfolio's products by name."""
        found = self.client("servicecatalog").search_products_as_admin(PortfolioId=self.portfolios()[portfolio])
        summaries = [item["ProductViewSummary"] for item in found["ProductViewDetails"]]
        return {item["Name"]: item["ProductId"] for item in summaries}

    def versions(self, product: str = "example", portfolio: str = "SageMaker Projects") -> list[tuple[bool, str]]:
        """Whether each version of a product is active, and its guidance; the oldest first."""
        found = self.client("servicecatalog").list_provisioning_artifacts(ProductId=self.products(portfolio)[product])
        ordered = sorted(found["ProvisioningArtifactDetails"], key=lambda item: item["CreatedTime"])
        return [(item["Active"], item["Guidance"]) for item in ordered]

    def objects(self) -> set[str]:
        """Keys in the catalogue's bucket."""
        return {item["Key"] for item in self.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def settled(self, project: str) -> dict[str, Any]:
        """Wait until a project of the development account is at rest; return its description."""
        return settled(self.client("sagemaker", "development"), project)

    def kept(self, project_id: str) -> str | None:
        """What the project's stack keeps; None when there is nothing."""
        ssm = self.client("ssm", "development")
        try:
            return str(ssm.get_parameter(Name=f"/sagemaker-projects/{project_id}/example")["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return None


@contextmanager
def hub(folder: Path) -> Iterator[Hub]:
    """Run a sandbox of its own, and let boto3's sessions find its profiles."""
    shell = Demonstration(folder)
    up = shell.run(str(SMPROJECT), "sandbox", "up", "--port", str(shell.port))
    assert up.returncode == 0, up.stdout + up.stderr
    sandbox = Sandbox(f"http://127.0.0.1:{shell.port}", shell.home)
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                patch.delenv(name, raising=False)
            for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_REGION"):
                patch.delenv(name, raising=False)
            patch.setenv("AWS_CONFIG_FILE", str(shell.home / "config"))
            patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shell.home / "credentials"))
            yield Hub(sandbox, shell)
    finally:
        shell.run(str(SMPROJECT), "sandbox", "down")
