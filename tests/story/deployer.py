"""Somebody who deploys the demonstration's models: approves versions and deliveries, and looks at what serves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness import eventually
from visitor import Found, Visitor

STAGES = ("staging", "production")


@dataclass
class Deployer:
    """An engineer with the visitor's eyes, who looks at the project of the models; another one may deploy them."""

    visitor: Visitor
    deploys: Visitor | None = None

    @property
    def pipeline(self) -> str:
        """Return the name of the CodePipeline that deploys."""
        return (self.deploys or self.visitor).outputs["ModelDeployPipelineName"]

    @property
    def endpoint(self) -> str:
        return self.visitor.outputs["ModelRegistryGroupName"]

    @property
    def stack(self) -> str:
        return f"sagemaker-{self.visitor.project['ProjectId']}-endpoint"

    def version(self, number: int) -> str:
        """Return the ARN of a version of the model."""
        return f"{self.visitor.outputs['ModelRegistryGroupArn']}/{number}".replace("-package-group/", "-package/")

    def package(self, number: int) -> Found:
        found: Found = self.visitor.client("sagemaker").describe_model_package(ModelPackageName=self.version(number))
        return found

    def golden(self, number: int) -> Found:
        """Return the predictions recorded when a version was evaluated."""
        uri = self.package(number)["CustomerMetadataProperties"]["GoldenPredictions"]
        found: Found = json.loads(self.visitor.get(uri)["Body"])
        return found

    def executions(self) -> list[Found]:
        """Return the executions of the pipeline, the oldest first."""
        pages = self.visitor.client("codepipeline").get_paginator("list_pipeline_executions")
        found = pages.paginate(pipelineName=self.pipeline)
        return [item for page in found for item in page["pipelineExecutionSummaries"]][::-1]

    def actions(self, execution: str) -> dict[str, Found]:
        """Return the newest run of each action of an execution, by `Stage/Action`."""
        found = self.visitor.client("codepipeline").list_action_executions(
            pipelineName=self.pipeline, filter={"pipelineExecutionId": execution}
        )["actionExecutionDetails"]
        return {f"{item['stageName']}/{item['actionName']}": item for item in reversed(found)}

    def variables(self, execution: str, action: str) -> dict[str, str]:
        return dict(self.actions(execution)[action]["output"].get("outputVariables", {}))

    def wait_for_quiet(self) -> None:
        """Wait until nothing runs."""
        eventually(lambda: all(item["status"] not in ("InProgress", "Stopping") for item in self.executions()))

    def approve(self, number: int, status: str = "Approved") -> str:
        """Change a version's approval, and return the execution that this starts."""
        before = {item["pipelineExecutionId"] for item in self.executions()}
        self.set_approval(number, status)

        def started() -> str:
            new = [item["pipelineExecutionId"] for item in self.executions()]
            return next((item for item in new if item not in before), "")

        return str(eventually(started))

    def set_approval(self, number: int, status: str) -> None:
        """Change a version's approval, by the command line."""
        arguments = ("--model-package-arn", self.version(number), "--model-approval-status", status)
        self.visitor.run("aws", "sagemaker", "update-model-package", *arguments)

    def ended(self, execution: str) -> Found:
        """Wait for the end of an execution."""

        def look() -> Found:
            found = next(item for item in self.executions() if item["pipelineExecutionId"] == execution)
            return {} if found["status"] in ("InProgress", "Stopping") else found

        return eventually(look)

    def waits(self, execution: str) -> Found:
        """Wait until an execution asks for approval; return its action."""

        def asked() -> Found:
            actions = self.actions(execution)
            failed = [item for item in actions.values() if item["status"] == "Failed"]
            assert not failed, failed
            return actions.get("Approve/Approve", {})

        return eventually(asked)

    def release(self, execution: str) -> Found:
        """Let an execution into production by the sandbox's own command, and wait for its end."""
        self.waits(execution)
        self.visitor.run("smproject", "sandbox", "approve", "--pipeline", self.pipeline)
        return self.ended(execution)

    def deployed(self, stage: str) -> dict[str, str]:
        """Return the outputs of the endpoint's stack in a stage's account."""
        (stack,) = self.visitor.client("cloudformation", stage).describe_stacks(StackName=self.stack)["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def serving(self, stage: str) -> str:
        """Return the version that a stage's endpoint serves: endpoint, configuration, model, package."""
        sagemaker = self.visitor.client("sagemaker", stage)
        endpoint = sagemaker.describe_endpoint(EndpointName=self.endpoint)
        config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        (variant,) = config["ProductionVariants"]
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
        return str(model["PrimaryContainer"]["ModelPackageName"])

    def ask(self, stage: str, body: Any) -> Any:
        """Ask a stage's endpoint, with JSON and the account's own credentials."""
        runtime = self.visitor.client("sagemaker-runtime", stage)
        answer = runtime.invoke_endpoint(
            EndpointName=self.endpoint, ContentType="application/json", Body=json.dumps(body).encode()
        )
        return json.loads(answer["Body"].read())

    def captured(self, stage: str, bucket: str) -> list[Found]:
        """Return the requests that a stage's endpoint has captured."""
        s3, prefix = self.visitor.client("s3", stage), f"data-capture/{self.endpoint}/"
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
        lines = [line for key in keys for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
        return [json.loads(line) for line in lines]


@dataclass
class Traffic:
    """What a client that asks all the time has got."""

    scores: list[float] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


@contextmanager
def traffic(deployer: Deployer, stage: str, record: Found) -> Iterator[Traffic]:
    """Ask a stage's endpoint in a loop, in the background."""
    got, over = Traffic(), threading.Event()

    def loop() -> None:
        while not over.is_set():
            try:
                got.scores.append(deployer.ask(stage, record)["predictions"][0]["score"])
            except Exception as error:  # each kind of failure is one too many
                got.errors.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield got
    finally:
        over.set()
        thread.join()
