"""CodeBuild projects."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple

# What the update call is told where the template says no more of a property: it leaves alone what it isn't told.
_DEFAULTS: Properties = {
    "Cache": {"Type": "NO_CACHE"},
    "ConcurrentBuildLimit": -1,
    "Description": "",
    "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED"}},
    "QueuedTimeoutInMinutes": 480,
    "SecondaryArtifacts": [],
    "SecondarySourceVersions": [],
    "SecondarySources": [],
    "SourceVersion": "",
    "TimeoutInMinutes": 60,
    "VpcConfig": {},
}


@provides
class Project(Simple):
    """A CodeBuild project; it takes its tags with the update."""

    type, service = "AWS::CodeBuild::Project", "codebuild"
    creates, updates, patches = "CreateProject", "UpdateProject", True
    deletes, delete_member, name_property = "DeleteProject", "name", "Name"

    def translate(self, properties: Properties) -> Properties:
        """Rename the buildspec, the one member whose API name differs by more than case."""
        source = dict(properties["Source"])
        if "BuildSpec" in source:
            source["buildspec"] = source.pop("BuildSpec")
        hidden = {name: item for name, item in properties.items() if (name, item) != ("Visibility", "PRIVATE")}
        return super().translate(hidden | {"Source": source})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the project; what is gone from the template goes back to CodeBuild's default."""
        had, wanted = ({"Tags": [], **_left(one, other), **one} for one, other in ((before, after), (after, before)))
        return super().update(context, made, had, wanted)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["Name"], {"Id": sent["Name"], "Arn": answer["project"]["arn"]})


def _left(here: Properties, there: Properties) -> Properties:
    """Return the defaults of the properties that only the other side has."""
    return {name: default for name, default in _DEFAULTS.items() if name in there and name not in here}


@provides
class ReportGroup(Simple):
    """A group of test reports; it takes its tags with the update, and `DeleteReports` with the deletion."""

    type, service = "AWS::CodeBuild::ReportGroup", "codebuild"
    creates, updates, deletes = "CreateReportGroup", "UpdateReportGroup", "DeleteReportGroup"
    ref = delete_member = "arn"
    name_property, name_limit, place, update_keys = "Name", 128, ("DeleteReports",), ("arn",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group; remember whether its reports go with it."""
        made = super().create(context, _group(properties))
        return Made(made.ref, made.attributes | {"_DeleteReports": properties.get("DeleteReports", False)})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the group; the call takes the tags away only when it is told that there are none."""
        made = super().update(context, made, {"Tags": []} | _group(before), {"Tags": []} | _group(after))
        return Made(made.ref, made.attributes | {"_DeleteReports": after.get("DeleteReports", False)})

    def name(self, made: Made) -> str:
        """Return the ARN, by which the API calls a group that there is."""
        return made.ref


def _group(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name != "DeleteReports"}
