"""HTTP and WebSocket APIs of API Gateway. They are kept; nothing serves them."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import known
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.state_only import StateOnly
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("ResourceArn", spelling=None)


@provides
class Api(StateOnly):
    """An API. One imported from a document, or made with a route at once, is refused."""

    type, service = "AWS::ApiGatewayV2::Api", "apigatewayv2"
    creates, updates, deletes, reads = "CreateApi", "UpdateApi", "DeleteApi", "GetApi"
    delete_member, ref, update_keys, tagging = "ApiId", "ApiId", ("ApiId",), _TAGS

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the API."""
        known(
            properties,
            "ApiKeySelectionExpression",
            "CorsConfiguration",
            "Description",
            "DisableExecuteApiEndpoint",
            "Name",
            "ProtocolType",
            "RouteSelectionExpression",
            "Tags",
            "Version",
        )
        made = super().create(context, properties)
        arn = {"ExecuteApiArn": context.caller.arn_of("execute-api", made.ref), "_region": context.caller.region}
        return Made(made.ref, made.attributes | arn)

    def arn(self, made: Made) -> str:
        """Return what the tagging calls take."""
        return f"arn:aws:apigateway:{made.attributes['_region']}::/apis/{made.ref}"


@provides
class Stage(StateOnly):
    """A stage of an API; it does not change in place."""

    type, service = "AWS::ApiGatewayV2::Stage", "apigatewayv2"
    creates, deletes, reads = "CreateStage", "DeleteStage", "GetStage"
    delete_member, ref, place = "StageName", "StageName", ("ApiId",)


class _Part(StateOnly):
    """A part of an API, named by an id of its own."""

    service: ClassVar[str] = "apigatewayv2"
    place: ClassVar[tuple[str, ...]] = ("ApiId",)


@provides
class Integration(_Part):
    """An integration."""

    type = "AWS::ApiGatewayV2::Integration"
    creates, updates, deletes = "CreateIntegration", "UpdateIntegration", "DeleteIntegration"
    reads, delete_member, ref, update_keys = "GetIntegration", "IntegrationId", "IntegrationId", ("IntegrationId",)


@provides
class Route(_Part):
    """A route."""

    type = "AWS::ApiGatewayV2::Route"
    creates, updates, deletes, reads = "CreateRoute", "UpdateRoute", "DeleteRoute", "GetRoute"
    delete_member, ref, update_keys = "RouteId", "RouteId", ("RouteId",)


@provides
class Authorizer(_Part):
    """An authorizer."""

    type = "AWS::ApiGatewayV2::Authorizer"
    creates, updates, deletes = "CreateAuthorizer", "UpdateAuthorizer", "DeleteAuthorizer"
    reads, delete_member, ref, update_keys = "GetAuthorizer", "AuthorizerId", "AuthorizerId", ("AuthorizerId",)
