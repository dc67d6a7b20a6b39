"""Step Functions state machines. They are kept; executions are refused."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.state_only import StateOnly
from smproject.sandbox.cloudformation.tags import Tagging

_SOURCES = ("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions")


@provides
class StateMachine(StateOnly):
    """A state machine; its definition is an object, text, or a file in S3, with `${names}` filled in."""

    type, service = "AWS::StepFunctions::StateMachine", "stepfunctions"
    creates, updates, deletes = "CreateStateMachine", "UpdateStateMachine", "DeleteStateMachine"
    reads, delete_member, update_keys = "DescribeStateMachine", "stateMachineArn", ("stateMachineArn",)
    name_property, name_limit, ref = "StateMachineName", 80, "stateMachineArn"
    members: ClassVar[dict[str, str]] = {
        "StateMachineName": "name",
        "StateMachineType": "type",
        "StateMachineRevisionId": "revisionId",
    }
    tagging = Tagging("resourceArn", spelling=("key", "value"))

    def create(self, context: Context, properties: Properties) -> Made:
        """Create it with its whole definition."""
        return super().create(context, _whole(context, properties))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change it to its whole definition."""
        return super().update(context, made, _whole(context, before), _whole(context, after))

    def name(self, made: Made) -> str:
        """Return the ARN: the API knows state machines by it."""
        return made.ref

    def arn(self, made: Made) -> str:
        """Return the ARN."""
        return made.ref

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        arn = str(answer.get("stateMachineArn") or answer["Arn"])  # an update tells none
        return Made(arn, {"Arn": arn, "Name": arn.rpartition(":")[2]})


def _whole(context: Context, properties: Properties) -> Properties:
    """Return properties with the definition as text, in the member that the API has for it."""
    rest = {name: value for name, value in properties.items() if name not in _SOURCES}
    written = _written(context, properties)
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        written = written.replace(f"${{{name}}}", text(value))
    return rest | {"definition": written}


def _written(context: Context, properties: Properties) -> str:
    given = [name for name in _SOURCES[:3] if name in properties]
    if len(given) != 1:
        raise ValueError(f"A state machine has one of {', '.join(_SOURCES[:3])}; found: {', '.join(given) or 'none'}.")
    source: Any = properties[given[0]]
    if given[0] == "DefinitionS3Location":
        version = {"VersionId": source["Version"]} if "Version" in source else {}
        answer = context.client("s3").get_object(Bucket=source["Bucket"], Key=source["Key"], **version)
        return str(answer["Body"].read().decode())
    return source if isinstance(source, str) else json.dumps(source)
