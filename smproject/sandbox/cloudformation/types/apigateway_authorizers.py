"""Authorizers of REST APIs: kept; nothing asks them, since nothing serves the APIs."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.state_only import StateOnly

_CHANGING = {  # by property: where a patch finds it
    "AuthType": "/authType",
    "AuthorizerCredentials": "/authorizerCredentials",
    "AuthorizerResultTtlInSeconds": "/authorizerResultTtlInSeconds",
    "AuthorizerUri": "/authorizerUri",
    "IdentitySource": "/identitySource",
    "IdentityValidationExpression": "/identityValidationExpression",
    "Name": "/name",
    "Type": "/type",
}


@provides
class Authorizer(StateOnly):
    """Who decides about the requests to an API: a function, or a user pool."""

    type, service = "AWS::ApiGateway::Authorizer", "apigateway"
    creates, deletes, reads = "CreateAuthorizer", "DeleteAuthorizer", "GetAuthorizer"
    delete_member, place = "authorizerId", ("RestApiId",)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what a patch can change; nothing can be taken away."""
        kept = {name: before.get(name) for name in before if name not in after}
        updatable(before | kept, after, *(name for name in _CHANGING if name in after))
        patches = [{"op": "replace", "path": _CHANGING[n], "value": text(after[n])} for n in changed(before, after)]
        if patches:
            target = {"restApiId": made.attributes["_RestApiId"], "authorizerId": made.ref}
            call(context.client("apigateway"), "UpdateAuthorizer", {**target, "patchOperations": patches})
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        return Made(answer["id"], {"AuthorizerId": answer["id"]})
