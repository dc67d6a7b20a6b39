"""SageMaker's models, endpoint configurations and endpoints."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.types.sagemaker import TAGGING

_PASSING = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}
_POLL_SECONDS = 0.2
_OF_UPDATES = ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig")


class _Hosted(Simple):
    """What hosting is made of: `Ref` is the ARN, and the name is an attribute."""

    service, tagging = "sagemaker", TAGGING
    arn_member: str

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        arn, name = answer[self.arn_member], sent[self.name_property]
        return Made(arn, {self.arn_member: arn, self.name_property: name})

    def arn(self, made: Made) -> str:
        """Return the ARN."""
        return made.ref


@provides
class Model(_Hosted):
    """A model: its containers and the role they run with."""

    type = "AWS::SageMaker::Model"
    creates, deletes, arn_member = "CreateModel", "DeleteModel", "ModelArn"
    name_property = delete_member = "ModelName"


@provides
class EndpointConfig(_Hosted):
    """An endpoint configuration."""

    type = "AWS::SageMaker::EndpointConfig"
    creates, deletes, arn_member = "CreateEndpointConfig", "DeleteEndpointConfig", "EndpointConfigArn"
    name_property = delete_member = "EndpointConfigName"


class EndpointError(ValueError):
    """An endpoint that did not come to serve what it was to serve."""


@provides
class Endpoint(_Hosted):
    """An endpoint, made or updated once it serves the configuration that the template names."""

    type = "AWS::SageMaker::Endpoint"
    creates, updates, deletes, arn_member = "CreateEndpoint", "UpdateEndpoint", "DeleteEndpoint", "EndpointArn"
    name_property = delete_member = "EndpointName"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the endpoint and wait until it serves."""
        made = super().create(context, {k: v for k, v in properties.items() if k not in _OF_UPDATES})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._served(context, made, properties["EndpointConfigName"])
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Let the endpoint serve another configuration and wait until it does; else SageMaker has rolled it back.

        What only says how to update (DeploymentConfig and the like) changes nothing by itself.
        """
        sagemaker, wanted = context.client("sagemaker"), after["EndpointConfigName"]
        if self._settled(sagemaker, made)["EndpointConfigName"] != wanted:
            call(sagemaker, self.updates, self._update_request(sagemaker, made, before, after, {"Tags"}))
            self._served(context, made, wanted)
        TAGGING.update(sagemaker, made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the endpoint and wait until it is gone; one that somebody else has deleted is."""
        sagemaker = context.client("sagemaker")
        if not self._found(sagemaker, made):
            return
        self._settled(sagemaker, made)
        super().delete(context, made)
        while self._found(sagemaker, made):
            time.sleep(_POLL_SECONDS)

    def _served(self, context: Context, made: Made, configuration: str) -> None:
        """Wait until the endpoint is in service with a configuration; raises EndpointError with SageMaker's reason."""
        found = self._settled(context.client("sagemaker"), made)
        status, reason = found["EndpointStatus"], found.get("FailureReason", "SageMaker gives no reason.")
        if status != "InService":
            raise EndpointError(f"The endpoint {found['EndpointName']} is {status}: {reason}")
        if found["EndpointConfigName"] != configuration:
            kept = found["EndpointConfigName"]
            raise EndpointError(
                f"The endpoint {found['EndpointName']} was rolled back to {kept}, which it still serves: {reason}"
            )

    def _settled(self, sagemaker: Any, made: Made) -> dict[str, Any]:
        """Return the endpoint's description once it is not on its way to something else."""
        while (found := self._described(sagemaker, made))["EndpointStatus"] in _PASSING:
            time.sleep(_POLL_SECONDS)
        return found

    def _described(self, sagemaker: Any, made: Made) -> dict[str, Any]:
        answer: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=self.name(made))
        return answer

    def _found(self, sagemaker: Any, made: Made) -> bool:
        try:
            return bool(self._described(sagemaker, made))
        except ClientError as error:
            if "Could not find" in error.response["Error"]["Message"]:
                return False
            raise
