"""CloudTrail: trails are kept and described; no calls are written to their buckets."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple

_MEMBERS = {"TrailName": "Name", "Tags": "TagsList"}
_KEPT = (
    *("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "EnableLogFileValidation", "IncludeGlobalServiceEvents"),
    *("IsMultiRegionTrail", "IsOrganizationTrail", "KMSKeyId", "S3BucketName", "S3KeyPrefix", "SnsTopicName", "Tags"),
)


@provides
class Trail(Simple):
    """A trail, to which nothing is written."""

    type, service, state_only = "AWS::CloudTrail::Trail", "cloudtrail", True
    creates, updates, deletes, delete_member = "CreateTrail", "UpdateTrail", "DeleteTrail", "Name"
    name_property, name_limit, members = "TrailName", 128, _MEMBERS

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the trail, and start it when the template says so."""
        made = super().create(context, _but_logging(properties))
        with undone_on_failure(lambda: self.delete(context, made)):
            self._log(context, made, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the trail, then whether it is on."""
        made = super().update(context, made, _but_logging(before), _but_logging(after))
        if "IsLogging" in changed(before, after):
            self._log(context, made, after)
        return made

    def _log(self, context: Context, made: Made, properties: Properties) -> None:
        client, on = context.client(self.service), text(properties["IsLogging"]).lower() == "true"
        (client.start_logging if on else client.stop_logging)(Name=made.ref)

    def translate(self, properties: Properties) -> Properties:
        """Take what a trail here keeps."""
        known(properties, "TrailName", *_KEPT)
        return super().translate(properties)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        told = {"Arn": answer["TrailARN"]} if "TrailARN" in answer else {}
        return Made(sent["Name"], told | ({"SnsTopicArn": answer["SnsTopicARN"]} if "SnsTopicARN" in answer else {}))


def _but_logging(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != "IsLogging"}
