"""Step Functions: moto keeps state machines; nothing runs them, so that executions are refused."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, Service, ServiceError


class StepFunctions(Service):
    """Refuses what would run a state machine: moto's executions never do anything."""

    name, signing_name = "stepfunctions", "states"
    over_moto = True

    def start_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse."""
        raise ServiceError("NotImplemented", "The sandbox does not implement states:StartExecution.")

    def start_sync_execution(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse."""
        raise ServiceError("NotImplemented", "The sandbox does not implement states:StartSyncExecution.")
