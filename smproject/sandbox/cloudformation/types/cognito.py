"""User pools of Cognito: kept and described; nobody can sign in through their pages here."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.state_only import StateOnly

_CUSTOM = "CustomDomainConfig"


class _Cognito(StateOnly):
    """Something of Cognito's, in whose description everything stands one level below."""

    service: ClassVar[str] = "cognito-idp"

    def described(self, answer: Answer) -> Answer:
        """Return the description itself."""
        return next((item for name, item in answer.items() if name != "ResponseMetadata"), {})


@provides
class UserPool(_Cognito):
    """A pool of users."""

    type, name_property, name_limit = "AWS::Cognito::UserPool", "UserPoolName", 128
    creates, updates, deletes, reads = "CreateUserPool", "UpdateUserPool", "DeleteUserPool", "DescribeUserPool"
    delete_member, update_keys = "UserPoolId", ("UserPoolId",)
    members: ClassVar[dict[str, str]] = {"UserPoolName": "PoolName"}
    untold = ("PoolName", "Schema", "UserPoolTags")

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        if "UserPool" not in answer:  # of an update
            return Made("")
        pool = answer["UserPool"]
        region, name = pool["Id"].split("_")[0], pool["Id"]
        provider = f"cognito-idp.{region}.amazonaws.com/{name}"
        told = {"Arn": pool["Arn"], "UserPoolId": name}
        return Made(name, told | {"ProviderName": provider, "ProviderURL": f"https://{provider}"})

    def name(self, made: Made) -> str:
        """Return the id."""
        return made.ref


@provides
class UserPoolClient(_Cognito):
    """An application that may ask a pool about its users."""

    type, name_property, name_limit = "AWS::Cognito::UserPoolClient", "ClientName", 128
    creates, updates = "CreateUserPoolClient", "UpdateUserPoolClient"
    deletes, reads = "DeleteUserPoolClient", "DescribeUserPoolClient"
    delete_member, update_keys, place = "ClientId", ("ClientId",), ("UserPoolId",)
    untold = ("GenerateSecret",)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        client = answer["UserPoolClient"]
        secret = {"ClientSecret": client["ClientSecret"]} if "ClientSecret" in client else {}
        return Made(client["ClientId"], {"ClientId": client["ClientId"], "Name": client["ClientName"], **secret})

    def name(self, made: Made) -> str:
        """Return the id."""
        return made.ref


@provides
class UserPoolDomain(Simple):
    """The address of a pool's pages; nothing answers there."""

    type, service, state_only = "AWS::Cognito::UserPoolDomain", "cognito-idp", True
    creates, deletes = "CreateUserPoolDomain", "DeleteUserPoolDomain"
    delete_member, place = "Domain", ("UserPoolId",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Reserve the address, unless it is taken."""
        known(properties, "Domain", "UserPoolId", _CUSTOM)
        there = context.client("cognito-idp").describe_user_pool_domain(Domain=properties["Domain"])
        if there["DomainDescription"].get("UserPoolId"):
            raise ValueError(f"Domain {properties['Domain']} already associated with another user pool.")
        return super().create(context, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the certificate of an own domain."""
        updatable(before, after, _CUSTOM)
        if changed(before, after):
            given = {_CUSTOM: after[_CUSTOM]} if _CUSTOM in after else {}
            named = {"Domain": made.ref, "UserPoolId": made.attributes["_UserPoolId"]}
            call(context.client("cognito-idp"), "UpdateUserPoolDomain", {**named, **given})
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the domain."""
        told: Any = answer.get("CloudFrontDomain")
        return Made(sent["Domain"], {"CloudFrontDistribution": told} if told else {})
