"""Log groups of CloudWatch Logs."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import Setting, call, known, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging, plain

_RETENTION = {
    "RetentionInDays": Setting("PutRetentionPolicy", lambda days: {"retentionInDays": days}, "DeleteRetentionPolicy")
}
_SETTINGS = _RETENTION | {"KmsKeyId": Setting("AssociateKmsKey", lambda key: {"kmsKeyId": key}, "DisassociateKmsKey")}
_TAGS = Tagging("resourceArn", spelling=None)


@provides
class LogGroup(Provider):
    """A log group with its class and retention."""

    type = "AWS::Logs::LogGroup"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group and set its retention."""
        known(properties, "LogGroupName", "LogGroupClass", "KmsKeyId", "RetentionInDays", "Tags")
        logs, name = context.client("logs"), properties.get("LogGroupName") or context.name(512)
        wanted = {k: v for k, v in properties.items() if k in ("KmsKeyId", "LogGroupClass")}
        call(logs, "CreateLogGroup", wanted | {"LogGroupName": name, "Tags": plain(properties.get("Tags"))})
        made = Made(name, {"Arn": context.caller.arn_of("logs", f"log-group:{name}:*")})
        with undone_on_failure(lambda: self.delete(context, made)):
            settle(logs, {"logGroupName": name}, _RETENTION, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change retention, key and tags."""
        updatable(before, after, "Tags", *_SETTINGS)
        logs = context.client("logs")
        settle(logs, {"logGroupName": made.ref}, _SETTINGS, before, after)
        _TAGS.update(logs, made.attributes["Arn"].removesuffix(":*"), before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the group and what was logged."""
        context.client("logs").delete_log_group(logGroupName=made.ref)
