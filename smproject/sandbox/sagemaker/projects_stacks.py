"""Projects from S3: a stack is made of a template with the rights of whoever asks, and by the role that is passed.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CfnCreateTemplateProvider.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.cloudformation import template
from smproject.sandbox.sagemaker.project import TEMPLATES, Project, Work, values_of
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError, told
from smproject.sandbox.world import World

_POLL_SECONDS = 0.1
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_DONE = {"Create": "CREATE_COMPLETE", "Update": "UPDATE_COMPLETE", "Delete": "DELETE_COMPLETE"}


class Stacks:
    """The stacks behind projects; their names begin with `SP-`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def create(self, project: Project) -> Work:
        """Create the stack; what is wrong with the template or with permissions fails the project."""
        client = self._client(project.caller)

        def begin() -> None:
            self._read(project.caller, project.details["TemplateURL"])
            role = {"RoleARN": project.details["RoleARN"]} if "RoleARN" in project.details else {}
            project.stack_id = client.create_stack(
                StackName=_name(project),
                TemplateURL=project.details["TemplateURL"],
                Parameters=_parameters({**project.values, **project.own}),
                Capabilities=_CAPABILITIES,
                Tags=project.tags,
                **role,
            )["StackId"]

        return lambda: _done(begin, client, project, "Create")

    def update(self, project: Project, caller: Caller, request: Request) -> Work:
        """Update the stack; what is not given stays, where the template still has the parameter."""
        client, asked = self._client(caller), _asked(project, request)
        changed: dict[str, Any] = {"Tags": _tags(project, request)} if "Tags" in request else {}

        def begin() -> None:
            declared = self._read(caller, asked["TemplateURL"]).get("Parameters", {})
            given = values_of(asked.get("Parameters"))
            kept = [key for key in {**project.values, **project.own} if key in declared and key not in given]
            values = {key: value for key, value in project.values.items() if key in kept} | given
            client.update_stack(
                StackName=project.stack_id,
                TemplateURL=asked["TemplateURL"],
                Parameters=[
                    *_parameters(given),
                    *({"ParameterKey": key, "UsePreviousValue": True} for key in kept),
                ],
                Capabilities=_CAPABILITIES,
                Tags=changed.get("Tags", project.tags),
            )
            provider = {"TemplateURL": asked["TemplateURL"], "Parameters": _listed(values)}
            changed[TEMPLATES] = [{"CfnTemplateProvider": project.details | provider}]

        def work() -> str:
            failure = _done(begin, client, project, "Update")
            if not failure:
                project.request = {**project.request, **changed}
            return failure

        return work

    def delete(self, project: Project, caller: Caller) -> Work:
        """Delete the stack, if there is one."""
        client = self._client(caller)

        def begin() -> None:
            if project.stack_id:
                client.delete_stack(StackName=project.stack_id)

        return lambda: _done(begin, client, project, "Delete")

    def again(self, project: Project, verb: str) -> Work:
        """Follow the stack; one whose creation was not heard of any more is found by its name."""
        client = self._client(project.caller)

        def find() -> None:
            if not project.stack_id:
                try:
                    project.stack_id = client.describe_stacks(StackName=_name(project))["Stacks"][0]["StackId"]
                except ClientError as error:
                    raise ServiceError("Interrupted", INTERRUPTED) from error

        return lambda: _done(find if verb == "Create" else lambda: None, client, project, verb)

    def _read(self, caller: Caller, url: str) -> dict[str, Any]:
        """Read a template with the caller's rights; raises ServiceError for one that isn't YAML, as SageMaker wants it.

        https://aws.amazon.com/blogs/machine-learning/simplify-modelops-with-amazon-sagemaker-ai-projects-using-amazon-s3-based-templates/
        """
        cloudformation: Any = self.world.services["cloudformation"]
        text: str = cloudformation.fetch(caller, url)
        if _is_json(text):
            raise ServiceError("ValidationException", f"The template {url} is JSON. It must be YAML.")
        return template.read(text)

    def _client(self, caller: Caller) -> Any:
        return self.world.client("cloudformation", caller.credentials, caller.region)


def _done(begin: Any, client: Any, project: Project, verb: str) -> str:
    """Begin, and wait until the stack has come to rest; return why it failed, or nothing."""
    try:
        begin()
        return _settled(client, project, verb) if project.stack_id else ""
    except (ClientError, ServiceError) as error:
        message = told(error)[1]
        return "" if verb == "Update" and "No updates are to be performed" in message else message


def _settled(client: Any, project: Project, verb: str) -> str:
    while (stack := client.describe_stacks(StackName=project.stack_id)["Stacks"][0])["StackStatus"].endswith(
        "_IN_PROGRESS"
    ):
        time.sleep(_POLL_SECONDS)
    if stack["StackStatus"] == _DONE[verb]:
        return ""
    return f"Stack {stack['StackName']} is {stack['StackStatus']}: {_failure(client, stack)}"


def _failure(client: Any, stack: dict[str, Any]) -> str:
    """Return what failed first in a stack's latest operation, and why; only its status where nobody may look."""
    try:
        events = client.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    except ClientError:
        return str(stack.get("StackStatusReason", "no reason was given"))
    begun = next((i for i, e in enumerate(events) if e.get("ResourceStatusReason") == "User Initiated"), len(events))
    latest = events[: begun + 1][::-1]
    failed = next((event for event in latest if event["ResourceStatus"].endswith("_FAILED")), stack)
    reason = failed.get("ResourceStatusReason") or stack.get("StackStatusReason", "no reason was given")
    return f"{failed.get('LogicalResourceId', stack['StackName'])}: {reason}"


def _asked(project: Project, request: Request) -> dict[str, Any]:
    """Return what an update says of the one template; raises ServiceError when it names another."""
    providers = request.get("TemplateProvidersToUpdate")
    if providers is None:
        return project.details
    asked: dict[str, Any] = providers[0].get("CfnTemplateProvider", {})
    if asked.get("TemplateName") != project.details["TemplateName"]:
        message = f"Project {project.name} has no template {asked.get('TemplateName')}: its one template is "
        raise ServiceError("ValidationException", f"{message}{project.details['TemplateName']}.")
    return asked


def _tags(project: Project, request: Request) -> list[dict[str, str]]:
    own = {f"sagemaker:project-{name}" for name in ("name", "id")}
    given = {tag["Key"]: tag["Value"] for tag in request["Tags"] if tag["Key"] not in own}
    return _listed({tag["Key"]: tag["Value"] for tag in project.tags} | given)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _name(project: Project) -> str:
    return f"SP-{project.caller.account}-{project.id}"


def _listed(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _parameters(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
