"""The operations on the instances of stack sets, and what can be asked about them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.stack_sets import targets, views
from smproject.sandbox.cloudformation.stack_sets.records import Instance, Place, StackSet
from smproject.sandbox.cloudformation.stack_sets.service import given_parameters, refuse_unknown
from smproject.sandbox.cloudformation.stack_sets.shelf import Shelf
from smproject.sandbox.service import Caller, Request, ServiceError, page

_FILTERS = {
    "DETAILED_STATUS": lambda instance: instance.detailed,
    "LAST_OPERATION_ID": lambda instance: instance.operation,
    "DRIFT_STATUS": lambda instance: instance.drift,
}


class StackInstances:
    """CreateStackInstances, UpdateStackInstances, DeleteStackInstances and the descriptions of instances."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def create_stack_instances(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Make stacks in accounts and regions; where the set has one already, bring it up to date."""
        found = self.shelf.live(caller, request)
        overrides = self._overrides(found, request, {})
        places = targets.wanted(self.shelf.organization, found, request)
        with self.shelf.lock:
            operation = self.shelf.claim(found, request, "CREATE")
            for place, unit in places.items():
                instance = found.instances.setdefault(place, Instance(*place, unit))
                instance.overrides, instance.status = dict(overrides), "OUTDATED"
            named = (request.get("DeploymentTargets") or {}).get("OrganizationalUnitIds") or []
            found.units = [*found.units, *(unit for unit in named if unit not in found.units)]
        self.shelf.run(found, operation, list(places))
        return {"OperationId": operation.id}

    def update_stack_instances(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Bring instances up to date, with other overrides of the set's parameters where the request has some."""
        found = self.shelf.live(caller, request)
        places = targets.named(found, self.shelf.organization, request)
        changed = {place: self._overrides(found, request, found.instances[place].overrides) for place in places}
        with self.shelf.lock:
            operation = self.shelf.claim(found, request, "UPDATE")
            for place, overrides in changed.items():
                instance = found.instances[place]
                if "ParameterOverrides" in request:
                    instance.overrides = overrides
                instance.status = "OUTDATED"
        self.shelf.run(found, operation, places)
        return {"OperationId": operation.id}

    def delete_stack_instances(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete instances, and their stacks unless they are to be retained."""
        found = self.shelf.live(caller, request)
        wanted = targets.wanted(self.shelf.organization, found, request)
        with self.shelf.lock:
            operation = self.shelf.claim(found, request, "DELETE")
            places: list[Place] = [place for place in wanted if place in found.instances]
        self.shelf.run(found, operation, places)
        return {"OperationId": operation.id}

    def detect_stack_set_drift(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Detect the drift of all the stacks of a set."""
        found = self.shelf.live(caller, request)
        with self.shelf.lock:
            operation = self.shelf.claim(found, request, "DETECT_DRIFT")
        self.shelf.run(found, operation, [place for place, each in found.instances.items() if each.stack_id])
        return {"OperationId": operation.id}

    def describe_stack_instance(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe one instance."""
        found = self.shelf.find(caller, request)
        place = (request["StackInstanceAccount"], request["StackInstanceRegion"])
        if place not in found.instances:
            message = f"Stack instance not found for StackSet {found.id} account {place[0]} region {place[1]}"
            raise ServiceError("StackInstanceNotFoundException", message)
        return {"StackInstance": views.instance(found.instances[place], found)}

    def list_stack_instances(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the instances of a set, by account, region and status."""
        found = self.shelf.find(caller, request)
        account, region = request.get("StackInstanceAccount"), request.get("StackInstanceRegion")
        listed = [
            instance
            for instance in list(found.instances.values())
            if account in (None, instance.account)
            and region in (None, instance.region)
            and all(_FILTERS[each["Name"]](instance) == each["Values"] for each in request.get("Filters", []))
        ]
        return page([views.instance(each, found) for each in listed], request, "Summaries")

    def _overrides(self, found: StackSet, request: Request, previous: dict[str, str]) -> dict[str, str]:
        given = given_parameters(request.get("ParameterOverrides", []), found.parameters | previous)
        refuse_unknown(found.declared, given)
        return given
