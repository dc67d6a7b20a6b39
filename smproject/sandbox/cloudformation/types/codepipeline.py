"""CodePipeline pipelines."""

from __future__ import annotations

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging


@provides
class Pipeline(Simple):
    """A CodePipeline pipeline; creating it starts its first execution."""

    type, service = "AWS::CodePipeline::Pipeline", "codepipeline"
    creates, updates, deletes = "CreatePipeline", "UpdatePipeline", "DeletePipeline"
    delete_member, name_property = "name", "Name"
    tagging = Tagging("resourceArn")

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the pipeline, whose ARN only its name tells."""
        made = super().create(context, properties)
        return Made(made.ref, made.attributes | {"Arn": context.caller.arn_of("codepipeline", made.ref)})

    def translate(self, properties: Properties) -> Properties:
        """Nest the properties under `pipeline`, beside the tags."""
        translated = super().translate(properties)
        translated.pop("RestartExecutionOnUpdate", None)
        tags = {"tags": translated.pop("Tags")} if "Tags" in translated else {}
        return {"pipeline": translated, **tags}

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new version in force, and run it if the template says so."""
        made = super().update(context, made, before, after)
        if str(after.get("RestartExecutionOnUpdate", False)).lower() == "true":
            context.client("codepipeline").start_pipeline_execution(name=made.ref)
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["pipeline"]["Name"], {"Version": str(answer["pipeline"]["version"])})
