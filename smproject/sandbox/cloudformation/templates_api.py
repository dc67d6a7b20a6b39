"""What can be asked about templates."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation import definitions, summary, template, transforms
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.cloudformation.change_sets.service import ChangeSets
from smproject.sandbox.cloudformation.stack_sets.shelf import Shelf
from smproject.sandbox.cloudformation.stacks import Definition
from smproject.sandbox.cloudformation.syntax import invalid
from smproject.sandbox.service import Caller, Request
from smproject.sandbox.world import World


class Templates:
    """GetTemplate, ValidateTemplate and GetTemplateSummary."""

    def __init__(self, world: World, book: Book, change_sets: ChangeSets, shelf: Shelf) -> None:
        self.world, self.book, self.change_sets, self.shelf = world, book, change_sets, shelf

    def get_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return the template of a stack or change set as it was given, or as its transforms left it."""
        if "ChangeSetName" in request:
            definition = self.change_sets.find(caller, request).definition
        elif "StackName" in request:
            definition = self.book.find(caller, request["StackName"]).definition
        else:
            raise invalid("Either StackName or ChangeSetName must be specified.")
        text = processed_text(definition) if request.get("TemplateStage") == "Processed" else definition.text
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    def validate_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Read a template and list its parameters and the capabilities it needs."""
        content = template.read(definitions.template_text(self.world, caller, request))
        summary.check(content)
        return summary.short(content)

    def get_template_summary(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Read a template, given or a stack's, and tell what it makes and needs."""
        content = template.read(self._text(caller, request))
        tolerant = request.get("TemplateSummaryConfig", {}).get("TreatUnrecognizedResourceTypesAsWarnings", False)
        unrecognized = summary.check(content, tolerant=bool(tolerant))
        warnings = {"Warnings": {"UnrecognizedResourceTypes": unrecognized}} if unrecognized else {}
        return summary.whole(content) | warnings

    def _text(self, caller: Caller, request: Request) -> str:
        if "StackSetName" in request:
            return self.shelf.find(caller, request).text
        if name := request.get("StackName"):
            if "TemplateBody" in request or "TemplateURL" in request:
                raise invalid("You can specify only one of StackName, TemplateBody and TemplateURL.")
            return self.book.find(caller, name).definition.text
        return definitions.template_text(self.world, caller, request)


def processed_text(definition: Definition) -> str:
    """Return the template that is executed: the given one, or in JSON what its transforms made of it."""
    given = template.read(definition.text)
    return json.dumps(definition.template) if transforms.declared(given) else definition.text
