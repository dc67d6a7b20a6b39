"""Functions and their versions: created, changed, published, deleted."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.functions import settings
from smproject.sandbox.functions.code import CodeStore
from smproject.sandbox.functions.layers import Layers
from smproject.sandbox.functions.model import LATEST, Function, Version
from smproject.sandbox.functions.registry import Address, Registry
from smproject.sandbox.functions.workers import Workers
from smproject.sandbox.service import Caller, Request, ServiceError, page
from smproject.sandbox.world import World


class Library:
    """The functions of all accounts."""

    def __init__(self, world: World, registry: Registry, store: CodeStore, layers: Layers, workers: Workers) -> None:
        self._world, self._registry, self._store = world, registry, store
        self._layers, self._workers = layers, workers

    def create_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a function; its code must be there, and its role must trust Lambda."""
        address = Address.of(caller, request)
        key = (caller.account, caller.region, address.name)
        if key in self._registry.functions:
            raise ServiceError("ResourceConflictException", f"Function already exist: {address.name}")
        chosen = settings.created(self._world, caller, request)
        layers = self._layers.named(caller, request.get("Layers") or [])
        code = self._store.keep(caller, request["Code"])
        latest = Version(LATEST, chosen, code, description=request.get("Description") or "")
        _put_layers(latest, layers)
        function = Function(*key, latest, dict(request.get("Tags") or {}))
        with self._registry.lock:
            self._registry.functions[key] = function
        return self._published(function) if request.get("Publish") else function.describe()

    def update_function_code(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Replace the code of $LATEST."""
        function = self._changing(caller, request)
        code = self._store.keep(caller, request)
        if request.get("DryRun"):
            return function.describe()
        if request.get("Architectures"):
            function.latest.settings["Architectures"] = request["Architectures"]
        function.latest.code = code
        self._changed(function)
        return self._published(function) if request.get("Publish") else function.describe()

    def update_function_configuration(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change settings of $LATEST."""
        function = self._changing(caller, request)
        chosen = settings.changed(self._world, caller, function.latest.settings, request)
        layers = self._layers.named(caller, request["Layers"]) if "Layers" in request else None
        function.latest.settings = chosen
        if layers is not None:
            _put_layers(function.latest, layers)
        if "Description" in request:
            function.latest.description = request["Description"]
        self._changed(function)
        return function.describe()

    def publish_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Make a version of $LATEST as it is; none when nothing has changed since the last one."""
        function = self._changing(caller, request)
        wanted = request.get("CodeSha256")
        if wanted and wanted != function.latest.code.sha256:
            current = function.latest.code.sha256
            message = f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({current})."
            raise ServiceError("InvalidParameterValueException", message)
        return self._published(function, request.get("Description"))

    def get_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return configuration, tags, concurrency, and a URL of the code."""
        function, qualifier = self._registry.find(caller, request)
        code = function.version(qualifier).code
        found: dict[str, Any] = {
            "Configuration": function.describe(qualifier),
            "Code": {"RepositoryType": "S3", "Location": self._store.location(code)},
        }
        if function.tags:
            found["Tags"] = function.tags
        if function.reserved is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return found

    def get_function_configuration(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return the configuration of a version."""
        function, qualifier = self._registry.find(caller, request)
        return function.describe(qualifier)

    def list_functions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List functions, with all their versions when those are asked for."""
        every = request.get("FunctionVersion") == "ALL"
        found = [
            function.describe(qualifier)
            for function in self._registry.of(caller)
            for qualifier in ((LATEST, *function.versions) if every else ("",))
        ]
        return listing(found, request, "Functions")

    def list_versions_by_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the versions of a function."""
        function, _ = self._registry.find(caller, request)
        return listing([function.describe(number) for number in (LATEST, *function.versions)], request, "Versions")

    def delete_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a function, or one of its versions."""
        function, qualifier = self._registry.find(caller, request)
        if qualifier:
            _delete_version(function, qualifier)
        else:
            with self._registry.lock:
                del self._registry.functions[function.account, function.region, function.name]
        self._workers.retire(function.arn)
        return {"StatusCode": 204}

    def _changing(self, caller: Caller, request: Request) -> Function:
        """Return the function to change, if it still is what the caller has seen."""
        function, qualifier = self._registry.find(caller, request)
        if qualifier not in ("", LATEST):
            message = "This operation is permitted on Lambda functions with $LATEST only."
            raise ServiceError("InvalidParameterValueException", message)
        if request.get("RevisionId") not in (None, function.latest.revision):
            message = (
                "The RevisionId provided does not match the latest RevisionId. Call the GetFunction or the GetAlias "
                "API to retrieve the latest RevisionId"
            )
            raise ServiceError("PreconditionFailedException", message)
        return function

    def _changed(self, function: Function) -> None:
        function.latest.touch()
        self._workers.retire(function.arn)

    def _published(self, function: Function, description: str | None = None) -> dict[str, Any]:
        latest = function.latest
        with self._registry.lock:
            last = function.versions.get(str(function.published))
            if last is None or last.origin != latest.revision:
                function.published += 1
                said = latest.description if description is None else description
                number = str(function.published)
                made = Version(number, dict(latest.settings), latest.code, list(latest.layers), said)
                made.origin = latest.revision
                function.versions[number] = made
            return function.describe(str(function.published))


def listing(items: list[Any], request: Request, key: str) -> dict[str, Any]:
    """Cut one page out of a listing, as Lambda spells it."""
    asked = {"MaxItems": request.get("MaxItems"), "NextMarker": request.get("Marker")}
    return page(items, asked, key, "MaxItems", "NextMarker", 50)


def _put_layers(version: Version, layers: list[Any]) -> None:
    version.layers = [layer.code for layer in layers]
    version.settings["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.code.size} for layer in layers]


def _delete_version(function: Function, qualifier: str) -> None:
    if qualifier == LATEST or qualifier in function.aliases:
        message = "$LATEST version cannot be deleted without deleting the function." if qualifier == LATEST else ""
        raise ServiceError("InvalidParameterValueException", message or f"{qualifier} is an alias, not a version.")
    users = [alias.name for alias in function.aliases.values() if qualifier in (alias.version, *alias.weights)]
    if users:
        message = f"Version {function.qualified(qualifier)} is referenced by an alias: {', '.join(users)}"
        raise ServiceError("ResourceConflictException", message)
    del function.versions[qualifier]
