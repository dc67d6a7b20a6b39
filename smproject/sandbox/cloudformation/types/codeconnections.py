"""Connections to git providers, under both of the service's names."""

from __future__ import annotations

from smproject.sandbox.cloudformation.provider import Made, provides
from smproject.sandbox.cloudformation.simple import Simple
from smproject.sandbox.cloudformation.tags import Tagging


class _Connection(Simple):
    """A connection: `Ref` is its ARN."""

    state_only = True
    creates, deletes, reads = "CreateConnection", "DeleteConnection", "GetConnection"
    ref = delete_member = "ConnectionArn"
    tagging = Tagging("ResourceArn")

    def arn(self, made: Made) -> str:
        """Return the ARN."""
        return made.ref


@provides
class CodeConnection(_Connection):
    """A connection, PENDING until somebody completes it in AWS's console, which the sandbox has not."""

    type, service = "AWS::CodeConnections::Connection", "codeconnections"


@provides
class CodeStarConnection(_Connection):
    """The same connection under the service's former name."""

    type, service = "AWS::CodeStarConnections::Connection", "codestar-connections"
