"""Constraints: who launches a product, who is told, which parameters and which changes of tags are allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, unique_id
from smproject.sandbox.servicecatalog.model import Constraint
from smproject.sandbox.servicecatalog.pages import paginate
from smproject.sandbox.servicecatalog.state import State, not_found

_SINGLE = ("LAUNCH", "RESOURCE_UPDATE")  # of which a product has one at most in a portfolio
_TAGS = "TagUpdateOnProvisionedProduct"


class Constraints:
    """The operations on constraints."""

    def __init__(self, state: State) -> None:
        self.state = state

    def create_constraint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a constraint of a product in a portfolio that the account owns."""
        portfolio = self.state.own_portfolio(caller, request["PortfolioId"])
        product, kind = self.state.product_for(caller, request["ProductId"]), request["Type"]
        parameters = _parameters(kind, request["Parameters"])
        if kind in _SINGLE and self.state.constraint(portfolio.id, product.id, kind):
            message = f"{product.id} already has a {kind} constraint in {portfolio.id}."
            raise ServiceError("DuplicateResourceException", message)
        name = f"cons-{unique_id(13)}"
        text = request.get("Description", "")
        made = Constraint(name, kind, portfolio.id, product.id, caller.account, parameters, text)
        self.state.constraints[made.id] = made
        return _answer(made)

    def describe_constraint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a constraint."""
        return _answer(self._find(caller, request))

    def list_constraints_for_portfolio(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a portfolio's constraints, of one product if asked."""
        portfolio, product = self.state.portfolio(caller, request["PortfolioId"]), request.get("ProductId")
        found = [
            constraint.describe()
            for constraint in self.state.constraints.values()
            if constraint.portfolio == portfolio.id and product in (None, constraint.product)
        ]
        return paginate(found, request, "ConstraintDetails")

    def update_constraint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a constraint's parameters or description."""
        constraint = self._find(caller, request)
        if "Parameters" in request:
            constraint.parameters = _parameters(constraint.type, request["Parameters"])
        constraint.description = request.get("Description", constraint.description)
        return _answer(constraint)

    def delete_constraint(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a constraint."""
        del self.state.constraints[self._find(caller, request).id]
        return {}

    def _find(self, caller: Caller, request: Request) -> Constraint:
        constraint = self.state.constraints.get(request["Id"])
        if constraint is None or constraint.owner != caller.account:
            raise not_found("Constraint", request["Id"])
        return constraint


def allows_tags(constraint: Constraint | None) -> bool:
    """Tell whether a product's RESOURCE_UPDATE constraint lets tags change; without one they may not.

    https://docs.aws.amazon.com/servicecatalog/latest/dg/API_UpdateProvisionedProduct.html
    """
    return constraint is not None and constraint.parameters["Properties"][_TAGS] == "ALLOWED"


def _answer(constraint: Constraint) -> dict[str, Any]:
    return {
        "ConstraintDetail": constraint.describe(),
        "ConstraintParameters": json.dumps(constraint.parameters),
        "Status": "AVAILABLE",
    }


def _parameters(kind: str, text: str) -> dict[str, Any]:
    """Read a constraint's parameters; raises ServiceError unless they are those of its type."""
    if kind not in _VALID:
        raise _invalid(f"The sandbox has no {kind} constraints, only {', '.join(_VALID)}.")
    try:
        parameters = json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid(f"Parameters must be JSON: {error}") from error
    told, valid = _VALID[kind]
    if not isinstance(parameters, dict) or not valid(parameters):
        raise _invalid(told)
    return parameters


def _launches(parameters: dict[str, Any]) -> bool:
    return set(parameters) in ({"RoleArn"}, {"LocalRoleName"})


def _notifies(parameters: dict[str, Any]) -> bool:
    arns = parameters.get("NotificationArns")
    return set(parameters) == {"NotificationArns"} and isinstance(arns, list) and bool(arns)


def _updates(parameters: dict[str, Any]) -> bool:
    properties = parameters.get("Properties")
    return isinstance(properties, dict) and properties.get(_TAGS) in ("ALLOWED", "NOT_ALLOWED") and len(properties) == 1


def _rules(parameters: dict[str, Any]) -> bool:
    rules = parameters.get("Rules")
    return (
        set(parameters) == {"Rules"}
        and isinstance(rules, dict)
        and all(isinstance(rule, dict) and rule.get("Assertions") for rule in rules.values())
    )


_VALID: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
    "LAUNCH": ("A launch constraint takes RoleArn or LocalRoleName, one of them.", _launches),
    "NOTIFICATION": ("A notification constraint takes NotificationArns, a list of topics.", _notifies),
    "RESOURCE_UPDATE": (
        f"A resource update constraint takes Properties with {_TAGS} ALLOWED or NOT_ALLOWED.",
        _updates,
    ),
    "TEMPLATE": ("A template constraint takes Rules, each with Assertions.", _rules),
}


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParametersException", message)
