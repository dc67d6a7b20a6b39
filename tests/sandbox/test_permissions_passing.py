"""Who hands a role to a service needs iam:PassRole for it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from harness import ACCOUNTS, Sandbox
from persons import Person, denial

ROLE = f"arn:aws:iam::{ACCOUNTS['development']}:role/handed-on"
PIPELINE = {
    "name": "handed-on",
    "roleArn": ROLE,
    "artifactStore": {"type": "S3", "location": "bucket"},
    "stages": [],
}
PROJECT = {
    "name": "handed-on",
    "source": {"type": "NO_SOURCE"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": ROLE,
}
TARGETS = [{"Id": "1", "Arn": f"arn:aws:codebuild:us-east-1:{ACCOUNTS['development']}:project/p", "RoleArn": ROLE}]
CONTAINER = {"Image": "image"}
CODE = {"ZipFile": b""}
# The service that gets the role, the service that is asked, and the call.
PASSES: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "sagemaker:CreateModel": (
        "sagemaker",
        "sagemaker",
        lambda api: api.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=CONTAINER),
    ),
    "sagemaker:CreatePipeline": (
        "sagemaker",
        "sagemaker",
        lambda api: api.create_pipeline(
            PipelineName="p", RoleArn=ROLE, PipelineDefinition="{}", ClientRequestToken="x" * 32
        ),
    ),
    "cloudformation:CreateStack": (
        "cloudformation",
        "cloudformation",
        lambda api: api.create_stack(StackName="s", RoleARN=ROLE, TemplateBody="{}"),
    ),
    "cloudformation:DeleteStack": (
        "cloudformation",
        "cloudformation",
        lambda api: api.delete_stack(StackName="s", RoleARN=ROLE),
    ),
    "codebuild:CreateProject": ("codebuild", "codebuild", lambda api: api.create_project(**PROJECT)),
    "codepipeline:CreatePipeline": ("codepipeline", "codepipeline", lambda api: api.create_pipeline(pipeline=PIPELINE)),
    "events:PutTargets": ("events", "events", lambda api: api.put_targets(Rule="r", Targets=TARGETS)),
    "lambda:CreateFunction": (
        "lambda",
        "lambda",
        lambda api: api.create_function(FunctionName="f", Role=ROLE, Code=CODE, Runtime="python3.12", Handler="h.h"),
    ),
    "scheduler:CreateSchedule": (
        "scheduler",
        "scheduler",
        lambda api: api.create_schedule(
            Name="s",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:us-east-1:222222222222:q", "RoleArn": ROLE},
        ),
    ),
    "states:CreateStateMachine": (
        "states",
        "stepfunctions",
        lambda api: api.create_state_machine(name="m", definition="{}", roleArn=ROLE),
    ),
}


@pytest.mark.parametrize("action", PASSES)
def test_the_role_must_be_allowed_to_be_handed_to_the_service(sandbox: Sandbox, action: str) -> None:
    receiver, service, call = PASSES[action]
    person = Person(sandbox, "development")
    person.allow(action, "*")
    person.allow("sagemaker:*", "*")
    api = person.client(service)
    said = denial(lambda: call(api))
    assert f"is not authorized to perform: iam:PassRole on resource: {ROLE} " in said
    person.allow("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
    assert "iam:PassRole" in denial(lambda: call(api))
    person.allow("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": f"{receiver}.amazonaws.com"}})
    assert "iam:PassRole" not in _said(lambda: call(api))


def _said(call: Callable[[], Any]) -> str:
    """Return what a service says of a request, whatever else is wrong with it."""
    try:
        return str(call())
    except Exception as error:
        return str(error)
