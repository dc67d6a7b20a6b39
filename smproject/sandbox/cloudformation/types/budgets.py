"""AWS Budgets: kept and described; nothing costs anything here, so nobody is notified."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call, known, remove
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides


@provides
class Budget(Provider):
    """A budget with its notifications; only a new one can be another."""

    type, state_only = "AWS::Budgets::Budget", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the budget."""
        known(properties, "Budget", "NotificationsWithSubscribers")
        budget = {"BudgetName": context.name(100)} | properties["Budget"]
        wanted = properties | {"AccountId": context.caller.account, "Budget": budget}
        call(context.client("budgets"), "CreateBudget", wanted)
        return Made(str(budget["BudgetName"]), {"Id": str(budget["BudgetName"])})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the budget."""
        named = {"AccountId": context.caller.account, "BudgetName": made.ref}
        remove(context.client("budgets"), "DeleteBudget", named)
