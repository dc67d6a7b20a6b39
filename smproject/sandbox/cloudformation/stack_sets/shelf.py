"""All stack sets, how a request finds the one it names, and how operations on them begin."""

from __future__ import annotations

import threading
import uuid

from smproject.sandbox.cloudformation import limits
from smproject.sandbox.cloudformation.stack_sets.organization import Organization
from smproject.sandbox.cloudformation.stack_sets.records import SERVICE_MANAGED, Operation, Place, Result, StackSet
from smproject.sandbox.cloudformation.stack_sets.runner import Runner
from smproject.sandbox.service import INTERRUPTED, Caller, Request, ServiceError
from smproject.sandbox.world import World


class Shelf:
    """The stack sets, deleted ones too; `lock` guards decisions that depend on the operations under way."""

    def __init__(self, world: World) -> None:
        self.world, self.organization = world, Organization(world)
        self.sets: list[StackSet] = []
        self.lock = threading.Lock()

    def all(self, caller: Caller, request: Request) -> list[StackSet]:
        """Return the sets that the caller administers in its region, deleted ones too."""
        account = self.organization.administrator(caller, request.get("CallAs") or "SELF")
        return [each for each in list(self.sets) if (each.account, each.region) == (account, caller.region)]

    def find(self, caller: Caller, request: Request) -> StackSet:
        """Return the set that a request names; a deleted one only by its id."""
        name = request["StackSetName"]
        found = [each for each in self.all(caller, request) if name == each.id or self._is_live(each, name)]
        if not found:
            raise ServiceError("StackSetNotFoundException", f"StackSet {name} not found")
        if found[0].model == SERVICE_MANAGED:
            self.organization.demand_service_managed(found[0].account)
        return found[0]

    def live(self, caller: Caller, request: Request) -> StackSet:
        """Return the set that a request names, which must not be deleted."""
        found = self.find(caller, request)
        if found.status != "ACTIVE":
            raise ServiceError("StackSetNotFoundException", f"StackSet {request['StackSetName']} not found")
        return found

    def _is_live(self, found: StackSet, name: str) -> bool:
        return found.status == "ACTIVE" and found.name == name

    def add(self, made: StackSet) -> None:
        """Keep a new set; refuse a name that is taken."""
        limits.check_new_name("stackSetName", made.name)
        place = (made.account, made.region)
        with self.lock:
            if any((each.account, each.region) == place and self._is_live(each, made.name) for each in self.sets):
                raise ServiceError("NameAlreadyExistsException", f"StackSet {made.name} already exists")
            self.sets.append(made)

    def operation(self, found: StackSet, id_: str) -> Operation:
        """Return an operation of a set."""
        for each in found.operations:
            if each.id == id_:
                return each
        raise ServiceError("OperationNotFoundException", f"Operation {id_} not found for StackSet {found.id}")

    def claim(self, found: StackSet, request: Request, action: str) -> Operation:
        """Enter a new operation into a set, which is then its only one; `lock` must be held."""
        id_ = request.get("OperationId") or str(uuid.uuid4())
        if any(each.id == id_ for each in found.operations):
            raise ServiceError("OperationIdAlreadyExistsException", f"Operation {id_} already exists")
        self.demand_rest(found)
        preferences, targets = request.get("OperationPreferences") or {}, request.get("DeploymentTargets") or {}
        begun = Operation(id_, action, preferences, targets, bool(request.get("RetainStacks")))
        found.operations.append(begun)
        return begun

    def demand_rest(self, found: StackSet) -> None:
        """Refuse while an operation is under way."""
        if other := found.open_operation:
            message = f"Another Operation on StackSet {found.arn} is in progress: {other.id}"
            raise ServiceError("OperationInProgressException", message)

    def run(self, found: StackSet, operation: Operation, places: list[Place]) -> None:
        """Run an operation on instances in the background."""
        for place in places:
            instance = found.instances[place]
            operation.results[place] = Result(*place, instance.unit)
            instance.operation, instance.detailed, instance.reason = operation.id, "PENDING", ""
        runner = Runner(self.world, found, operation)
        self.world.background(f"{operation.action} {found.name}", runner.run)

    def resume(self) -> None:
        """End the operations that a stop of the sandbox interrupted."""
        for found in self.sets:
            if interrupted := found.open_operation:
                for place, result in interrupted.results.items():
                    if result.status in {"PENDING", "RUNNING"}:
                        result.status, result.reason = "FAILED", INTERRUPTED
                        if instance := found.instances.get(place):
                            instance.detailed, instance.reason = "FAILED", INTERRUPTED
                interrupted.end("FAILED", INTERRUPTED)
