"""Find and delete what a project has in SageMaker: pipelines, endpoints, models and the registry's versions."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from smproject.destroy.items import Item, pages
from smproject.destroy.owner import Owner, tags_of

PATIENCE, POLL = 900.0, 0.5
RUNNING = ("Executing", "Stopping")


@dataclass(frozen=True)
class Kind:
    """How SageMaker calls a thing in its API: Pipeline, listed as PipelineSummaries, say."""

    spoken: str
    noun: str
    listed: str

    def find(self, client: Any, owner: Owner) -> Iterator[Item]:
        """Yield the owner's things of this kind."""
        operation = f"list_{_snake(self.noun)}s"
        for each in pages(client, operation, self.listed, **self._narrowed(owner)):
            name, arn = each[f"{self.noun}Name"], each[f"{self.noun}Arn"]
            if owner.is_in(name) and owner.owns(name, tags_of(client.list_tags(ResourceArn=arn)["Tags"])):
                yield Item(self.spoken, name, self._detail(client, name), partial(self._delete, client, name))

    def _narrowed(self, owner: Owner) -> dict[str, str]:
        # Pipelines can be listed by prefix only, and their prefix is the project's name.
        return {"PipelineNamePrefix": owner.name} if self.noun == "Pipeline" else {"NameContains": owner.id}

    def _detail(self, client: Any, name: str) -> str:
        if self.noun != "ModelPackageGroup":
            return ""
        versions = list(_versions(client, name))
        return f"{len(versions)} model versions"

    def _delete(self, client: Any, name: str) -> None:
        if self.noun == "ModelPackageGroup":
            for version in _versions(client, name):
                client.delete_model_package(ModelPackageName=version["ModelPackageArn"])
        if self.noun == "Pipeline":
            _stop(client, name)
        getattr(client, f"delete_{_snake(self.noun)}")(**{f"{self.noun}Name": name})
        if self.noun == "Endpoint":
            client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 900})


# In the order of deletion: what uses something before what it uses.
KINDS = (
    Kind("SageMaker pipeline", "Pipeline", "PipelineSummaries"),
    Kind("endpoint", "Endpoint", "Endpoints"),
    Kind("endpoint configuration", "EndpointConfig", "EndpointConfigs"),
    Kind("model", "Model", "Models"),
    Kind("model package group", "ModelPackageGroup", "ModelPackageGroupSummaryList"),
)


def find(session: Any, owner: Owner) -> Iterator[Item]:
    """Yield what is the owner's in SageMaker."""
    client = session.client("sagemaker")
    for kind in KINDS:
        yield from kind.find(client, owner)


def _versions(client: Any, group: str) -> Iterator[dict[str, Any]]:
    yield from pages(client, "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group)


def _stop(client: Any, pipeline: str) -> None:
    """Stop the executions of a pipeline and wait: a running one could register another version."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = pages(client, "list_pipeline_executions", "PipelineExecutionSummaries", PipelineName=pipeline)
        running = [each for each in found if each["PipelineExecutionStatus"] in RUNNING]
        if not running:
            return
        for each in running:
            if each["PipelineExecutionStatus"] == "Executing":
                client.stop_pipeline_execution(PipelineExecutionArn=each["PipelineExecutionArn"])
        time.sleep(POLL)


def _snake(noun: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in noun).lstrip("_")
