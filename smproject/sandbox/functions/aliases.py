"""Aliases: names for versions, which may share the invocations with a second version."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.functions.library import listing
from smproject.sandbox.functions.model import Alias, Function, new_id
from smproject.sandbox.functions.registry import Registry
from smproject.sandbox.service import Caller, Request, ServiceError


class Aliases:
    """The aliases of all functions."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create_alias(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Name a version."""
        function, _ = self._registry.find(caller, request)
        name = request["Name"]
        if name in function.aliases:
            raise ServiceError("ResourceConflictException", f"Alias already exists: {function.qualified(name)}")
        version = request["FunctionVersion"]
        weights = _weights(function, version, request)
        function.aliases[name] = Alias(name, version, request.get("Description") or "", weights)
        return _described(function, name)

    def get_alias(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return an alias."""
        return _described(*self._named(caller, request))

    def list_aliases(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a function's aliases, or those of one version."""
        function, _ = self._registry.find(caller, request)
        wanted = request.get("FunctionVersion")
        names = [name for name, alias in function.aliases.items() if wanted in (None, alias.version)]
        return listing([_described(function, name) for name in names], request, "Aliases")

    def update_alias(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let an alias stand for another version, or share otherwise."""
        function, name = self._named(caller, request)
        alias = function.aliases[name]
        if request.get("RevisionId") not in (None, alias.revision):
            message = "The RevisionId provided does not match the latest RevisionId."
            raise ServiceError("PreconditionFailedException", message)
        version = request.get("FunctionVersion") or alias.version
        weights = _weights(function, version, request) if "RoutingConfig" in request else alias.weights
        alias.version, alias.weights, alias.revision = version, weights, new_id()
        alias.description = request.get("Description", alias.description)
        return _described(function, name)

    def delete_alias(self, caller: Caller, request: Request) -> None:
        """Remove an alias; one that is not there is removed."""
        function, _ = self._registry.find(caller, request)
        function.aliases.pop(request["Name"], None)

    def _named(self, caller: Caller, request: Request) -> tuple[Function, str]:
        function, _ = self._registry.find(caller, request)
        name = request["Name"]
        if name not in function.aliases:
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {function.qualified(name)}")
        return function, name


def _weights(function: Function, version: str, request: Request) -> dict[str, float]:
    """Return the shares of other versions; raises ServiceError unless those and the alias's own version exist."""
    given = request.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    weights = {key: float(share) for key, share in given.items()}
    if len(weights) > 1 or version in weights or (weights and "$LATEST" in {version, *weights}):
        message = "An alias can share its invocations between two different published versions only."
        raise ServiceError("InvalidParameterValueException", message)
    for number in (version, *weights):
        if number in function.aliases:
            raise ServiceError("InvalidParameterValueException", f"{number} is an alias, not a version.")
        function.version(number)
    return weights


def _described(function: Function, name: str) -> dict[str, Any]:
    alias = function.aliases[name]
    found: dict[str, Any] = {"AliasArn": function.qualified(name), "Name": name, "FunctionVersion": alias.version}
    found |= {"Description": alias.description, "RevisionId": alias.revision}
    return found | ({"RoutingConfig": {"AdditionalVersionWeights": alias.weights}} if alias.weights else {})
