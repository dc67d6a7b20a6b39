"""The second half: from an approved model to a prediction from the production account."""

from __future__ import annotations

import json
from typing import Any

import boto3

from smproject.connect import connect
from smproject.demo import watch
from smproject.demo.building import DEVELOPMENT, ORGANIZATION_ROLE, PRODUCTION, PROJECT, STAGING, Building
from smproject.demo.watch import StoryError, Told


class Deploying:
    """The steps, in order, for the project that was built."""

    def __init__(self, building: Building) -> None:
        self.building, self.console, self.client = building, building.console, building.client
        self.told = Told(building.console.line)

    @property
    def pipeline(self) -> str:
        """Return the name of the CodePipeline that deploys."""
        return f"{self.building.name}-model-deploy"

    def connect(self) -> None:
        """Prepare the accounts that models are deployed into; until now the deploy pipeline had nothing to do."""
        with self.console.step("The platform engineer lets the project deploy into staging and production"):
            self.console.line(f"the deploy pipeline's first run: {self._first_run()}")
            hub = boto3.Session(profile_name="shared-services")
            connect(hub, PROJECT, DEVELOPMENT, [STAGING, PRODUCTION], ORGANIZATION_ROLE, self.console.line)

    def _first_run(self) -> str:
        """Return how the run ended that came with the project's creation."""
        runs = self.client("codepipeline").list_action_executions(pipelineName=self.pipeline)["actionExecutionDetails"]
        first = next(run for run in reversed(runs) if run["actionName"] == "Render")
        return f"{first['status']}, {first['output']['outputVariables']['RENDER_RESULT']}"

    def approve_model(self) -> None:
        """Approve the newest version: it is deployed to staging, tested, and waits."""
        with self.console.step("An engineer approves the model; it is deployed into staging and tested there"):
            model = self.building.newest()["ModelPackageArn"]
            earlier = watch.executions(self.client("codepipeline"), self.pipeline)
            self.client("sagemaker").update_model_package(ModelPackageArn=model, ModelApprovalStatus="Approved")
            self.console.line(f"approved {model}")
            outcome = watch.delivery(self.client, self.pipeline, earlier, self.told)
            watch.expect(outcome, "InProgress")
            self.execution = outcome["execution"]["pipelineExecutionId"]
            self._show_request(outcome)
            if _endpoints("production"):
                raise StoryError("Production should have no endpoint before anybody approved.")
            self.console.line("production has no endpoint yet")

    def _show_request(self, outcome: dict[str, Any]) -> None:
        waiting = next(action for action in outcome["actions"] if action["stageName"] == "Approve")
        shown = waiting["input"]["resolvedConfiguration"]
        self.console.line(f"waits for approval: {shown['CustomData']}")
        self.console.line(f"  report: {shown['ExternalEntityLink']}")

    def approve_production(self) -> None:
        """Approve the deployment into production."""
        with self.console.step("She approves production; the same model is deployed and tested there"):
            codepipeline = self.client("codepipeline")
            waiting = watch.approval(codepipeline, self.pipeline) or {}
            result = {"summary": "Metrics and staging tests are fine", "status": "Approved"}
            codepipeline.put_approval_result(pipelineName=self.pipeline, result=result, **waiting)
            watch.until(lambda: watch.approval(codepipeline, self.pipeline) is None, "the approval to take effect")
            built = watch.newest_execution(self.client("sagemaker"))
            watch.expect(watch.follow(self.client, self.pipeline, self.execution, self.told, built), "Succeeded")

    def predict(self) -> None:
        """Ask the production endpoint, with the production account's credentials."""
        with self.console.step("A client in the production account asks the endpoint"):
            golden = self.building.newest()["CustomerMetadataProperties"]["GoldenPredictions"]
            record = self.building.read_json(golden)["records"][0]
            runtime = boto3.Session(profile_name="production").client("sagemaker-runtime")
            (endpoint,) = _endpoints("production")
            body = json.dumps(record)
            answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
            self.console.line(f"{endpoint} is asked: {body[:100]}...")
            self.console.line(f"  and answers: {answer['Body'].read().decode().strip()}")


def _endpoints(profile: str) -> list[str]:
    found = boto3.Session(profile_name=profile).client("sagemaker").list_endpoints()["Endpoints"]
    return [item["EndpointName"] for item in found]
