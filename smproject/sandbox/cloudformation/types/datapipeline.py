"""Data pipelines: kept and described, but they never run here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import spelled

_LATER = ("Activate", "PipelineObjects")


@provides
class Pipeline(Kept):
    """A pipeline, with its objects."""

    type, service, ref = "AWS::DataPipeline::Pipeline", "datapipeline", "pipelineId"
    creates, deletes, delete_member = "CreatePipeline", "DeletePipeline", "pipelineId"
    reads, read_member, at = "DescribePipelines", "pipelineIds[]", "pipelineDescriptionList[0]"
    untold: ClassVar[tuple[str, ...]] = ("uniqueId",)
    tells: ClassVar[dict[str, str]] = {"PipelineId": "pipelineId"}

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the pipeline, then put its objects and activate it."""
        known(properties, "Name", "Description", "PipelineTags", *_LATER)
        first = {name: item for name, item in properties.items() if name not in _LATER}
        made = super().create(context, first | {"UniqueId": context.name(255)})
        with undone_on_failure(lambda: self.delete(context, made)):
            self._put(context, made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put its objects and activate it."""
        updatable(before, after, *_LATER)
        self._put(context, made, before, after)
        return made

    def translate(self, properties: Properties) -> Properties:
        """Write the tags as the API has them."""
        rest = {name: item for name, item in properties.items() if name != "PipelineTags"}
        tags = spelled(properties.get("PipelineTags"), "key", "value")
        return rest | ({"tags": tags} if tags else {})

    def _put(self, context: Context, made: Made, before: Properties, after: Properties) -> None:
        client, differ = context.client("datapipeline"), changed(before, after)
        if "PipelineObjects" in differ:
            objects = {"pipelineObjects": after.get("PipelineObjects") or []}
            call(client, "PutPipelineDefinition", self.target(made) | objects)
        if differ and text(after.get("Activate", True)) == "true":
            call(client, "ActivatePipeline", self.target(made))
