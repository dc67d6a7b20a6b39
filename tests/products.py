"""Ways in which people get what a product of the catalogue makes: from Service Catalog, and from S3."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

from publishing import ACCOUNTS, BUCKET, SMPROJECT, Hub, eventually

LAUNCH = f"arn:aws:iam::{ACCOUNTS['development']}:role/SageMakerProjectTemplatesLaunchRole"


@dataclass
class Made:
    """What one product makes under a name; `parameters` are those that have no default."""

    engineer: Hub
    template: str
    name: str
    parameters: dict[str, str]
    profile: str = "development"
    stack: str = field(default="", init=False)
    created: str = field(default="", init=False)  # how its creation ended

    def client(self, service: str) -> Any:
        """Return a client of the account that gets the product."""
        return self.engineer.client(service, self.profile)

    def described(self) -> dict[str, Any]:
        """Return the stack."""
        found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        return found

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        return str({item["OutputKey"]: item["OutputValue"] for item in self.described()["Outputs"]}[name])

    def pairs(self) -> list[dict[str, str]]:
        """Return the parameters as most APIs take them."""
        return [{"Key": key, "Value": value} for key, value in self.parameters.items()]


class Project(Made):
    """A SageMaker project."""

    def create(self) -> None:
        """Ask for it."""
        made = self.client("sagemaker").create_project(ProjectName=self.name, **self.provisioning())
        self.id = made["ProjectId"]

    def provisioning(self) -> dict[str, Any]:
        raise NotImplementedError

    def settle(self) -> str:
        """Wait until it is at rest; return its status, with the reason of a failure."""
        found = self.engineer.settled(self.name)
        self.stack = self.stack or self.stack_of(found)
        status = str(found["ProjectStatus"])
        return status if status.endswith("Completed") else f"{status}: {json.dumps(found, default=str)}"

    def stack_of(self, found: dict[str, Any]) -> str:
        raise NotImplementedError

    def remove(self) -> str:
        """Let the tool destroy it, with what it leaves behind; return what it said."""
        command = [SMPROJECT, "destroy", "--project", self.name, "--yes", self.name]
        environment = self.engineer.sandbox.environment(self.profile)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr if done.returncode else ""


class ProductProject(Project):
    """A project from Service Catalog."""

    def _version(self) -> dict[str, str]:
        """Return product and version as the account's people find them: the newest that can be launched."""
        service_catalog = self.client("servicecatalog")
        product = service_catalog.describe_product(Name=self.template)
        [version] = [each for each in product["ProvisioningArtifacts"] if each["Guidance"] == "DEFAULT"]
        return {"ProductId": product["ProductViewSummary"]["ProductId"], "ProvisioningArtifactId": version["Id"]}

    def provisioning(self) -> dict[str, Any]:
        given = {**self._version(), "ProvisioningParameters": self.pairs()}
        return {"ServiceCatalogProvisioningDetails": given}

    def stack_of(self, found: dict[str, Any]) -> str:
        product = found["ServiceCatalogProvisionedProductDetails"]["ProvisionedProductId"]
        return f"SC-{ACCOUNTS[self.profile]}-{product}"

    def update(self) -> None:
        """Bring it to the newest version."""
        version = {"ProvisioningArtifactId": self._version()["ProvisioningArtifactId"]}
        self.client("sagemaker").update_project(ProjectName=self.name, ServiceCatalogProvisioningUpdateDetails=version)


class FileProject(Project):
    """A project from a template in S3."""

    def _provider(self, **more: str) -> list[dict[str, Any]]:
        url = f"https://{BUCKET}.s3.us-east-1.amazonaws.com/projects/{self.template}.yaml"
        provider = {"TemplateName": self.template, "TemplateURL": url, "Parameters": self.pairs(), **more}
        return [{"CfnTemplateProvider": provider}]

    def provisioning(self) -> dict[str, Any]:
        return {"TemplateProviders": self._provider(RoleARN=LAUNCH)}

    def stack_of(self, found: dict[str, Any]) -> str:
        [told] = found["TemplateProviderDetails"]
        return str(told["CfnTemplateProviderDetail"]["StackDetail"].get("Id", ""))

    def update(self) -> None:
        """Bring it to the newest template."""
        self.client("sagemaker").update_project(ProjectName=self.name, TemplateProvidersToUpdate=self._provider())


class Provisioned(ProductProject):
    """A product of administrators, from Service Catalog."""

    def create(self) -> None:
        made = self.client("servicecatalog").provision_product(
            ProvisionedProductName=self.name, ProvisioningParameters=self.pairs(), **self._version()
        )
        self.record = made["RecordDetail"]

    def settle(self) -> str:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.client("servicecatalog").describe_record(Id=self.record["RecordId"])
            return found if found["RecordDetail"]["Status"] in {"SUCCEEDED", "FAILED"} else None

        found = eventually(look)["RecordDetail"]
        self.stack = f"SC-{ACCOUNTS[self.profile]}-{self.record['ProvisionedProductId']}"
        return "Completed" if found["Status"] == "SUCCEEDED" else json.dumps(found, default=str)

    def update(self) -> None:
        made = self.client("servicecatalog").update_provisioned_product(
            ProvisionedProductName=self.name, ProvisioningParameters=self.pairs(), **self._version()
        )
        self.record = made["RecordDetail"]

    def remove(self) -> str:
        made = self.client("servicecatalog").terminate_provisioned_product(ProvisionedProductName=self.name)
        self.record = made["RecordDetail"]
        return "" if (ended := self.settle()) == "Completed" else ended


class Deployed(Made):
    """A template of administrators in S3, deployed as a stack with the rights of who deploys it."""

    def _request(self) -> dict[str, Any]:
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()]
        return {
            "StackName": self.name,
            "TemplateURL": f"https://{BUCKET}.s3.us-east-1.amazonaws.com/admin/{self.template}.yaml",
            "Parameters": given,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }

    def create(self) -> None:
        self.stack = self.client("cloudformation").create_stack(**self._request())["StackId"]

    def settle(self) -> str:
        def look() -> str:
            status = str(self.described()["StackStatus"])
            return "" if status.endswith("IN_PROGRESS") else status

        ended = eventually(look)
        return "Completed" if ended.endswith(("TE_COMPLETE", "DELETE_COMPLETE")) else ended

    def update(self) -> None:
        self.client("cloudformation").update_stack(**self._request())

    def remove(self) -> str:
        self.client("cloudformation").delete_stack(StackName=self.stack)
        return "" if (ended := self.settle()) == "Completed" else ended
