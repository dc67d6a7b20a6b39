"""A data scientist's project that builds models: its SageMaker pipeline, what it registers, and an endpoint of that."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import scientist
from harness import eventually

Found = scientist.Found


class Project(scientist.Project):
    """A project whose build runs one SageMaker pipeline."""

    delivers = "model-build"
    use_case: ClassVar[str]

    @property
    def group(self) -> str:
        return self.name

    def put(self, bucket: str, contents: dict[str, bytes]) -> None:
        """Make a bucket and put objects into it, by key."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=bucket)
        for key, content in contents.items():
            s3.put_object(Bucket=bucket, Key=key, Body=content)

    def read(self, uri: str) -> Any:
        """Content of a JSON file in S3."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return json.loads(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    def steps(self, execution: str) -> dict[str, Found]:
        """Steps of an execution of the SageMaker pipeline, by name."""
        found = self.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=execution)
        return {step["StepName"]: step for step in found["PipelineExecutionSteps"]}

    def training(self, execution: str) -> Found:
        """The training job of an execution."""
        name = self.steps(execution)["train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
        found: Found = self.client("sagemaker").describe_training_job(TrainingJobName=name)
        return found

    def start(self, **parameters: str) -> Found:
        """Run the SageMaker pipeline with parameters; return how it ended."""
        api = self.client("sagemaker")
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        name = f"{self.project}-{self.id}-{self.use_case}"
        arn = api.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]

        def look() -> Found:
            found: Found = api.describe_pipeline_execution(PipelineExecutionArn=arn)
            return {} if found["PipelineExecutionStatus"] == "Executing" else found

        return eventually(look)

    def registered(self) -> Found:
        """The one model package that is registered."""
        api = self.client("sagemaker")
        (summary,) = api.list_model_packages(ModelPackageGroupName=self.group)["ModelPackageSummaryList"]
        found: Found = api.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        return found

    def serve(self, name: str, version: Found) -> None:
        """Serve a registered model by an endpoint of that name."""
        api = self.client("sagemaker")
        role = self.training(version["CustomerMetadataProperties"]["PipelineExecutionArn"])["RoleArn"]
        model = {"ModelName": name, "ExecutionRoleArn": role, "EnableNetworkIsolation": True}
        api.create_model(Containers=[{"ModelPackageName": version["ModelPackageArn"]}], **model)
        variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        api.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        api.create_endpoint(EndpointName=name, EndpointConfigName=name)
        api.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
