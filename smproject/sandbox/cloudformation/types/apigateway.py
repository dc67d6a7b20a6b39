"""REST APIs of API Gateway. They are kept; nothing serves them."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.state_only import StateOnly
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("resourceArn", spelling=None)
_PLACE = ("RestApiId", "ResourceId", "HttpMethod")


@provides
class RestApi(StateOnly):
    """A REST API. One imported from a document or cloned is refused."""

    type, service = "AWS::ApiGateway::RestApi", "apigateway"
    creates, deletes, reads, delete_member, ref = "CreateRestApi", "DeleteRestApi", "GetRestApi", "restApiId", "id"
    members: ClassVar[dict[str, str]] = {"ApiKeySourceType": "apiKeySource"}
    tagging = _TAGS

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the API and find its root."""
        names = ("ApiKeySourceType", "BinaryMediaTypes", "Description", "DisableExecuteApiEndpoint")
        known(properties, *names, "EndpointConfiguration", "MinimumCompressionSize", "Name", "Tags", "Version")
        made = super().create(context, properties)
        roots = context.client("apigateway").get_resources(restApiId=made.ref)["items"]
        root = next(item["id"] for item in roots if item["path"] == "/")
        attributes = {"RestApiId": made.ref, "RootResourceId": root, "_region": context.caller.region}
        return Made(made.ref, made.attributes | attributes)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change name, description and tags."""
        updatable(before, after, "Name", "Description", "Tags")
        client = context.client("apigateway")
        _patch(client, "UpdateRestApi", {"restApiId": made.ref}, {"Name": "", "Description": ""}, before, after)
        _TAGS.update(client, self.arn(made), before, after)
        return made

    def arn(self, made: Made) -> str:
        """Return what the tagging calls take."""
        return f"arn:aws:apigateway:{made.attributes['_region']}::/restapis/{made.ref}"


@provides
class Resource(Provider):
    """A path of a REST API."""

    type, state_only = "AWS::ApiGateway::Resource", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the resource."""
        made = call(context.client("apigateway"), "CreateResource", properties)
        return Made(made["id"], {"ResourceId": made["id"], "_api": properties["RestApiId"]})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the resource."""
        target = {"restApiId": made.attributes["_api"], "resourceId": made.ref}
        remove(context.client("apigateway"), "DeleteResource", target)


@provides
class Method(Provider):
    """A method of a resource, with its integration and their responses."""

    type, state_only = "AWS::ApiGateway::Method", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the method, then its parts."""
        made = Made(context.name(64), {f"_{name}": properties[name] for name in _PLACE})
        client, place = context.client("apigateway"), {name: properties[name] for name in _PLACE}
        parts = ("Integration", "MethodResponses")
        plain = {name: value for name, value in properties.items() if name not in parts}
        call(client, "PutMethod", {"AuthorizationType": "NONE"} | plain)
        with undone_on_failure(lambda: self.delete(context, made)):
            for response in properties.get("MethodResponses", []):
                call(client, "PutMethodResponse", place | response)
            if "Integration" in properties:
                _integrate(client, place, properties["Integration"])
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the method anew in its place."""
        if changed(before, after):
            self.delete(context, made)
            self.create(context, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the method with its parts."""
        target = {name: made.attributes[f"_{name}"] for name in _PLACE}
        remove(context.client("apigateway"), "DeleteMethod", target)


def _integrate(client: Any, place: Properties, integration: Properties) -> None:
    plain = {name: value for name, value in integration.items() if name != "IntegrationResponses"}
    call(client, "PutIntegration", place | plain)
    for response in integration.get("IntegrationResponses", []):
        call(client, "PutIntegrationResponse", place | response)


@provides
class Deployment(Provider):
    """A snapshot of an API; with StageName it makes a stage too."""

    type, state_only = "AWS::ApiGateway::Deployment", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the deployment."""
        known(properties, "Description", "RestApiId", "StageName")
        made = call(context.client("apigateway"), "CreateDeployment", properties)
        kept = {"_api": properties["RestApiId"], "_stage": properties.get("StageName", "")}
        return Made(made["id"], {"DeploymentId": made["id"], **kept})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the stage that it has made, then the deployment."""
        client, place = context.client("apigateway"), {"restApiId": made.attributes["_api"]}
        if made.attributes["_stage"]:
            remove(client, "DeleteStage", place | {"stageName": made.attributes["_stage"]})
        remove(client, "DeleteDeployment", place | {"deploymentId": made.ref})


@provides
class Stage(StateOnly):
    """A stage of a REST API."""

    type, service = "AWS::ApiGateway::Stage", "apigateway"
    creates, deletes, reads, delete_member, ref = "CreateStage", "DeleteStage", "GetStage", "stageName", "stageName"
    place, tagging = ("RestApiId",), _TAGS

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the stage."""
        names = ("DeploymentId", "Description", "RestApiId", "StageName", "Tags", "TracingEnabled", "Variables")
        known(properties, *names)
        made = super().create(context, properties)
        return Made(made.ref, made.attributes | {"_region": context.caller.region})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change deployment, description, variables and tags."""
        updatable(before, after, "DeploymentId", "Description", "TracingEnabled", "Variables", "Tags")
        client, target = context.client("apigateway"), self.target(made)
        defaults = {"DeploymentId": "", "Description": "", "TracingEnabled": False}
        _patch(client, "UpdateStage", target, defaults, before, after)
        old, new = (side.get("Variables", {}) for side in (before, after))
        changes: list[Properties] = [
            {"op": "replace", "path": f"/variables/{name}", "value": text(new[name])}
            if name in new
            else {"op": "remove", "path": f"/variables/{name}"}
            for name in changed(old, new)
        ]
        if changes:
            call(client, "UpdateStage", target | {"patchOperations": changes})
        _TAGS.update(client, self.arn(made), before, after)
        return made

    def arn(self, made: Made) -> str:
        """Return what the tagging calls take."""
        place = made.attributes
        return f"arn:aws:apigateway:{place['_region']}::/restapis/{place['_RestApiId']}/stages/{made.ref}"


def _patch(  # noqa: PLR0913, PLR0917 - what is changed, and how
    client: Any, operation: str, target: Properties, defaults: Properties, before: Properties, after: Properties
) -> None:
    """Replace the properties that differ by patch operations; `defaults` stand for those that are gone."""
    differ = [name for name in changed(before, after) if name in defaults]
    changes = [
        {"op": "replace", "path": f"/{name[:1].lower()}{name[1:]}", "value": text(after.get(name, defaults[name]))}
        for name in differ
    ]
    if changes:
        call(client, operation, target | {"patchOperations": changes})
