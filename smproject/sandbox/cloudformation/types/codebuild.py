"""CodeBuild projects."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple


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
        return super().translate(properties | {"Source": source})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the project; the call takes the tags away only when it is told that there are none."""
        return super().update(context, made, {"Tags": []} | before, {"Tags": []} | after)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["Name"], {"Arn": answer["project"]["arn"]})
