"""The first half: from a project's creation to models in the registry."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3

from smproject import projects
from smproject.demo import data, watch
from smproject.demo.console import Console
from smproject.demo.watch import StoryError, Told
from smproject.publish import publish
from smproject.sandbox.lifecycle import Running
from smproject.share import share

PROJECT = "churn"
PRODUCT = "model-build-deploy"
DEVELOPMENT, STAGING, PRODUCTION = "222222222222", "333333333333", "444444444444"
ORGANIZATION_ROLE = "OrganizationAccountAccessRole"
PIPELINE_FILE = "pipelines/build/tabular/pipeline.py"


class Building:
    """The steps, in order; each uses what those before it left in the accounts."""

    def __init__(self, console: Console, running: Running, checkout: Path) -> None:
        self.console, self.running, self.checkout = console, running, checkout
        self.scientist = boto3.Session(profile_name="development")

    def client(self, service: str) -> Any:
        """Return a client of the data scientist in the development account."""
        return self.scientist.client(service)

    def publish(self) -> None:
        """Publish the catalogue in the shared services account and share it."""
        with self.console.step(
            "The platform engineer publishes the portfolio and shares it with the development account"
        ):
            hub = boto3.Session(profile_name="shared-services")
            publish(hub, None, self.console.line)
            share(hub, DEVELOPMENT, ORGANIZATION_ROLE, self.console.line)

    def create_project(self) -> None:
        """Put the data into S3 and create a project from the product."""
        with self.console.step("A data scientist puts her data into S3 and creates a SageMaker project"):
            self._upload_data()
            catalog = self.client("servicecatalog")
            product = catalog.search_products(Filters={"FullTextSearch": [PRODUCT]})["ProductViewSummaries"][0][
                "ProductId"
            ]
            version = catalog.describe_product(Id=product)["ProvisioningArtifacts"][-1]["Id"]
            self._create(product, version)
            project = watch.project_created(self.client("sagemaker"), PROJECT)
            self.name = f"sagemaker-{PROJECT}-{project['ProjectId']}"
            self._list_resources(project)

    def _upload_data(self) -> None:
        content, rows = data.csv()
        s3 = self.client("s3")
        s3.create_bucket(Bucket=data.BUCKET)
        s3.put_object(Bucket=data.BUCKET, Key=data.KEY, Body=content)
        self.console.line(f"uploaded s3://{data.BUCKET}/{data.KEY}: {rows} rows")

    def _create(self, product: str, version: str) -> None:
        values = {
            "ModelBuildDataBucket": data.BUCKET,
            "ModelBuildDataKey": data.KEY,
            "ModelBuildTargetColumn": data.TARGET,
            "TargetsStagingAccountId": STAGING,
            "TargetsProductionAccountId": PRODUCTION,
        }
        parameters = [{"Key": key, "Value": value} for key, value in values.items()]
        details = {"ProductId": product, "ProvisioningArtifactId": version, "ProvisioningParameters": parameters}
        self.client("sagemaker").create_project(ProjectName=PROJECT, ServiceCatalogProvisioningDetails=details)

    def _list_resources(self, project: dict[str, Any]) -> None:
        stack = projects.stack_name(project)
        found = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        self.console.line(f"project {project['ProjectName']} ({project['ProjectId']}) with {len(found)} resources:")
        for kind, count in sorted(Counter(item["ResourceType"] for item in found).items()):
            self.console.line(f"  {count} {kind}")

    def first_build(self) -> None:
        """Wait for the build that starts by itself."""
        with self.console.step("The first build runs by itself: CodePipeline, CodeBuild, the SageMaker pipeline"):
            outcome = watch.delivery(self.client, self.pipeline, set(), Told(self.console.line))
            watch.expect(outcome, "Succeeded")

    @property
    def pipeline(self) -> str:
        """Return the name of the CodePipeline that builds."""
        return f"{self.name}-model-build"

    def packages(self) -> list[dict[str, Any]]:
        """Return the registered versions, newest first."""
        found = self.client("sagemaker").list_model_packages(
            ModelPackageGroupName=self.name, SortBy="CreationTime", SortOrder="Descending"
        )
        packages: list[dict[str, Any]] = found["ModelPackageSummaryList"]
        return packages

    def show_model(self) -> None:
        """Show what the registry knows of the model."""
        with self.console.step("The model is registered and waits for approval"):
            package = self.newest()
            quality = self.read_json(package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
            metrics = quality["binary_classification_metrics"]
            shown = ", ".join(
                f"{name} {metrics[name]['value']:.3f}" for name in ("auc", "accuracy", "f1") if name in metrics
            )
            container = package["InferenceSpecification"]["Containers"][0]
            self.console.line(f"{package['ModelPackageArn']}: {package['ModelApprovalStatus']}")
            for label, text in {
                "test metrics": shown,
                "model": container["ModelDataUrl"],
                "image digest": container["ImageDigest"],
                **package["CustomerMetadataProperties"],
            }.items():
                self.console.line(f"  {label:<21} {text}")

    def newest(self) -> dict[str, Any]:
        """Return all that the registry knows of the newest version."""
        name = self.packages()[0]["ModelPackageArn"]
        package: dict[str, Any] = self.client("sagemaker").describe_model_package(ModelPackageName=name)
        return package

    def read_json(self, uri: str) -> dict[str, Any]:
        """Return the content of a JSON object in S3."""
        place = urlparse(uri)
        body = self.client("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
        content: dict[str, Any] = json.loads(body)
        return content

    def push_change(self) -> None:
        """Change a hyperparameter with the ordinary git client; the data step is a cache hit."""
        with self.console.step("She clones the repository, makes the trees shallower and pushes"):
            self._clone()
            watch.expect(self._push('"max_depth": 5', '"max_depth": 4', "Try shallower trees"), "Succeeded")
            self._expect_versions(2)

    def miss_gate(self) -> None:
        """Push a gate that no model meets: nothing is registered, and the reason is readable."""
        with self.console.step("She pushes a quality gate that the model can't meet"):
            outcome = self._push('("auc", 0.8)', '("auc", 0.9999)', "Ask for the impossible")
            watch.expect(outcome, "Failed")
            failed = next(action for action in outcome["actions"] if action["status"] == "Failed")
            result = failed["output"]["executionResult"]["errorDetails"]["message"]
            self.console.line(f"CodePipeline says: {result}")
            self.console.line(f"The build says: {failed['output']['outputVariables']['PIPELINE_RESULT']}")
            self._expect_versions(2)

    def _expect_versions(self, count: int) -> None:
        versions = [str(package["ModelPackageVersion"]) for package in self.packages()]
        if len(versions) != count:
            raise StoryError(f"{count} versions should be registered, but these are: {', '.join(versions)}.")
        self.console.line(f"registered versions: {', '.join(reversed(versions))}")

    def _clone(self) -> None:
        repository = self.client("codecommit").get_repository(repositoryName=self.name)["repositoryMetadata"]
        self.console.line(f"git clone {repository['cloneUrlHttp']}")
        _git("clone", "--quiet", repository["cloneUrlHttp"], str(self.checkout))
        for key, value in (("user.name", "Data Scientist"), ("user.email", "data.scientist@example.com")):
            _git("-C", str(self.checkout), "config", key, value)

    def _push(self, before: str, after: str, message: str) -> dict[str, Any]:
        """Replace text in the pipeline, commit and push; return what became of it."""
        path = self.checkout / PIPELINE_FILE
        text, count = re.subn(re.escape(before), after, path.read_text())
        if count != 1:
            raise StoryError(f"{PIPELINE_FILE} should hold {before!r} once, but holds it {count} times.")
        path.write_text(text)
        self.console.line(f"git commit -m {message!r} ({before} -> {after}); git push")
        _git("-C", str(self.checkout), "commit", "--quiet", "--all", "--message", message)
        earlier = watch.executions(self.client("codepipeline"), self.pipeline)
        _git("-C", str(self.checkout), "push", "--quiet")
        return watch.delivery(self.client, self.pipeline, earlier, Told(self.console.line))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoryError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
