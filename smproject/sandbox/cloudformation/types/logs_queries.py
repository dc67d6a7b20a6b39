"""Saved queries of CloudWatch Logs."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import known
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple


@provides
class QueryDefinition(Simple):
    """A query that is saved under a name; it isn't run here."""

    type, service, state_only = "AWS::Logs::QueryDefinition", "logs", True
    creates = updates = "PutQueryDefinition"
    deletes, delete_member, update_keys = "DeleteQueryDefinition", "queryDefinitionId", ("QueryDefinitionId",)

    def create(self, context: Context, properties: Properties) -> Made:
        """Save the query."""
        known(properties, "LogGroupNames", "Name", "QueryLanguage", "QueryString")
        return super().create(context, properties)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the id."""
        name = answer.get("queryDefinitionId") or answer["QueryDefinitionId"]
        return Made(name, {"QueryDefinitionId": name})
