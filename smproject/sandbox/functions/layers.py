"""Layers: archives that several functions find under /opt."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.functions.code import Code, CodeStore
from smproject.sandbox.functions.model import timestamp
from smproject.sandbox.service import Caller, Request, ServiceError, page

_MOST = 5  # layers of one function


@dataclass
class Layer:
    """A version of a layer; `facts` are its description, licence, runtimes and architectures."""

    arn: str
    number: int
    code: Code
    facts: dict[str, Any]
    created: str = field(default_factory=timestamp)

    @property
    def of(self) -> str:
        """Return the ARN of the layer without the version."""
        return self.arn.rpartition(":")[0]

    def describe(self) -> dict[str, Any]:
        """Return the members that publishing, getting and listing share."""
        return {"LayerVersionArn": self.arn, "Version": self.number, "CreatedDate": self.created, **self.facts}


class Layers:
    """The layers of all accounts."""

    def __init__(self, store: CodeStore) -> None:
        self._store, self._lock = store, threading.Lock()
        self.versions: dict[str, Layer] = {}
        self.counts: dict[str, int] = {}

    def publish_layer_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Keep a new version of a layer."""
        code = self._store.keep(caller, request["Content"])
        named = ("Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
        facts = {name: request[name] for name in named if request.get(name)}
        of = _arn(caller, request["LayerName"])
        with self._lock:
            self.counts[of] = self.counts.get(of, 0) + 1
            layer = Layer(f"{of}:{self.counts[of]}", self.counts[of], code, facts)
            self.versions[layer.arn] = layer
        return self._whole(layer)

    def get_layer_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a version of a layer."""
        return self._whole(self._at(f"{_arn(caller, request['LayerName'])}:{request['VersionNumber']}"))

    def get_layer_version_by_arn(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a version of a layer by its ARN."""
        return self._whole(self._at(request["Arn"]))

    def list_layer_versions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a layer's versions, the latest first."""
        found = [layer.describe() for layer in self._of(_arn(caller, request["LayerName"]))]
        return page(found, request, "LayerVersions", "MaxItems", "NextMarker", 50)

    def list_layers(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List layers with their latest versions."""
        mine = sorted({layer.of for layer in self.versions.values() if layer.arn.startswith(_arn(caller, ""))})
        found = [
            {"LayerName": of.rpartition(":")[2], "LayerArn": of, "LatestMatchingVersion": self._of(of)[0].describe()}
            for of in mine
        ]
        return page(found, request, "Layers", "MaxItems", "NextMarker", 50)

    def delete_layer_version(self, caller: Caller, request: Request) -> None:
        """Delete a version; functions that have it keep it."""
        self.versions.pop(f"{_arn(caller, request['LayerName'])}:{request['VersionNumber']}", None)

    def named(self, caller: Caller, arns: list[str]) -> list[Layer]:
        """Return the layers that a function asks for; those of other accounts are not shared here."""
        if len(arns) > _MOST:
            raise ServiceError("InvalidParameterValueException", f"Cannot reference more than {_MOST} layers.")
        for arn in arns:
            if arn not in self.versions or not caller.owns(arn):
                message = f"Layer version {arn} does not exist in this account; the sandbox does not share layers."
                raise ServiceError("InvalidParameterValueException", message)
        return [self.versions[arn] for arn in arns]

    def _of(self, of: str) -> list[Layer]:
        return sorted((x for x in self.versions.values() if x.of == of), key=lambda x: x.number, reverse=True)

    def _at(self, arn: str) -> Layer:
        if arn not in self.versions:
            raise ServiceError("ResourceNotFoundException", f"The resource you requested does not exist: {arn}")
        return self.versions[arn]

    def _whole(self, layer: Layer) -> dict[str, Any]:
        where = {"Location": self._store.location(layer.code)}
        content = where | {"CodeSha256": layer.code.sha256, "CodeSize": layer.code.size}
        return {**layer.describe(), "LayerArn": layer.of, "Content": content}


def _arn(caller: Caller, name: str) -> str:
    return name if name.startswith("arn:") else caller.arn_of("lambda", f"layer:{name}")
