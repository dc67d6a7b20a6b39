"""What can be asked about templates."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation import definitions, template, views
from smproject.sandbox.cloudformation.book import Book
from smproject.sandbox.service import Caller, Request
from smproject.sandbox.world import World


class Templates:
    """GetTemplate, ValidateTemplate and GetTemplateSummary."""

    def __init__(self, world: World, book: Book) -> None:
        self.world, self.book = world, book

    def get_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a stack's template as it was given."""
        text = self.book.find(caller, request["StackName"]).definition.text
        return {"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}

    def validate_template(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Read a template and list its parameters and the capabilities it needs."""
        content = template.read(definitions.template_text(self.world, caller, request))
        declared = [views.parameter(name, spec) for name, spec in content.get("Parameters", {}).items()]
        needed = definitions.needed_capabilities(content)
        return {"Parameters": declared, "Description": content.get("Description", ""), "Capabilities": needed}

    get_template_summary = validate_template
