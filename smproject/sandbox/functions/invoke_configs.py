"""How queued events of a function are retried, and where their results go."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.functions.destinations import SERVICES
from smproject.sandbox.functions.library import listing
from smproject.sandbox.functions.model import Function
from smproject.sandbox.functions.registry import Registry
from smproject.sandbox.service import Caller, Request, ServiceError, now

_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


class InvokeConfigs:
    """The invoke configurations of all functions."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def put_function_event_invoke_config(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Replace a configuration."""
        function, qualifier = self._registry.find(caller, request)
        return _set(function, qualifier, {}, request)

    def update_function_event_invoke_config(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change members of a configuration."""
        function, qualifier = self._registry.find(caller, request)
        return _set(function, qualifier, _found(function, qualifier), request)

    def get_function_event_invoke_config(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a configuration."""
        function, qualifier = self._registry.find(caller, request)
        return _described(function, qualifier, _found(function, qualifier))

    def list_function_event_invoke_configs(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the configurations of a function's versions and aliases."""
        function, _ = self._registry.find(caller, request)
        found = [_described(function, qualifier, each) for qualifier, each in function.invoke_configs.items()]
        return listing(found, request, "FunctionEventInvokeConfigs")

    def delete_function_event_invoke_config(self, caller: Caller, request: Request) -> None:
        """Delete a configuration."""
        function, qualifier = self._registry.find(caller, request)
        _found(function, qualifier)
        del function.invoke_configs[_key(qualifier)]


def _key(qualifier: str) -> str:
    return "" if qualifier == "$LATEST" else qualifier


def _set(function: Function, qualifier: str, before: dict[str, Any], request: Request) -> dict[str, Any]:
    for chosen in request.get("DestinationConfig", {}).values():
        arn = chosen.get("Destination")
        if arn and (arn.count(":") < 5 or arn.split(":")[2] not in SERVICES):
            message = f"The sandbox sends results of functions to {', '.join(SERVICES)} only, not to {arn}."
            raise ServiceError("InvalidParameterValueException", message)
    given = {name: request[name] for name in _MEMBERS if request.get(name) is not None}
    found = before | given | {"LastModified": now()}
    function.invoke_configs[_key(qualifier)] = found
    return _described(function, qualifier, found)


def _found(function: Function, qualifier: str) -> dict[str, Any]:
    found = function.invoke_configs.get(_key(qualifier))
    if found is None:
        message = f"The function {function.qualified(qualifier)} doesn't have an EventInvokeConfig"
        raise ServiceError("ResourceNotFoundException", message)
    return found


def _described(function: Function, qualifier: str, found: dict[str, Any]) -> dict[str, Any]:
    return {"FunctionArn": function.qualified(qualifier or "$LATEST"), **found}
